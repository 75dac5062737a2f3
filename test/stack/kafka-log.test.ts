/**
 * The log on a real broker: what is acknowledged is there, once its repeats are counted once,
 * whatever happens to the broker.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Consumer, murmur2 } from '@platformatic/kafka'
import {
  countWaiting,
  type KafkaPlace,
  LogError,
  openEventReader,
  openKafkaLog,
  readConsumerLag,
  setUpTopic,
} from '../../src/log.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { until } from '../support/until.ts'
import {
  addPartitions,
  type Broker,
  deleteTopic,
  openAdmin,
  openBroker,
  openLogAt,
  openOutsideProducer,
  produceFromOutside,
  readBack,
} from './kafka/broker.ts'

let broker: Broker

before(async () => {
  broker = await openBroker()
})

after(() => broker.close())

const bodyOf = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`)
const idOf = (line: string): string => JSON.parse(line).event_id

test("what is appended is read back line by line, each id in its key's partition", async () => {
  const place = await broker.topic('equality')
  const log = await openLogAt(place)
  const hard = [
    '{"event_id":"first","event_id":"last","user_id":"u"}',
    `{"event\\u005fid":"é\\u00e9","pad":"${'x'.repeat(30_000)}"}`,
    '{ "event_id" : "spaced" }',
  ]
  const many = eventLines('many', 20_000)
  // In pieces that end anywhere, as bodies come.
  const body = bodyOf(many)
  const pieces = [body.subarray(0, 777), body.subarray(777, 50_001), body.subarray(50_001)]
  await Promise.all([
    log.append(bodyOf(hard), hard.length, log.stampUs()),
    log.append(pieces, many.length, log.stampUs()),
  ])
  assert.equal(log.end(), hard.length + many.length)
  await log.close()

  const { lines, passedOver } = await readBack(place)
  assert.deepEqual(lines.map(({ text }) => text).sort(), [...hard, ...many].sort())
  assert.equal(passedOver, 0)
  for (const { partition, text } of lines) {
    assert.equal(partition, (murmur2(Buffer.from(idOf(text))) & 0x7fffffff) % place.partitions)
  }
  const arrivals = lines.map(({ ms }) => ms)
  assert.deepEqual(
    arrivals,
    arrivals.toSorted((a, b) => a - b),
  )
})

test('records of another producer are read with every codec, missing values too', async () => {
  const place = await broker.topic('codecs')
  const expected: string[] = []
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const lines = eventLines(codec, 3_000)
    expected.push(...lines, '?', '{ "event_id":"broken" }')
    await produceFromOutside(place, [...lines, null, '{\n"event_id":"broken"\n}'], codec)
  }
  const { lines } = await readBack(place)
  assert.deepEqual(lines.map(({ text }) => text).sort(), expected.sort())
})

test('records behind an open transaction wait; after a minute its producer is named', async () => {
  const place = await broker.topic('open-transaction', { partitions: 1 })
  await produceFromOutside(place, ['"before"'])
  // The broker gives up on a transaction after the timeout of its producer.
  const producer = openOutsideProducer(place, { transactionalId: 'billing-7', timeout: 600_000 })
  const transaction = await producer.beginTransaction()
  const value = Buffer.from('"in between"')
  const messages = Array.from({ length: 5000 }, () => ({ topic: place.topic, value }))
  await transaction.send({ messages })
  let aheadMs = 0
  const log = await openKafkaLog(place, {
    nowUs: () => Date.now() * 1000,
    steadyMs: () => performance.now() + aheadMs,
  })
  await log.append(bodyOf(eventLines('behind', 1)), 1, log.stampUs())
  assert.equal((await readBack(place)).lines.length, 1, 'only what stands before it can be read')
  assert.equal(log.end(), 5002)
  // It has been looked at meanwhile.
  await sleep(3_000)
  assert.equal(log.stats().unreadable, null, 'for a moment it is nothing unusual')
  aheadMs = 60_000
  // The brokers are asked once it is said.
  await until(() => {
    const { unreadable } = log.stats()
    assert.match(
      unreadable ?? '',
      /a transaction of producer \d+ \(transactional id "billing-7"\) has been open since \d{4}-/,
    )
    const place =
      /since \d{4}-.*Z in partition 0 of open-transaction, at offset 1: the 5001 records/
    assert.match(unreadable ?? '', place)
    return true
  })
  await transaction.commit()
  await until(() => log.stats().unreadable === null)
  assert.equal((await readBack(place)).lines.length, 5002)
  await log.close()
  await producer.close()
})

test('records of an aborted transaction are not read, and nothing waits behind them', async () => {
  const place = await broker.topic('transactions', { partitions: 1 })
  const producer = openOutsideProducer(place, { transactionalId: 'tx' })
  const send = async (value: string, end: 'commit' | 'abort') => {
    const transaction = await producer.beginTransaction()
    const messages = [{ topic: place.topic, key: Buffer.from('k'), value: Buffer.from(value) }]
    await transaction.send({ messages })
    await transaction[end]()
  }
  await send('"kept"', 'commit')
  await send('"taken back"', 'abort')
  await produceFromOutside(place, ['"plain"'])
  await send('"taken back, too"', 'abort')
  await producer.close()

  const log = await openLogAt(place)
  const { lines, passedOver } = await readBack(place)
  assert.deepEqual(
    lines.map(({ text }) => text),
    ['"kept"', '"plain"'],
  )
  // Two records that were taken back, and three markers.
  assert.equal(passedOver, 5)
  assert.equal(log.end() - passedOver, 2)
  await log.close()
})

test('killed amid batches, the broker has every acknowledged event, and none unsent', async () => {
  const place = await broker.topic('kills', { partitions: 4 })
  const log = await openLogAt(place)
  const acknowledged = new Set<string>()
  const sent = new Set<string>()
  const codes = new Map<string, number>()
  let isOver = false
  const sender = async (name: string) => {
    for (let body = 0; !isOver; body += 1) {
      const lines = eventLines(`${name}-${body}`, 40)
      for (const line of lines) sent.add(idOf(line))
      for (let isKept = false; !isKept; ) {
        try {
          await log.append(bodyOf(lines), lines.length, log.stampUs())
          isKept = true
        } catch (error) {
          assert(error instanceof LogError && error.canRetry, String(error))
          codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
          await sleep(100)
        }
      }
      for (const line of lines) acknowledged.add(idOf(line))
      await sleep(1)
    }
  }
  const senders = Array.from({ length: 12 }, (_, at) => sender(`s${at}`))
  for (let kill = 0; kill < 2; kill += 1) {
    await until(() => acknowledged.size > 0)
    await sleep(2_000)
    const before = acknowledged.size
    await broker.stack.kill('kafka', 'SIGKILL')
    // The first time away for longer than an append waits.
    if (kill === 0) await sleep(10_000)
    await broker.restart()
    while (acknowledged.size === before) await sleep(50)
  }
  await sleep(1_000)
  isOver = true
  await Promise.all(senders)
  await log.close()
  assert((codes.get('unavailable') ?? 0) > 0, 'senders were told that the broker was away')

  const { lines } = await readBack(place)
  const read = new Set(lines.map(({ text }) => idOf(text)))
  assert.deepEqual(
    [...acknowledged].filter((id) => !read.has(id)),
    [],
  )
  assert.deepEqual(
    [...read].filter((id) => !sent.has(id)),
    [],
  )
  console.log(
    `${acknowledged.size} acknowledged, ${lines.length - read.size} of them twice in the topic`,
  )
})

test('an append waits, then fails since the broker is away; later ones fail at once', async () => {
  const place = await broker.topic('away')
  const log = await openLogAt(place)
  await broker.stack.kill('kafka', 'SIGKILL')
  const append = () => log.append(bodyOf(eventLines('away', 1)), 1, log.stampUs())
  await assert.rejects(append(), { code: 'unavailable', message: /It is tried again/ })
  // At once is within the same turn of the event loop: nothing is sent and nothing awaited.
  const turn = new Promise<string>((resolve) => setImmediate(() => resolve('a turn later')))
  const refused = append().then(
    () => 'taken',
    (error: LogError) => error.code,
  )
  assert.equal(await Promise.race([refused, turn]), 'unavailable')
  assert.equal(log.stats().full?.code, 'unavailable')
  await broker.restart()
  for (;;) {
    try {
      await append()
      break
    } catch (error) {
      assert(error instanceof LogError && error.code === 'unavailable')
      await sleep(200)
    }
  }
  assert.equal(log.stats().full, null)
  await log.close()
})

test("a topic that is missing or keeps senders' time is refused with the way on", async () => {
  const place = broker.place('unfit')
  await assert.rejects(openLogAt(place), {
    code: 'topic-missing',
    message: /campaign-metrics setup/,
  })
  const admin = openAdmin(place)
  const configs = [{ name: 'cleanup.policy', value: 'compact' }]
  await admin.createTopics({ topics: [place.topic], partitions: 1, replicas: 1, configs })
  await admin.close()
  await assert.rejects(openLogAt(place), {
    code: 'topic-unfit',
    message: /--add-config message.timestamp.type=LogAppendTime.*cleanup.policy/s,
  })
  const { faults, outcome } = await setUpTopic(place, 'make')
  assert.equal(outcome, 'unfit')
  assert.equal(faults.length, 2)
  await produceFromOutside(place, ['{}'])
})

test('setup makes the topic once, changes nothing again, and nothing in a dry run', async () => {
  const place = broker.place('setup', { partitions: 5 })
  assert.equal((await setUpTopic(place, 'look')).outcome, 'missing')
  assert.equal((await setUpTopic(place, 'look')).outcome, 'missing')
  const made = await setUpTopic(place, 'make')
  assert.deepEqual([made.outcome, made.partitions, made.remarks], ['made', 5, []])
  const found = await setUpTopic({ ...place, partitions: 9 }, 'make')
  assert.deepEqual(found, { ...made, outcome: 'found' })
})

test('a topic made anew stops writer and reader, and says how to go on', async () => {
  const place = await broker.topic('anew')
  const log = await openLogAt(place)
  const append = () => log.append(bodyOf(eventLines('a', 1)), 1, log.stampUs())
  await append()
  const { offsets } = await readBack(place)
  const reader = await openEventReader({
    place,
    cursor: log.cursor,
    steadyMs: () => performance.now(),
    onStalled: () => {},
  })
  reader.begin({ nextOffset: 0, offsets })
  // It may hear of it before the writer does.
  const reading = (async () => {
    for (;;) await reader.next(0, 500)
  })().catch((error: LogError) => error.code)
  await deleteTopic(place)
  await setUpTopic(place, 'make')
  await assert.rejects(
    async () => {
      for (;;) {
        await append().catch((error: LogError) => {
          if (error.code === 'topic-replaced') throw error
        })
        await sleep(50)
      }
    },
    { code: 'topic-replaced', message: /--new-log/ },
  )
  assert.equal(log.stats().failed?.code, 'topic-replaced')
  assert.equal(await reading, 'topic-replaced')
  await reader.close()
  await log.close()
})

test('partitions that a topic gains are written and read without a restart', async () => {
  const place = await broker.topic('gains', { partitions: 1 })
  const log = await openLogAt(place)
  await log.append(bodyOf(eventLines('one', 10)), 10, log.stampUs())
  await addPartitions(place, 4)
  // The writer asks for partitions every five seconds.
  const seen = new Set<number>()
  for (let at = 0; seen.size < 4; at += 1) {
    await log.append(bodyOf(eventLines(`more-${at}`, 40)), 40, log.stampUs())
    for (const { partition } of (await readBack(place, [0])).lines) seen.add(partition)
    await sleep(500)
  }
  await log.close()
})

test('the lag of a group is the whole topic until it commits, then what follows', async () => {
  const place = await broker.topic('lag', { partitions: 2 })
  await produceFromOutside(
    place,
    Array.from({ length: 30 }, (_, at) => eventLine({ event_id: `${at}` })),
  )
  const before = await readConsumerLag(place, 'nobody')
  assert.equal(before.waiting, 30)
  assert.deepEqual(
    before.partitions.map(({ committed }) => committed),
    [null, null],
  )
  await commitOffset(place, 'half', 1, before.partitions[1]?.end ?? 0)
  const behind = await readConsumerLag(place, 'half')
  assert.equal(behind.waiting, before.partitions[0]?.end)
})

test('of what a group has yet to read, what came before a time is counted', async () => {
  const place = await broker.topic('waiting', { partitions: 2 })
  const batch = (name: string): readonly string[] => eventLines(name, 20)
  await produceFromOutside(place, batch('first'))
  await sleep(20)
  const betweenMs = Date.now()
  await sleep(20)
  await produceFromOutside(place, batch('second'))
  assert.equal(await countWaiting(place, 'waiting', betweenMs), 20)
  assert.equal(await countWaiting(place, 'waiting', Date.now() + 60_000), 40)
  assert.equal(await countWaiting(place, 'waiting', 0), 0)
  const { partitions } = await readConsumerLag(place, 'waiting')
  const { end } = partitions[0] ?? assert.fail()
  await commitOffset(place, 'waiting', 0, end)
  const inOther = (await readBack(place)).lines.filter(
    ({ partition, text }) => partition === 1 && text.includes('"first-'),
  )
  assert.equal(await countWaiting(place, 'waiting', betweenMs), inOther.length)
})

async function commitOffset(
  { topic, brokers }: KafkaPlace,
  groupId: string,
  partition: number,
  offset: number,
): Promise<void> {
  const consumer = new Consumer({ groupId, clientId: 'outside', bootstrapBrokers: [...brokers] })
  await consumer.joinGroup({})
  await consumer.commit({ offsets: [{ topic, partition, offset: BigInt(offset), leaderEpoch: 0 }] })
  await consumer.leaveGroup()
  await consumer.close()
}
