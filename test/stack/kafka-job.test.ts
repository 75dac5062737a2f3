/**
 * The product on a real broker: what anybody wrote to the topic is in the tables once, or kept as
 * rejected once.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  beginAt,
  type KafkaPlace,
  openEventCounter,
  readConsumerLag,
  setUpTopic,
} from '../../src/log.ts'
import { listRejected } from '../../src/rejected.ts'
import { post, postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, runCommand, StartRefused, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'
import {
  type Broker,
  deleteTopic,
  openBroker,
  openOutsideProducer,
  produceFromOutside,
  readBack,
} from './kafka/broker.ts'
import { produce, setTimestampType } from './support/topic.ts'

let broker: Broker

before(async () => {
  broker = await openBroker()
})

after(() => broker.close())

/** A test that fails must not leave one behind, which the file would wait for. */
const started: Product[] = []
afterEach(async () => {
  for (const product of started.splice(0)) await product.kill()
})

const bodyOf = (lines: readonly string[]): string => `${lines.join('\n')}\n`

async function openProduct(
  place: KafkaPlace,
): Promise<{ folder: Folder; start(...words: string[]): Promise<Product> }> {
  const folder = await openFolder({ log: `kafka://${place.brokers[0]}/${place.topic}` })
  return {
    folder,
    async start(...words) {
      const product = await startProduct(folder, { arguments: words })
      started.push(product)
      return product
    },
  }
}

async function verified(folder: Folder): Promise<void> {
  const { exit, stderr, stdout } = await runCommand(folder, ['verify'])
  assert.equal(exit.code, 0, stdout + stderr)
}

test('events before the first start count; bad records are kept once, over a kill', async () => {
  const place = await broker.topic('outside')
  const bad = ['{', '{"event_id":5}', '{\n"event_id":"two\nlines"}', '', null, '\n \n']
  await produceFromOutside(place, [...eventLines('before', 500), ...bad], 'lz4')
  // Without a commit of its own before it is killed, so that all is read again.
  const { folder, start } = await openProduct(place)
  await folder.configure({
    log: `kafka://${place.brokers[0]}/${place.topic}`,
    commitInterval: '30s',
  })
  const killed = await start()
  while ((await keptIn(folder)).length < bad.length) await sleep(50)
  await killed.kill()
  await folder.configure({ log: `kafka://${place.brokers[0]}/${place.topic}` })
  const product = await start()
  await postAccepted(product.url, bodyOf([...eventLines('before', 500), ...eventLines('new', 50)]))
  const ledger = await waitUntilSettled(product.url)
  assert.deepEqual(ledger, {
    received: 500 + bad.length + 550,
    stored: 550,
    duplicates: 500,
    rejected: bad.length,
    waiting: 0,
  })
  await product.stop()
  await verified(folder)

  const { lines } = await readBack(place)
  const kept = await keptIn(folder)
  assert.deepEqual(
    kept.map(({ text }) => text).sort(),
    bad.map((value) => (value ?? '').trim()).sort(),
  )
  for (const { offset, partition } of kept) {
    const line = lines.find((one) => one.offset === offset && one.partition === partition)
    assert(line !== undefined && !line.text.startsWith('{"user_id"'))
  }
  await folder.close()
})

async function keptIn(folder: Folder) {
  const kept: { text: string; partition: number | null; offset: number | null }[] = []
  for await (const { bytes, offset, partition } of listRejected(
    `${folder.warehousePath}/rejected`,
  )) {
    kept.push({ text: Buffer.from(bytes).toString().trim(), partition, offset })
  }
  return kept
}

test('while the broker is away senders get 503, status says why, and all resumes', async () => {
  const place = await broker.topic('away')
  const { folder, start } = await openProduct(place)
  const product = await start()
  const lines = eventLines('a', 2_000)
  await postAccepted(product.url, bodyOf(lines.slice(0, 1_000)))
  await waitUntilSettled(product.url)
  await broker.stack.kill('kafka', 'SIGKILL')
  const refused = await post(product.url, bodyOf(lines.slice(1_000)))
  assert.equal(refused.status, 503)
  assert.equal(refused.headers['retry-after'], '5')
  assert.equal(JSON.parse(refused.text).error.code, 'log-away')
  while (!String((await readStatus(product.url)).problems).includes('cannot be read'))
    await sleep(100)
  await broker.restart()
  for (;;) {
    const { status } = await post(product.url, bodyOf(lines.slice(1_000)))
    if (status === 200) break
    await sleep(200)
  }
  const ledger = await waitUntilSettled(product.url)
  assert.equal(ledger.stored, 2_000)
  const healthy = AbortSignal.timeout(60_000)
  while (!(await readStatus(product.url)).healthy) {
    assert(!healthy.aborted, String((await readStatus(product.url)).problems))
    await sleep(100)
  }
  await product.stop()
  await verified(folder)
  await folder.close()
})

