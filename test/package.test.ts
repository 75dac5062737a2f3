/**
 * The published package: what is in the tarball, and that it works where nothing else of ours is.
 * It is installed into an empty folder from the tarball, its dependencies from npm's cache or
 * registry.
 */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { npm, npmInstall, USER_PATH } from './support/npm.ts'
import { makeScratchFolder } from './support/scratch.ts'

const ROOT = join(import.meta.dirname, '..')
const FOLDER = makeScratchFolder('package')
const COMMAND = join(FOLDER, 'node_modules/.bin/campaign-metrics')
/** From the start to the end: of all that is asked meanwhile, too. */
const RUN_LIMIT_MS = 120_000
const SEEN_LIMIT_MS = 30_000
const EVENT = {
  event_id: 'e1',
  user_id: 'u1',
  campaign_id: 'c1',
  event_type: 'click',
}

let files: readonly string[] = []

before(() => {
  npm(['run', 'build', '--silent'], ROOT)
  const packed = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', FOLDER], ROOT)
  const [tarball] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
  files = tarball.files.map(({ path }) => path)
  writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }')
  npmInstall([join(FOLDER, tarball.filename)], FOLDER)
})

test('the tarball holds command, compiled program with WASM, page, documents, and no more', () => {
  for (const expected of [
    'LICENSE',
    'README.md',
    'package.json',
    'bin/campaign-metrics.js',
    'dist/cli.js',
    'dist/embedded/worker.js',
    'dist/engine/build/engine.wasm',
    'dist/engine/build/ids.wasm',
    'dist/dashboard/build/index.html',
    'dist/dashboard/build/index.html.br',
    'dist/dashboard/build/third-party-licences.md',
    'dist/collect/build/sdk.js',
    'dist/collect/build/sdk.js.br',
    'dist/dashboard/openapi.json',
    'dist/dashboard/figures/worker.js',
    'dist/flink/job/job.sql',
    'docs/cli.md',
    'docs/configuration.md',
  ]) {
    assert.ok(files.includes(expected), `${expected} is missing`)
  }
  const allowed = [
    /^dist\/.*\.(js|wasm)$/,
    /^dist\/flink\/job\/job\.sql$/,
    /^dist\/dashboard\/openapi\.json$/,
    /^dist\/dashboard\/build\/(index\.html|favicon\.svg|assets\/[\w.-]+)(\.br|\.gz)?$/,
    /^dist\/dashboard\/build\/(manifest\.webmanifest|(icon-[\w]+|apple-touch-icon)\.png)$/,
    /^dist\/dashboard\/build\/third-party-licences\.md$/,
    /^dist\/collect\/build\/sdk(-[0-9a-f]{16})?\.js(\.br|\.gz)?$/,
    /^bin\/[\w-]+\.js$/,
    /^docs\/.*$/,
    /^(LICENSE|README\.md|package\.json)$/,
  ]
  const others = files.filter((path) => !allowed.some((one) => one.test(path)))
  assert.deepEqual(others, [])
})

test('the license is the one that package.json names', () => {
  const { license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  assert.equal(license, 'Apache-2.0')
  assert.match(
    readFileSync(join(ROOT, 'LICENSE'), 'utf8'),
    /Apache License\s+Version 2\.0, January 2004/,
  )
})

test('installed in an empty folder it starts, takes an event, stops, and answers', async () => {
  writeFileSync(
    join(FOLDER, 'campaign-metrics.yaml'),
    'listen: 127.0.0.1:0\ncommitInterval: 200ms\n',
  )
  const child = spawn(COMMAND, ['start'], {
    cwd: FOLDER,
    env: { ...process.env, PATH: USER_PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const limit = setTimeout(() => child.kill('SIGKILL'), RUN_LIMIT_MS)
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', () => {
        const found = /http:\/\/[\w.]+:\d+/.exec(output)?.[0]
        if (found !== undefined) resolve(found)
      })
      child.on('exit', () => reject(new Error(`it ended at once:\n${output}`)))
    })
    const answer = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      // Of now, whatever the installation took: the page shows the last minutes.
      body: JSON.stringify({ ...EVENT, timestamp: new Date().toISOString() }),
    })
    assert.deepEqual(await answer.json(), { accepted: 1, rejected: [] })
    await expectPage(url)
    child.kill('SIGTERM')
    assert.equal(await exited, 0, output)
  } finally {
    clearTimeout(limit)
    child.kill('SIGKILL')
  }
  assert.match(output, /all accepted events are in the tables/)

  const query = spawnSync(
    COMMAND,
    ['query', '--json', 'select campaign_id, clicks from campaign_metrics'],
    {
      cwd: FOLDER,
      encoding: 'utf8',
      env: { ...process.env, PATH: USER_PATH },
    },
  )
  assert.equal(query.status, 0, query.stderr)
  assert.deepEqual(JSON.parse(query.stdout), [{ campaign_id: 'c1', clicks: 1 }])
})

/** The page with all that it loads at first, and an answer of the thread behind it. */
async function expectPage(url: string): Promise<void> {
  const page = await fetch(`${url}/`)
  const html = await page.text()
  assert.equal(page.status, 200, html)
  const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
  assert.ok(
    assets.some((path) => path.endsWith('.js')) && assets.some((path) => path.endsWith('.css')),
  )
  for (const path of assets) {
    assert.equal((await fetch(new URL(path, `${url}/`))).status, 200, path)
  }
  // What was accepted is seen a moment later.
  let clicks = 0
  for (const limit = AbortSignal.timeout(SEEN_LIMIT_MS); clicks === 0 && !limit.aborted; ) {
    const summary = await fetch(`${url}/api/v1/summary?range=15m`)
    clicks = ((await summary.json()) as { figures: { clicks: number } }).figures.clicks
  }
  assert.equal(clicks, 1)
}
