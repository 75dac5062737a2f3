// Compiles the AssemblyScript modules: src/engine/assembly/{engine,ids}.ts into
// src/engine/build/*.wasm.
//
// Skips the work when sources, compiler and options are those of the last build (their hash lies
// beside the modules). Files are renamed into place, so that a build beside a running test is
// harmless.
// usage: node scripts/build-engine.ts [--force]

import { globSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { FINGERPRINT, fingerprintOf, isBuilt, writeInPlace } from './build-output.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const MODULES = ['engine', 'ids'] as const
const SOURCES = new URL('../src/engine/assembly/', import.meta.url)
const BUILD = new URL('../src/engine/build/', import.meta.url)

const OPTIONS: readonly string[] = [
  ...['-O3', '--noAssert'],
  ...['--runtime', 'stub', '--enable', 'simd'],
  ...['--use', 'abort='],
]

await buildEngine(process.argv.includes('--force'))

async function buildEngine(force: boolean): Promise<void> {
  const sources = globSync('src/engine/assembly/*.ts', { cwd: ROOT })
  const fingerprint = await fingerprintOf(import.meta.url, ['assemblyscript'], sources)
  const results = MODULES.map((module) => `${module}.wasm`)
  if (!force && (await isBuilt(fileURLToPath(BUILD), fingerprint, results))) return
  const compiler = await loadCompiler()
  await mkdir(BUILD, { recursive: true })
  for (const module of MODULES) await compileModule(compiler, module)
  await place(new URL(FINGERPRINT, BUILD), fingerprint)
}

type Compiler = typeof import('assemblyscript/asc')

async function loadCompiler(): Promise<Compiler> {
  try {
    return await import('assemblyscript/asc')
  } catch (cause) {
    throw new Error(
      'build-engine: the AssemblyScript compiler is not installed; run `npm ci` in the ' +
        'project folder',
      { cause },
    )
  }
}

async function compileModule(compiler: Compiler, module: string): Promise<void> {
  const source = `${module}.ts`
  const started = performance.now()
  const outcome = await compiler.main([source, '--outFile', `${module}.wasm`, ...OPTIONS], {
    readFile: (name, base) => readSource(name, base),
    writeFile: (name, contents) => place(new URL(name, BUILD), contents),
    listFiles: () => [],
    stdout: process.stdout,
    stderr: process.stderr,
  })
  if (outcome.error) {
    throw new Error(
      `build-engine: src/engine/assembly/${source} does not compile; the compiler's ` +
        'messages are above',
      { cause: outcome.error },
    )
  }
  console.log(
    `built src/engine/build/${module}.wasm in ${Math.round(performance.now() - started)} ms`,
  )
}

/** The compiler asks for sources relative to its base, and for its own library files as absent. */
async function readSource(name: string, _base: string): Promise<string | null> {
  try {
    return await readFile(new URL(name, SOURCES), 'utf8')
  } catch {
    return null
  }
}

function place(target: URL, contents: string | Uint8Array): Promise<void> {
  return writeInPlace('build-engine', fileURLToPath(target), contents)
}