test('killed under load and started again, each event is in the tables once', async () => {
  const place = await broker.topic('product-kills')
  const { folder, start } = await openProduct(place)
  let product = await start()
  const bodies = Array.from({ length: 60 }, (_, at) => bodyOf(eventLines(`b${at}`, 200)))
  for (const [at, body] of bodies.entries()) {
    if (at % 20 === 10) {
      await sleep(at * 10)
      await product.kill()
      product = await start()
    }
    await postAccepted(product.url, body)
  }
  const { duplicates, rejected, stored } = await waitUntilSettled(product.url)
  assert.deepEqual({ duplicates, rejected, stored }, { duplicates: 0, rejected: 0, stored: 12_000 })
  await product.stop()
  await verified(folder)
  await folder.close()
})

test('a topic made anew is refused at the next start, and taken with --new-log', async () => {
  const place = await broker.topic('anew')
  const { folder, start } = await openProduct(place)
  const first = await start()
  await postAccepted(first.url, bodyOf(eventLines('old', 300)))
  await waitUntilSettled(first.url)
  await first.stop()
  await deleteTopic(place)
  await setUpTopic(place, 'make')
  await produceFromOutside(place, eventLines('anew', 20))
  await assert.rejects(start(), (error) => {
    assert(error instanceof StartRefused)
    assert.match(error.message, /were filled from the log kafka:.*this is another one.*--new-log/s)
    return true
  })
  const product = await start('--new-log')
  const ledger = await waitUntilSettled(product.url)
  assert.deepEqual([ledger.received, ledger.stored], [320, 320])
  await product.stop()
  await verified(folder)
  await folder.close()
})

test('events behind an open transaction wait, which is unhealthy after a minute', async () => {
  const place = await broker.topic('held', { partitions: 1 })
  const producer = openOutsideProducer(place, { transactionalId: 'held-up', timeout: 600_000 })
  const transaction = await producer.beginTransaction()
  const messages = eventLines('held', 5000).map((line) => {
    return { topic: place.topic, value: Buffer.from(line) }
  })
  await transaction.send({ messages })
  const { start } = await openProduct(place)
  const { url } = await start()
  await postAccepted(url, bodyOf(eventLines('behind', 1)))
  const isUnhealthy = async () => {
    const { ledger, problems } = (await readStatus(url)) as unknown as {
      ledger: { waiting: number; stored: number }
      problems: readonly string[]
    }
    assert.deepEqual([ledger.waiting, ledger.stored], [5001, 0])
    if (problems.length === 0) return false
    assert.match(problems.join('\n'), /transaction of producer \d+ \(transactional id "held-up"\)/)
    assert.match(problems.join('\n'), /in partition 0 of held, at offset 0: the 5001 records/)
    assert.doesNotMatch(problems.join('\n'), /come faster/)
    return true
  }
  await until(isUnhealthy, 90_000)
  await transaction.commit()
  await producer.close()
  assert.equal((await waitUntilSettled(url)).stored, 5001)
})
test('records with their senders’ time are rejected, and the next are stored', async () => {
  const place = await broker.topic('dated', { partitions: 1 })
  const { folder, start } = await openProduct(place)
  const { url, stop } = await start()
  await postAccepted(url, bodyOf(eventLines('before', 20)))
  await waitUntilSettled(url)
  await setTimestampType(broker.stack, place.topic, 'CreateTime')
  await until(async () =>
    /topic dated was changed: message\.timestamp\.type is CreateTime/.test(
      String((await readStatus(url)).problems),
    ),
  )
  const aheadMs = Date.now() + 3_000_000
  const ahead = eventLine({ event_id: 'ahead', timestamp: new Date(aheadMs).toISOString() })
  await produce(broker.stack, place.topic, [ahead, '{'], 0, aheadMs)
  const refused = await post(url, eventLine({ event_id: 'refused' }))
  assert.equal(refused.status, 503)
  assert.equal(JSON.parse(refused.text).error.code, 'log-away')
  // The broker has that one, too.
  await until(async () => (await keptIn(folder)).length === 3)

  await setTimestampType(broker.stack, place.topic, 'LogAppendTime')
  await produce(broker.stack, place.topic, eventLines('after', 10))
  await until(async () => (await readStatus(url)).healthy === true)
  await postAccepted(url, bodyOf([eventLine({ event_id: 'refused' })]))
  assert.deepEqual(await waitUntilSettled(url), {
    received: 34,
    stored: 31,
    duplicates: 0,
    rejected: 3,
    waiting: 0,
  })
  const reasons: string[] = []
  const folderOfKept = `${folder.warehousePath}/rejected`
  for await (const { reason } of listRejected(folderOfKept)) reasons.push(reason)
  assert.deepEqual(reasons, ['sender-time', 'sender-time', 'sender-time'])
  await stop()
  await verified(folder)
  await folder.close()
})

