// Builds the live page with Vite: src/page into src/dashboard/build, with `.br` and `.gz` beside
// each file.
//
// Does nothing if sources and versions are those of the last build; their hash lies beside the
// result. Files are renamed into place one by one, index.html after what it names, so that a build
// beside a running server is harmless. Fails if the page is larger than PAGE_BYTES_MAX.
// usage: node scripts/build-page.ts [--force]

import { globSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'
import { FINGERPRINT, fingerprintOf, isBuilt, writeInPlace } from './build-output.ts'

const BUILD_NAME = 'build-page'
const ROOT = fileURLToPath(new URL('../', import.meta.url))
const PAGE = join(ROOT, 'src/page')
const BUILD = join(ROOT, 'src/dashboard/build')
/** The page, and the definition of the dashboard, which it shares with the server. */
const SOURCES = ['src/page/**/*', 'src/dashboard-definition.ts', 'src/dashboard-definition/*']
const VERSIONED = ['vite', 'echarts']
/** All files of a first visit together, compressed by gzip, the weaker of the two encodings. */
const PAGE_BYTES_MAX = 350_000
/** Only these are compressed and count as the page; the list of licences is never sent. */
const SENT = ['.html', '.js', '.css', '.svg']
const LICENCES = 'third-party-licences.md'

await buildPage(process.argv.includes('--force'))

async function buildPage(force: boolean): Promise<void> {
  const sources = globSync(SOURCES, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
  const fingerprint = await fingerprintOf(import.meta.url, VERSIONED, sources)
  if (!force && (await isBuilt(BUILD, fingerprint, ['index.html', 'assets']))) return
  const started = performance.now()
  await mkdir(BUILD, { recursive: true })
  const scratch = await mkdtemp(join(tmpdir(), 'campaign-metrics-page-'))
  try {
    await bundle(scratch)
    const files = globSync('**/*', { cwd: scratch, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(scratch.length + 1))
      .sort((a, b) => Number(extname(a) === '.html') - Number(extname(b) === '.html'))
    const sizes = []
    for (const file of files) sizes.push(await placeFile(scratch, file))
    await removeOthers(files)
    report(sizes, performance.now() - started)
    await writeInPlace(BUILD_NAME, join(BUILD, FINGERPRINT), fingerprint)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function bundle(outDir: string): Promise<void> {
  const { build } = await loadVite()
  await build({
    root: PAGE,
    // A proxy may serve the page under any path.
    base: './',
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    plugins: [slashBeforeAll(), themeBeforePaint()],
    build: {
      outDir,
      emptyOutDir: false,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      license: { fileName: LICENCES },
      // ECharts is one chunk, loaded beside the page; the limit that counts is checked below.
      chunkSizeWarningLimit: 1000,
    },
  })
}

/**
 * The first script, before any address of the page is used. A relative address that is only a query
 * leads back to the page itself (RFC 3986, 5.2.2), with or without a slash at its end.
 */
function slashBeforeAll(): Plugin {
  return {
    name: 'slash-before-all',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace('<title>', '<script src="?slash.js"></script>\n    <title>'),
    },
  }
}

/** Painting waits for the small entry: a theme chosen by hand must not flash the other one. */
function themeBeforePaint(): Plugin {
  return {
    name: 'theme-before-paint',
    transformIndexHtml: {
      order: 'post',
      handler: (html) =>
        html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
  }
}

async function loadVite(): Promise<typeof import('vite')> {
  try {
    return await import('vite')
  } catch (cause) {
    throw new Error(
      'build-page: Vite is not installed; run `npm ci` in the project folder ' +
        '(with devDependencies)',
      { cause },
    )
  }
}

type Sizes = Readonly<{ file: string; bytes: number; gzip: number; brotli: number }>

async function placeFile(from: string, file: string): Promise<Sizes> {
  const content = await readFile(join(from, file))
  const target = join(BUILD, file)
  await mkdir(dirname(target), { recursive: true })
  if (!SENT.includes(extname(file))) {
    await writeInPlace(BUILD_NAME, target, content)
    return { file, bytes: content.length, gzip: 0, brotli: 0 }
  }
  const gzip = gzipSync(content, { level: 9 })
  const brotli = brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  })
  await writeInPlace(BUILD_NAME, `${target}.br`, brotli)
  await writeInPlace(BUILD_NAME, `${target}.gz`, gzip)
  await writeInPlace(BUILD_NAME, target, content)
  return { file, bytes: content.length, gzip: gzip.length, brotli: brotli.length }
}

/** What earlier builds left. */
async function removeOthers(files: readonly string[]): Promise<void> {
  const kept = new Set(files.flatMap((file) => [file, `${file}.br`, `${file}.gz`]))
  for (const path of globSync('{*,assets/*}', { cwd: BUILD })) {
    if (path === 'assets' || path === FINGERPRINT || kept.has(path)) continue
    await rm(join(BUILD, path), { recursive: true, force: true })
  }
}

function report(sizes: readonly Sizes[], tookMs: number): void {
  const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1).padStart(7)} KB`
  const line = (name: string, { bytes, gzip, brotli }: Omit<Sizes, 'file'>): string =>
    `  ${name.padEnd(36)} ${kilobytes(bytes)}  gzip ${kilobytes(gzip)}  brotli ${kilobytes(brotli)}`
  const sent = sizes.filter(({ gzip }) => gzip > 0)
  const sum = (of: (one: Sizes) => number): number => sent.reduce((all, one) => all + of(one), 0)
  const total = {
    bytes: sum(({ bytes }) => bytes),
    gzip: sum(({ gzip }) => gzip),
    brotli: sum(({ brotli }) => brotli),
  }
  console.log(`built src/dashboard/build in ${Math.round(tookMs)} ms`)
  for (const one of sent) console.log(line(one.file, one))
  console.log(line('in all', total))
  if (total.gzip > PAGE_BYTES_MAX) {
    throw new Error(
      `build-page: the page weighs ${total.gzip} bytes compressed, more than ${PAGE_BYTES_MAX}`,
    )
  }
}
