/** The script for pages, as a browser of any site loads it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { ask } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, startProduct } from '../support/product.ts'

let folder: Folder
let product: Product
before(async () => {
  folder = await openFolder()
  product = await startProduct(folder)
})
after(async () => {
  await product.stop()
  await folder.close()
})

/** Bytes as they were sent, which `fetch` would decompress. */
async function load(path: string, headers: Readonly<Record<string, string>> = {}) {
  const { request } = await import('node:http')
  const url = new URL(path, product.url)
  return await new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      const sent = request(url, { headers }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts),
          }),
        )
      })
      sent.on('error', reject)
      sent.end()
    },
  )
}

test('sdk.js is for every origin, for five minutes, in three codings, within 4 KiB', async () => {
  const plain = await load('/sdk.js', { origin: 'https://shop.example' })
  assert.equal(plain.status, 200)
  assert.equal(plain.headers['content-type'], 'text/javascript; charset=utf-8')
  assert.equal(plain.headers['cache-control'], 'public, max-age=300')
  assert.equal(plain.headers['access-control-allow-origin'], '*')
  assert.equal(plain.headers['cross-origin-resource-policy'], 'cross-origin')
  assert.equal(plain.headers['x-content-type-options'], 'nosniff')
  assert.equal(plain.headers.vary, 'Accept-Encoding')
  const brotli = await load('/sdk.js', { 'accept-encoding': 'gzip, deflate, br' })
  assert.equal(brotli.headers['content-encoding'], 'br')
  assert.ok(brotli.body.length <= 4_096, `${brotli.body.length}`)
  assert.deepEqual(brotliDecompressSync(brotli.body), plain.body)
  const gzip = await load('/sdk.js', { 'accept-encoding': 'gzip' })
  assert.equal(gzip.headers['content-encoding'], 'gzip')
  assert.deepEqual(gunzipSync(gzip.body), plain.body)
})

test('its Content-Location is the same script for good, named by its hash', async () => {
  const current = await load('/sdk.js')
  const path = `/${current.headers['content-location']}`
  const hash = createHash('sha256').update(current.body).digest('hex').slice(0, 16)
  assert.equal(path, `/sdk-${hash}.js`)
  const named = await load(path)
  assert.equal(named.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.equal(named.headers['access-control-allow-origin'], '*')
  assert.deepEqual(named.body, current.body)
  const again = await load(path, { 'if-none-match': String(named.headers.etag) })
  assert.equal(again.status, 304)
  assert.equal(again.body.length, 0)
  // Proxies that compress weaken the tag, and send several.
  const weak = await load(path, { 'if-none-match': `"other", W/${named.headers.etag}` })
  assert.equal(weak.status, 304)
})

test('other hashes and what is below are not found, other methods not allowed', async () => {
  for (const path of ['/sdk-0123456789abcdef.js', '/sdk.js/', '/sdk.js/more', '/v1/time/more']) {
    assert.equal((await load(path)).status, 404, path)
  }
  assert.equal((await ask(product.url, '/sdk.js', 'POST', {})).status, 405)
  const head = await ask(product.url, '/sdk.js', 'HEAD', {})
  assert.equal(head.status, 200)
  assert.equal(head.text, '')
})
