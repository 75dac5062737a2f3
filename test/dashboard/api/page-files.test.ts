/**
 * The built page over HTTP: what is there, compressed as the client likes it, and nothing that is
 * not part of it.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { openPageRoutes } from '../../../src/dashboard/api/page-files.ts'
import { type Harness, openHarness, openRaw } from '../../collect/harness.ts'

const SCRIPT = `export const text = '${'campaign '.repeat(500)}'`
const INDEX = '<!doctype html><title>Campaign Performance</title>'

let folder = ''
let harness: Harness

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'campaign-metrics-page-'))
  const build = join(folder, 'build')
  await mkdir(join(build, 'assets/deep'), { recursive: true })
  const files = [
    ['index.html', INDEX],
    ['assets/slash.js', 'let first'],
    ['favicon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['assets/main-Ab1.js', SCRIPT],
    ['assets/deep/style-Cd2.css', 'body{}'],
  ] as const
  for (const [name, text] of files) {
    await writeFile(join(build, name), text)
    await writeFile(join(build, `${name}.br`), brotliCompressSync(text))
    await writeFile(join(build, `${name}.gz`), gzipSync(text))
  }
  await writeFile(join(build, 'assets/plain-Ef3.js'), 'plain')
  await writeFile(join(build, 'secret.txt'), 'secret')
  await writeFile(join(folder, 'secret.html'), 'secret')
  harness = await openHarness({
    keys: { write: ['w'], read: ['r'] },
    routes: await openPageRoutes(build),
  })
})

after(async () => {
  await harness.close()
  await rm(folder, { recursive: true, force: true })
})

/** As it comes over the wire: fetch would unpack it. */
async function askRaw(path: string, headers: readonly string[] = [], method = 'GET') {
  const raw = openRaw(harness.port)
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers]
  raw.send(`${lines.join('\r\n')}\r\n\r\n`)
  const text = await raw.end
  const cut = text.indexOf('\r\n\r\n')
  const head = text.slice(0, cut)
  const fields = new Headers(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
  return {
    status: Number(head.slice(9, 12)),
    headers: fields,
    body: Buffer.from(text.slice(cut + 4), 'latin1'),
  }
}

const accepting = (codings: string) => [`Accept-Encoding: ${codings}`]

test('the page needs no key and is revalidated; hashed files are cached for a year', async () => {
  const page = await askRaw('/')
  assert.deepEqual([page.status, page.body.toString()], [200, INDEX])
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  assert.equal(page.headers.get('cache-control'), 'no-cache')
  assert.equal((await askRaw('/?range=24h&campaign=%3Cimg%3E')).status, 200)
  const first = await askRaw('/?slash.js')
  assert.deepEqual([first.status, first.body.toString()], [200, 'let first'])
  assert.equal(first.headers.get('content-type'), 'text/javascript; charset=utf-8')
  assert.equal(first.headers.get('cache-control'), 'no-cache')
  const script = await askRaw('/assets/main-Ab1.js')
  assert.deepEqual([script.status, script.body.toString()], [200, SCRIPT])
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8')
  assert.equal(script.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  const style = await askRaw('/assets/deep/style-Cd2.css')
  assert.equal(style.headers.get('content-type'), 'text/css; charset=utf-8')
  const icon = await askRaw('/favicon.svg')
  assert.equal(icon.headers.get('content-type'), 'image/svg+xml')
  for (const { headers } of [page, script, style, icon]) {
    assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
  }
})

test('compressed as the client takes it: br before gzip before the plain bytes', async () => {
  for (const [wish, coding] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['BR;q=0.1, gzip;q=0.9', 'br'],
    ['br;q=0, gzip;q=0', null],
    ['*', 'br'],
    ['*;q=0', null],
    ['br;q=0, *', 'gzip'],
    ['identity', null],
    ['', null],
    ['zstd', null],
    ['brr, xgzip', null],
  ] as const) {
    const { headers, body } = await askRaw('/assets/main-Ab1.js', accepting(wish))
    assert.equal(headers.get('content-encoding'), coding, wish)
    assert.equal(headers.get('vary'), 'Accept-Encoding')
    assert.equal(headers.get('content-length'), `${body.length}`)
    const plain =
      coding === 'br' ? brotliDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body
    assert.equal(plain.toString(), SCRIPT, wish)
  }
  const { headers, body } = await askRaw('/assets/plain-Ef3.js', accepting('br, gzip'))
  assert.deepEqual([headers.get('content-encoding'), body.toString()], [null, 'plain'])
})

test('what the client has is not sent again; each coding has its own tag', async () => {
  const tags = new Set<string>()
  for (const wish of ['br', 'gzip', 'identity']) {
    const { headers } = await askRaw('/', accepting(wish))
    const tag = headers.get('etag') ?? ''
    assert.match(tag, /^"[\w-]+"$/)
    tags.add(tag)
    const again = await askRaw('/', [...accepting(wish), `If-None-Match: "x", ${tag}`])
    assert.deepEqual([again.status, again.body.length], [304, 0])
    assert.equal(again.headers.get('etag'), tag)
    assert.equal(again.headers.get('content-length'), null)
  }
  assert.equal(tags.size, 3)
})

test('HEAD is the head alone, other methods are 405', async () => {
  const head = await askRaw('/assets/main-Ab1.js', accepting('gzip'), 'HEAD')
  assert.deepEqual([head.status, head.body.length], [200, 0])
  assert.equal(head.headers.get('content-length'), `${gzipSync(SCRIPT).length}`)
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const reply = await askRaw('/', ['Content-Length: 0'], method)
    assert.deepEqual([reply.status, reply.headers.get('allow')], [405, 'GET, HEAD'], method)
  }
})

test('no path leads to anything that is not part of the page', async () => {
  for (const path of [
    '/secret.txt',
    '/assets/../secret.txt',
    '/assets/../../secret.html',
    '/assets/%2e%2e/secret.txt',
    '/assets/..%2fsecret.txt',
    '/assets/..%5csecret.txt',
    '/assets/%252e%252e/secret.txt',
    '/assets/....//secret.txt',
    '/assets//main-Ab1.js',
    '/assets/main-Ab1.js/',
    '/assets/main-Ab1.js%00.css',
    '/assets/main-Ab1.js.br',
    '/assets/main-Ab1.js.gz',
    '/assets/deep',
    '/assets/',
    '/assets',
    '/ASSETS/main-Ab1.js',
    '/index.html',
    '/build/index.html',
    '//',
    '/favicon.svg/x',
    '/assets/constructor',
    '/assets/__proto__',
    '/etc/passwd',
  ]) {
    const { status, body } = await askRaw(path)
    assert.equal(status, 404, path)
    assert.ok(!body.includes('secret'), path)
  }
  assert.equal((await askRaw('/assets/%zz')).status, 400)
})

test('a page that has not been built says what to do', async () => {
  const other = await openHarness({ routes: await openPageRoutes(join(folder, 'nowhere')) })
  try {
    const reply = await fetch(`${other.url}/`)
    assert.equal(reply.status, 503)
    assert.match(reply.headers.get('content-type') ?? '', /^text\/plain/)
    assert.match(await reply.text(), /npm run build:page/)
  } finally {
    await other.close()
  }
})
