/**
 * Builds `sdk.js`, the SDK that pages load without code: sdk/src/script.ts into src/collect/build,
 * with `.br` and `.gz` beside it, and beside it the scripts of released versions (sdk/released).
 *
 * Does nothing if sources and versions are those of the last build. Fails if the script is larger
 * than SCRIPT_BYTES_MAX.
 * usage: node scripts/build-script.ts [--force]
 */
import { globSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { FINGERPRINT, fingerprintOf, isBuilt, writeInPlace } from './build-output.ts'

const BUILD_NAME = 'build-script'
const ROOT = fileURLToPath(new URL('../', import.meta.url))
const ENTRY = join(ROOT, 'sdk/src/script.ts')
const BUILD = join(ROOT, 'src/collect/build')
const SCRIPT = 'sdk.js'
/** Compressed by brotli. */
const SCRIPT_BYTES_MAX = 4_096
const TARGET = 'es2021'
/** Says to the sources what they are built for. */
const TARGET_MODULE = '/sdk/src/target.ts'
/**
 * Properties of ours, which get short names. No name that a browser, the collector, the storage or
 * a page's own code knows may stand here: `key` is one of Storage, `nowMs` one of an answer.
 */
const OWN_PROPERTIES = `
  addOldest after all batch beacon bestTimeOf byteLength bytes cancel clock environment events
  flushIntervalMs forget isOurs isShared isUnderWay leave measure moment needsMeasurement onActivated
  onGone onHidden onProgress onRestored onVisible isPrerendering open page pauseMaxMs persist place queue
  queueBytes queueEvents read recalled refusesTracking release remember remove report resume
  retryAfter roundTripMs run sent sequence size steadyMs store take takeOver timeOf timestamp trueMs
  type until url userId uuid wake wallMs write
`

await buildScript(process.argv.includes('--force'))

async function buildScript(force: boolean): Promise<void> {
  const sources = globSync(['sdk/src/*.ts', 'sdk/released/*.js'], { cwd: ROOT })
  const fingerprint = await fingerprintOf(import.meta.url, ['vite'], sources)
  if (!force && (await isBuilt(BUILD, fingerprint, [SCRIPT]))) return
  const code = await bundle()
  const bytes = brotli(code).length
  if (bytes > SCRIPT_BYTES_MAX) {
    throw new Error(
      `${BUILD_NAME}: ${SCRIPT} weighs ${bytes} bytes compressed, more than ${SCRIPT_BYTES_MAX}`,
    )
  }
  await mkdir(BUILD, { recursive: true })
  const released = globSync('sdk/released/sdk-*.js', { cwd: ROOT })
  for (const path of released) await place(basename(path), await readFile(join(ROOT, path), 'utf8'))
  await place(SCRIPT, code)
  await removeOthers([SCRIPT, ...released.map((path) => basename(path))])
  await writeInPlace(BUILD_NAME, join(BUILD, FINGERPRINT), fingerprint)
  console.log(`built src/collect/build/${SCRIPT}: ${code.length} bytes, brotli ${bytes}`)
}

async function bundle(): Promise<string> {
  const { build, minifySync } = await import('vite')
  const built = await build({
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    plugins: [
      {
        name: 'is-script',
        transform: (code, id) =>
          id.endsWith(TARGET_MODULE) ? code.replace('= false', '= true') : null,
      },
    ],
    build: {
      write: false,
      target: TARGET,
      minify: false,
      rolldownOptions: {
        input: ENTRY,
        output: { format: 'iife', topLevelVar: false },
        optimization: { inlineConst: { mode: 'all', pass: 3 } },
      },
    },
  })
  const [first] = Array.isArray(built) ? built : [built]
  if (first === undefined || !('output' in first))
    throw new Error(`${BUILD_NAME}: nothing is built`)
  const names = OWN_PROPERTIES.trim().split(/\s+/).join('|')
  const { code, errors } = minifySync(SCRIPT, first.output[0].code, {
    compress: { target: TARGET },
    mangle: { toplevel: true },
    mangleProps: { include: new RegExp(`^(${names})$`) },
  })
  if (errors.length > 0) throw new Error(`${BUILD_NAME}: ${errors[0]?.message}`)
  return code
}

async function place(name: string, code: string): Promise<void> {
  await writeInPlace(BUILD_NAME, join(BUILD, `${name}.br`), brotli(code))
  await writeInPlace(BUILD_NAME, join(BUILD, `${name}.gz`), gzipSync(code, { level: 9 }))
  await writeInPlace(BUILD_NAME, join(BUILD, name), code)
}

function brotli(code: string): Uint8Array {
  return brotliCompressSync(code, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_LGWIN]: 16,
      [constants.BROTLI_PARAM_SIZE_HINT]: code.length,
    },
  })
}

/** What earlier builds left. */
async function removeOthers(names: readonly string[]): Promise<void> {
  const kept = new Set(names.flatMap((name) => [name, `${name}.br`, `${name}.gz`]))
  for (const name of await readdir(BUILD)) {
    if (name !== FINGERPRINT && !kept.has(name)) await rm(join(BUILD, name), { force: true })
  }
}
