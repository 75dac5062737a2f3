/**
 * The SDK as its user gets it: packed by npm, installed in an empty folder, and run in Node, in a
 * page that Vite has built, in a bare JavaScript context, and on Hermes, the engine of React
 * Native. Every way ends at a real collector, which has to store each event once.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createContext, runInContext } from 'node:vm'
import { publint } from 'publint'
import { type BuildEnvironmentOptions, build } from 'vite'
import type { Tracker } from '../../sdk/src/index.ts'
import { findChromium, launchChromium } from '../browser/support/chromium.ts'
import { get, post, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { npm, npmInstall } from '../support/npm.ts'
import { type Product, startProduct } from '../support/product.ts'
import { makeScratchFolder } from '../support/scratch.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = makeScratchFolder('sdk-package')
const LIMIT_MS = 120_000
const chromium = findChromium()

let tarball = ''
let files: readonly string[] = []
let folder: Folder
let product: Product

before(async () => {
  const packed = npm(['pack', '--json', '--pack-destination', FOLDER], join(ROOT, 'sdk'))
  const [first] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
  tarball = join(FOLDER, first.filename)
  files = first.files.map(({ path }) => path)
  write('package.json', '{ "private": true }')
  npmInstall([tarball], FOLDER)
  folder = await openFolder({ cors: ['*'] })
  product = await startProduct(folder)
})

after(async () => {
  await product?.stop()
  await folder?.close()
})

function write(name: string, text: string): string {
  const path = join(FOLDER, name)
  writeFileSync(path, text)
  return path
}

let storedBefore = 0
/** How many events were stored since the last call. */
async function storedSince(): Promise<number> {
  const { stored } = await waitUntilSettled(product.url)
  const gained = stored - storedBefore
  storedBefore = stored
  return gained
}

function runNode(script: string): string {
  const run = spawnSync(process.execPath, [script, product.url], {
    cwd: FOLDER,
    encoding: 'utf8',
    timeout: LIMIT_MS,
  })
  assert.equal(run.status, 0, run.stdout + run.stderr)
  assert.equal(run.stderr, '')
  return run.stdout
}

test('the tarball holds JavaScript, types, README and license, and asks for no other package', () => {
  const allowed = [
    /^dist\/(cjs\/)?[\w-]+\.(js|d\.ts)$/,
    /^dist\/cjs\/package\.json$/,
    /^(LICENSE|README\.md|package\.json)$/,
  ]
  assert.deepEqual(
    files.filter((path) => !allowed.some((one) => one.test(path))),
    [],
  )
  for (const path of ['LICENSE', 'README.md', 'dist/index.js', 'dist/cjs/index.d.ts']) {
    assert.ok(files.includes(path), `${path} is missing`)
  }
  const installed = join(FOLDER, 'node_modules/campaign-metrics-sdk')
  assert.equal(
    readFileSync(join(installed, 'LICENSE'), 'utf8'),
    readFileSync(join(ROOT, 'LICENSE'), 'utf8'),
  )
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  assert.equal(manifest.dependencies, undefined)
})

test('publint finds nothing', async () => {
  const bytes = readFileSync(tarball)
  const archive = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const { messages } = await publint({ pack: { tarball: archive }, strict: true })
  assert.deepEqual(messages, [])
})

test('attw finds nothing: types and code agree for every way to resolve the package', () => {
  const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  const run = spawnSync(process.execPath, [attw, tarball, '--no-color', '--no-emoji'], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
  })
  assert.equal(run.status, 0, run.stdout + run.stderr)
  assert.match(run.stdout, /No problems found/)
})

const LANGUAGES = [
  { language: 'an ES module', file: 'app.mts', module: 'nodenext' },
  { language: 'CommonJS', file: 'app.cts', module: 'nodenext' },
  { language: 'a bundler', file: 'app.ts', module: 'esnext' },
]
for (const { language, file, module } of LANGUAGES) {
  test(`its types compile in ${language}, and refuse what is no field`, () => {
    const right = "createTracker({ url: 'http://127.0.0.1' }).click({ campaign_id: 'spring' })"
    const wrong = "createTracker({ url: 'http://127.0.0.1' }).click({ campaign: 'spring' })"
    const path = write(
      file,
      `import { createTracker } from 'campaign-metrics-sdk'\n${right}\n// @ts-expect-error\n${wrong}\n`,
    )
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const resolution = module === 'esnext' ? ['--moduleResolution', 'bundler'] : []
    const words = ['--noEmit', '--strict', '--target', 'es2020', '--types', '', '--module', module]
    const run = spawnSync(process.execPath, [tsc, ...words, ...resolution, path], {
      cwd: FOLDER,
      encoding: 'utf8',
      timeout: LIMIT_MS,
    })
    assert.equal(run.status, 0, run.stdout + run.stderr)
  })
}

