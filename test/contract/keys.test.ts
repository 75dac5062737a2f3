/**
 * Who may send and who may read: keys, other listeners than loopback, and browsers of other
 * origins.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ask, get, post } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { expectRefusal, type Product, startProduct } from '../support/product.ts'

const WRITE = 'write-key-0123456789'
const READ = 'read-key-0123456789'
const SHOP = 'https://shop.example'

const folder = await openFolder({
  keys: { write: [WRITE], read: [READ] },
  cors: [SHOP],
})
const event = eventLine({ event_id: 'keyed' })
let product: Product

before(async () => {
  product = await startProduct(folder)
})

after(async () => {
  await product.stop()
  await folder.close()
})

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

test('without a write key sending is 401 or 403; with one it works', async () => {
  assert.equal((await post(product.url, event)).status, 401)
  const wrong = await post(product.url, event, { headers: bearer(`${WRITE}x`) })
  assert.equal(wrong.status, 401)
  const read = await post(product.url, event, { headers: bearer(READ) })
  assert.ok([401, 403].includes(read.status))
  const sent = await post(product.url, event, { headers: bearer(WRITE) })
  assert.equal(sent.status, 200)
})

for (const path of ['/v1/status', '/metrics', '/iceberg/v1/config', '/iceberg/v1/namespaces']) {
  test(`a write key may only write: ${path} needs a read key`, async () => {
    assert.equal((await get(product.url, path)).status, 401)
    assert.ok([401, 403].includes((await get(product.url, path, bearer(WRITE))).status))
    assert.equal((await get(product.url, path, bearer(READ))).status, 200)
  })
}

test('/healthz needs no key: a load balancer has none', async () => {
  assert.equal((await get(product.url, '/healthz')).status, 200)
})

test('a browser of a configured origin may send, one of another origin may not', async () => {
  const asked = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,authorization',
  }
  const own = await ask(product.url, '/v1/events', 'OPTIONS', { origin: SHOP, ...asked })
  assert.ok(own.status === 200 || own.status === 204, `${own.status}`)
  assert.equal(own.headers['access-control-allow-origin'], SHOP)
  assert.match(String(own.headers['access-control-allow-headers']), /content-type/i)
  assert.match(String(own.headers['access-control-allow-headers']), /authorization/i)
  const answer = await post(product.url, event, { headers: { origin: SHOP, ...bearer(WRITE) } })
  assert.equal(answer.headers['access-control-allow-origin'], SHOP)
  const evil = { origin: 'https://evil.example' }
  const other = await ask(product.url, '/v1/events', 'OPTIONS', { ...evil, ...asked })
  assert.equal(other.headers['access-control-allow-origin'], undefined)
})

test('listening elsewhere than on loopback without keys is refused, and said why', async () => {
  for (const keys of [{}, { write: [WRITE] }, { read: [READ] }]) {
    const open = await openFolder({ listen: '0.0.0.0:0', keys })
    const { exit, stdout, stderr } = await expectRefusal(open)
    assert.ok(exit.code !== 0 && exit.code !== null)
    assert.match(stdout + stderr, /keys/)
    await open.close()
  }
})

test('a wrong setting is refused with its path, the reason and what is accepted', async () => {
  for (const [fields, path] of [
    [{ lissten: '127.0.0.1:0' }, 'lissten'],
    [{ dedupe: { horizont: '1h' } }, 'dedupe.horizont'],
    [{ window: '7m' }, 'window'],
    [{ commitInterval: 5 }, 'commitInterval'],
    [{ timezone: 'Mars/Olympus' }, 'timezone'],
  ] as const) {
    const wrong = await openFolder(fields)
    const { exit, stdout, stderr } = await expectRefusal(wrong)
    assert.ok(exit.code !== 0 && exit.code !== null)
    const said = stdout + stderr
    assert.ok(said.includes(path) || path.split('.').every((part) => said.includes(part)), said)
    assert.doesNotMatch(said, /^\s+at .+:\d+:\d+\)?$/m, 'a stack trace is no message')
    await wrong.close()
  }
})