test('offsets without events are counted behind a reader that tells only its offset', async () => {
  const place = await broker.topic('counted', { partitions: 1 })
  const producer = openOutsideProducer(place, { transactionalId: 'counted' })
  const send = async (count: number, end: 'commit' | 'abort') => {
    const transaction = await producer.beginTransaction()
    const messages = eventLines('x', count).map((line) => {
      return { topic: place.topic, value: Buffer.from(line) }
    })
    await transaction.send({ messages })
    await transaction[end]()
  }
  // Offsets 0–4, marker 5; 6–105, marker 106; one event, 107; 108–110, marker 111.
  await send(5, 'commit')
  await send(100, 'abort')
  await produceFromOutside(place, eventLines('plain', 1))
  await send(3, 'abort')
  await producer.close()
  const counter = await openEventCounter(place, () => performance.now())
  assert.deepEqual(await counter.advance([], [0]), [{ until: 0, withoutEvent: 0 }])
  const half = await counter.advance([], [5])
  assert.deepEqual(half, [{ until: 107, withoutEvent: 102 }])
  assert.deepEqual(await counter.advance(half, [108]), [{ until: 112, withoutEvent: 106 }])
  await counter.close()

  assert.deepEqual(await beginAt(place, 'a-group', []), [0])
  const { partitions } = await readConsumerLag(place, 'a-group')
  assert.deepEqual(partitions, [{ start: 0, committed: 0, end: 112 }])
})

test('retention goes by whole days: HTTP takes the 90th day, the topic one more', async () => {
  const place = await broker.topic('retention', { partitions: 1 })
  const { folder, start } = await openProduct(place)
  await folder.configure({
    log: `kafka://${place.brokers[0]}/${place.topic}`,
    retention: { events: '90d' },
  })
  // What has reached the topic before the first start is not judged.
  await produceFromOutside(place, [agedLine('before', 400)])
  const product = await start()
  const today = await awaitDayWithRoom()
  await produceFromOutside(place, [
    agedLine('spare', 91, today),
    agedLine('old', 92, today),
    agedLine('older', 400, today),
  ])
  const { text } = await post(
    product.url,
    bodyOf([agedLine('kept', 90, today), agedLine('late', 91, today)]),
  )
  const { accepted, rejected } = JSON.parse(text)
  assert.equal(accepted, 1)
  assert.deepEqual(rejected, [
    {
      index: 1,
      reason: 'timestamp: its day is no longer kept (retention.events, retention.metrics)',
    },
  ])
  const { stored } = await waitUntilSettled(product.url)
  assert.equal(stored, 3)
  await product.stop()
  await verified(folder)
  const ids = 'SELECT event_id FROM campaign_events ORDER BY 1'
  const { stdout } = await runCommand(folder, ['query', '--json', ids])
  assert.deepEqual(
    JSON.parse(stdout).map(({ event_id }: { event_id: string }) => event_id),
    ['before', 'kept', 'spare'],
  )
  const kept: unknown[] = []
  for await (const { source, reason, offset } of listRejected(`${folder.warehousePath}/rejected`)) {
    if (source === 'job') kept.push([reason, offset])
  }
  assert.deepEqual(kept, [
    ['timestamp-retention', 2],
    ['timestamp-retention', 3],
  ])
  await folder.close()
})

const DAY_MS = 86_400_000
/** More than the test takes between its first event that is judged and its last. */
const ROOM_MS = 120_000

/** The last second of the day so many days ago. */
function agedLine(event_id: string, days: number, today = Date.now()): string {
  const day = new Date(today - days * DAY_MS).toISOString().slice(0, 10)
  return eventLine({ event_id, timestamp: `${day}T23:59:59Z` })
}

/** Some moment of a day, UTC, of which enough is left that midnight does not cut a test in two. */
async function awaitDayWithRoom(): Promise<number> {
  const leftMs = DAY_MS - (Date.now() % DAY_MS)
  if (leftMs < ROOM_MS) await sleep(leftMs)
  return Date.now()
}