const IMPORTS = [
  { way: 'import', file: 'app.mjs', line: "import { createTracker } from 'campaign-metrics-sdk'" },
  {
    way: 'require',
    file: 'app.cjs',
    line: "const { createTracker } = require('campaign-metrics-sdk')",
  },
]
for (const { way, file, line } of IMPORTS) {
  test(`in Node by ${way}: events are stored, and the process ends by itself`, async () => {
    const script = write(
      file,
      `${line}
const metrics = createTracker({ url: process.argv[2] })
for (let count = 0; count < 10; count++) metrics.click({ campaign_id: 'spring', user_id: 'u' })
metrics.flush().then(() => console.log(JSON.stringify(metrics.counts())))
`,
    )
    const { accepted, waiting } = JSON.parse(runNode(script))
    assert.deepEqual({ accepted, waiting }, { accepted: 10, waiting: 0 })
    assert.equal(await storedSince(), 10)
  })
}

test('import and require in one page are one tracker of one queue', () => {
  const script = write(
    'both.mjs',
    `import { createRequire } from 'node:module'
import { createTracker } from 'campaign-metrics-sdk'
globalThis.window = {}
const required = createRequire(import.meta.url)('campaign-metrics-sdk')
const url = process.argv[2]
console.log(createTracker({ url }) === required.createTracker({ url }))
`,
  )
  assert.equal(runNode(script), 'true\n')
})

