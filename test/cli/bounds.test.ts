/** What one client can make `start` hold in memory or keep open: as a process of its own, measured from outside. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { post } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { growthDuring } from '../support/memory.ts'
import { type Product, startProduct } from '../support/product.ts'

const MIB = 1024 * 1024

async function running(t: TestContext): Promise<Product> {
  const folder = await openFolder()
  t.after(() => folder.close())
  const product = await startProduct(folder)
  t.after(() => product.kill())
  return product
}

const CHUNKED =
  'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' +
  'Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n'

/** The answer to a request that is written as it stands. */
function exchange({ url }: Product, pieces: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    for (const piece of pieces) socket.write(piece)
  })
}

function event(id: string): string {
  const timestamp = new Date().toISOString()
  const fields = { event_id: id, user_id: 'u', campaign_id: 'c', event_type: 'click', timestamp }
  return JSON.stringify(fields)
}

function inChunksOfOneByte(text: string): string {
  return [...text].map((character) => `1\r\n${character}\r\n`).join('')
}

test('a body in chunks of one byte takes the memory of its bytes, not of its chunks', async (t) => {
  const product = await running(t)
  const start = inChunksOfOneByte(`${event('e1')}\n`)
  const spaces = Buffer.from('1\r\n \r\n'.repeat(2 * MIB))
  const growth = await growthDuring(product.pid, async () => {
    const answer = await exchange(product, [CHUNKED, start, spaces, '0\r\n\r\n'])
    assert.match(answer, /^HTTP\/1\.1 200 .*"accepted":1/s)
  })
  assert.ok(growth < 250 * MIB, `${Math.round(growth / MIB)} MiB`)
})

test('bodies of nothing but bad events are refused before their rejections fill the memory', async (t) => {
  const product = await running(t)
  const junk = 'x\n'.repeat(150_000)
  const answers = await Promise.all(Array.from({ length: 12 }, () => post(product.url, junk)))
  const statuses = answers.map(({ status }) => status)
  assert.ok(statuses.includes(200))
  assert.ok(statuses.includes(429))
  assert.deepEqual(
    statuses.filter((status) => status !== 200 && status !== 429),
    [],
  )
})
