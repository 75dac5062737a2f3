/**
 * What one client can make `start` hold in memory or keep open: as a process of its own, measured
 * from outside.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { get, openAgent, post, postAccepted, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { readSummaries } from '../support/lake.ts'
import { type Product, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

async function started(
  t: TestContext,
  under: readonly string[] = [],
): Promise<Readonly<{ product: Product; folder: Folder }>> {
  const folder = await openFolder()
  const product = await startProduct(folder, { under }).catch(async (error) => {
    await folder.close()
    throw error
  })
  t.after(async () => {
    await product.kill()
    await folder.close()
  })
  return { product, folder }
}

const running = async (t: TestContext, under?: readonly string[]): Promise<Product> =>
  (await started(t, under)).product

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

function event(id: string, campaign = 'c', time = new Date()): string {
  return JSON.stringify({
    event_id: id,
    user_id: 'u',
    campaign_id: campaign,
    event_type: 'click',
    timestamp: time.toISOString(),
  })
}

function inChunksOfOneByte(text: string): string {
  return [...text].map((character) => `1\r\n${character}\r\n`).join('')
}

/** `ps` is on Linux and on macOS alike. */
function residentBytes(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024
}

/** How far the memory rises above where it stands now, while `act` runs. */
async function growthDuring(pid: number, act: () => Promise<unknown>): Promise<number> {
  const before = residentBytes(pid)
  let most = before
  const look = () => {
    most = Math.max(most, residentBytes(pid))
  }
  const looking = setInterval(look, 50)
  try {
    await act()
    look()
  } finally {
    clearInterval(looking)
  }
  return most - before
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

test('bodies of bad events only are refused before their rejections fill the memory', async (t) => {
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

test('readers that never read hold the memory of a few answers; others are served', async (t) => {
  const product = await running(t)
  for (let body = 0; body < 2; body++) {
    const lines = Array.from({ length: 20_000 }, (_, at) =>
      event(`e${body}-${at}`, `${body}-${at}-`.padEnd(250, 'long')),
    )
    await postAccepted(product.url, lines.join('\n'))
  }
  await waitUntilSettled(product.url)
  const path = '/api/v1/campaigns.csv'
  const whole = (await get(product.url, path)).text.length
  assert.ok(whole > 10 * MIB)
  let readers: readonly Socket[] = []
  const growth = await growthDuring(product.pid, async () => {
    readers = await openIdle(product, 60)
    for (const socket of readers) socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await Promise.all(readers.map((socket) => once(socket, 'readable')))
    assert.equal((await get(product.url, '/api/v1/summary')).status, 200)
  })
  assert.ok(growth < 300 * MIB, `${Math.round(growth / MIB)} MiB`)
  for (const socket of readers) socket.destroy()
  while ((await get(product.url, path)).text.length !== whole) await sleep(100)
})

test('a body of 1,200 days is committed in parts, with other events in between', async (t) => {
  const { product, folder } = await started(t)
  const agent = openAgent()
  const days = Array.from({ length: 1200 }, (_, day) =>
    event(`old-${day}`, 'c', new Date(Date.UTC(2003, 0, 1 + day))),
  )
  await postAccepted(product.url, days.join('\n'), { agent })
  for (let at = 0; at < 10; at++) {
    await postAccepted(product.url, event(`beside-${at}`), { agent })
    await sleep(50)
  }
  agent.destroy()
  assert.equal((await waitUntilSettled(product.url)).stored, 1210)
  const summaries = await readSummaries(folder, 'campaign_events')
  const added = summaries.map((summary) => Number(summary['added-data-files'] ?? 0))
  assert.ok(Math.max(...added) < 400, `commits of ${added} files`)
  assert.ok(added.filter((files) => files > 1).length >= 4, `commits of ${added} files`)
})

/** Connections that say nothing; one that the other side closes stays in the list. */
async function openIdle({ url }: Product, count: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    connect(Number(new URL(url).port), '127.0.0.1'),
  )
  for (const socket of sockets) socket.on('error', () => {})
  await Promise.all(
    sockets.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])),
  )
  return sockets
}

/** Sockets of the other end that are open still: nothing comes, so only the end can be heard. */
const isOpen = (socket: Socket): boolean => socket.readyState === 'open'

test('with more idle connections than open files allowed, events are committed', async (t) => {
  const limited = ['sh', '-c', 'ulimit -n 300 && exec "$@"', 'sh']
  const product = await running(t, limited)
  const agent = openAgent()
  await postAccepted(product.url, event('before'), { agent })
  const idle = await openIdle(product, 400)
  // Three times as long as everything that is measured on a timer.
  for (let second = 0; second < 3; second++) {
    await postAccepted(product.url, `${event(`beside-${second}`)}\n`, { agent })
    await sleep(1000)
  }
  // The rest was closed.
  await until(() => idle.filter(isOpen).length < 200)
  for (const socket of idle) socket.destroy()
  agent.destroy()
  await untilAnswered(product)
  assert.equal((await waitUntilSettled(product.url)).stored, 4)
  const { memory, problems } = JSON.parse((await get(product.url, '/v1/status')).text)
  assert.ok(memory.rssBytes > 0)
  assert.deepEqual(problems, [])
  assert.match(product.output(), /connections are refused: there are 150/)
  assert.deepEqual(await product.stop(), { code: 0, signal: null }, product.output())
})

/** Connections that were closed here are a little later closed there. */
async function untilAnswered({ url }: Product): Promise<void> {
  for (;;) {
    const status = await get(url, '/healthz').then(
      (answer) => answer.status,
      () => null,
    )
    if (status === 200) return
    await sleep(20)
  }
}

test('while no file can be opened, events are taken, and the commit is retried', async (t) => {
  const product = await running(t)
  const limitFiles = (files: number) =>
    spawnSync('prlimit', ['--pid', String(product.pid), `--nofile=${files}:`]).status
  if (limitFiles(4096) !== 0) return t.skip('no prlimit here')
  const agent = openAgent()
  await postAccepted(product.url, event('before'), { agent })
  await waitUntilSettled(product.url)
  limitFiles(3)
  await postAccepted(product.url, event('during'), { agent })
  while (!/EMFILE/.test(product.output())) await sleep(20)
  limitFiles(4096)
  await postAccepted(product.url, event('after'), { agent })
  agent.destroy()
  assert.equal((await waitUntilSettled(product.url)).stored, 3)
  assert.deepEqual(await product.stop(), { code: 0, signal: null }, product.output())
})