test('in a page that Vite has built, on another origin', { skip: chromium.skip }, async () => {
  const site = join(FOLDER, 'site')
  mkdirSync(site)
  write(
    'site/index.html',
    '<!doctype html><title>Shop</title><script type=module src=/main.js></script>',
  )
  write(
    'site/main.js',
    `import { createTracker } from 'campaign-metrics-sdk'
const metrics = createTracker({ url: ${JSON.stringify(product.url)} })
metrics.impression({ campaign_id: 'spring' })
metrics.click({ campaign_id: 'spring' })
metrics.flush().then(() => { document.title = JSON.stringify(metrics.counts()) })
`,
  )
  await build({ configFile: false, envDir: false, logLevel: 'warn', root: site })
  const server = createServer((request, response) => {
    const name = request.url === '/' ? '/index.html' : request.url
    const type = name?.endsWith('.js') ? 'text/javascript' : 'text/html'
    try {
      response.setHeader('content-type', type).end(readFileSync(join(site, 'dist', `${name}`)))
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await launchChromium()
  try {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.waitForFunction('document.title.startsWith("{")', null, { timeout: LIMIT_MS })
    const { accepted, waiting } = JSON.parse(await page.title())
    assert.deepEqual({ accepted, waiting }, { accepted: 2, waiting: 0 })
    assert.equal(await storedSince(), 2)
  } finally {
    await browser.close()
    server.closeAllConnections()
    server.close()
  }
})

test('in a bare context, with `window` but no `document`: only fetch and timers', async () => {
  const world = createContext({ fetch, setTimeout, clearTimeout, window: {}, url: product.url })
  runInContext(await bundle(), world)
  const metrics = runInContext('metrics = sdk.createTracker({ url })', world) as Tracker
  assert.equal(runInContext('sdk.createTracker({ url })', world), metrics)
  for (let count = 0; count < 10; count++) metrics.click({ campaign_id: 'spring' })
  for (const limit = AbortSignal.timeout(LIMIT_MS); metrics.counts().waiting > 0; ) {
    assert.equal(limit.aborted, false, JSON.stringify(metrics.counts()))
    await metrics.flush()
    await sleep(50)
  }
  assert.equal(metrics.counts().accepted, 10)
  assert.equal(await storedSince(), 10)
})

/** The installed package as a script that defines `sdk`. */
async function bundle(options: BuildEnvironmentOptions = {}): Promise<string> {
  const entry = write('entry.js', "export { createTracker } from 'campaign-metrics-sdk'\n")
  const built = await build({
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    root: FOLDER,
    build: { ...options, write: false, lib: { entry, formats: ['iife'], name: 'sdk' } },
  })
  const [first] = Array.isArray(built) ? built : [built]
  assert.ok(first !== undefined && 'output' in first)
  const [chunk] = first.output
  return chunk.code
}

const HERMES = {
  version: '0.12.0',
  integrity:
    'sha512-72a5yvwSC2qWtxJ80nlcoCCfNTkpYI8VVAfOro4FL9O105NM8Vpigz/A5Nq1rECKdP7M1N81HHiYL6jU5N1gYw==',
}
const HERMES_FOLDERS: Readonly<Record<string, string>> = {
  'linux x64': 'linux64-bin',
  'darwin x64': 'osx-bin',
}
const hermesFolder = HERMES_FOLDERS[`${process.platform} ${process.arch}`]
const skipHermes = hermesFolder === undefined ? 'npm has no Hermes for this platform' : false

test('on Hermes, by the steps of a React Native build', { skip: skipHermes }, async () => {
  const [packed] = JSON.parse(
    npm(
      ['pack', `hermes-engine-cli@${HERMES.version}`, '--prefer-offline', '--json'],
      makeHermesFolder(),
    ),
  ) as [{ filename: string; integrity: string }]
  assert.equal(packed.integrity, HERMES.integrity)
  npmInstall(['--ignore-scripts', `./${packed.filename}`], join(FOLDER, 'hermes'))
  const hermes = join(FOLDER, `hermes/node_modules/hermes-engine-cli/${hermesFolder}/hermes`)
  const told = (await get(product.url, '/v1/time')).text
  // Babel's part: this Hermes has no `async`, and scopes `let` by function, so that the short names
  // of a minified bundle would collide.
  const script = write(
    'hermes/app.js',
    `${HERMES_WORLD(told)}
${await bundle({ target: 'es2016', minify: false })}
var metrics = sdk.createTracker({ url: 'http://collector' })
for (var count = 0; count < 10; count++) metrics.click({ campaign_id: 'spring' })
metrics.flush().then(function () { print(JSON.stringify(metrics.counts())) })
`,
  )
  const run = spawnSync(hermes, ['-Xmicrotask-queue', script], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
  })
  assert.equal(run.status, 0, run.stdout + run.stderr)
  const lines = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const { accepted, waiting } = lines.pop()
  assert.deepEqual({ accepted, waiting }, { accepted: 10, waiting: 0 })
  assert.deepEqual(
    lines.map(({ method, url }) => `${method} ${url}`),
    ['GET http://collector/v1/time', 'POST http://collector/v1/events'],
  )
  const { body, headers } = lines[1]
  const answer = await post(product.url, body, { type: headers['Content-Type'] })
  assert.equal(answer.text, '{"accepted":10,"rejected":[]}')
  assert.equal(await storedSince(), 10)
})

function makeHermesFolder(): string {
  const path = join(FOLDER, 'hermes')
  mkdirSync(path)
  write('hermes/package.json', '{ "private": true }')
  return path
}

/**
 * `hermes` has no network and ignores the delay of a timer: requests are printed, answers are
 * given here, and timers are run in the order of their times.
 */
const HERMES_WORLD = (told: string): string => `
var window = {}, ids = 0, nowMs = 0, timers = [], nextTurn = setTimeout
function turn() {
  timers.sort(function (a, b) { return a.atMs - b.atMs || a.id - b.id })
  var next = timers.shift()
  if (next === undefined) return
  nowMs = next.atMs
  next.run()
}
setTimeout = function (run, ms) {
  timers.push({ id: ++ids, atMs: nowMs + (ms || 0), run: run })
  nextTurn(turn)
  return ids
}
clearTimeout = function (id) {
  timers = timers.filter(function (timer) { return timer.id !== id })
}
function fetch(url, init) {
  print(JSON.stringify({ url: url, method: init.method, body: init.body, headers: init.headers }))
  var text = init.method === 'GET'
    ? ${JSON.stringify(told)}
    : JSON.stringify({ accepted: init.body.split('\\n').length, rejected: [] })
  return new Promise(function (resolve) {
    setTimeout(function () {
      resolve({
        status: 200,
        headers: { get: function () { return null } },
        text: function () { return Promise.resolve(text) },
      })
    }, 20)
  })
}
`
