import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FlinkError, openRejectedMover } from '../../../src/flink.ts'
import { listRejected, openRejected } from '../../../src/rejected.ts'

const PART = 'part-0c1f6bb6-0d40-4b8c-9d5b-2c8a6c3f4f11-0-'
const line = (offset: number, reason: string, bytes: string | null): string =>
  `${JSON.stringify({
    reason,
    arrived: '2026-11-28 01:02:03.004',
    partition: 1,
    offset,
    line: bytes === null ? null : Buffer.from(bytes).toString('base64'),
  })}\n`

async function openPlace() {
  const root = await mkdtemp(join(tmpdir(), 'flink-rejected-'))
  const directory = join(root, 'rejected')
  const topic = new Map<number, string>()
  const open = async () => {
    const store = await openRejected({
      directory,
      source: 'job',
      bytesMax: 2 ** 20,
      nowUs: () => 0,
    })
    const readRecord = async ({ offset }: Readonly<{ offset: number }>) => {
      const value = topic.get(offset)
      return value === undefined ? null : Buffer.from(value)
    }
    return { store, mover: openRejectedMover({ from: root, directory, store, readRecord }) }
  }
  const kept = async () => {
    const events = []
    for await (const event of listRejected(directory)) events.push(event)
    return events.map(({ bytes, reason, arrived, partition, offset }) => ({
      ...{ text: Buffer.from(bytes).toString(), reason, arrived, partition, offset },
    }))
  }
  return { root, topic, open, kept, close: () => rm(root, { recursive: true }) }
}

test('bytes come from the file or the topic, the reason from the bytes', async () => {
  const place = await openPlace()
  place.topic.set(8, '{"event_id":5}')
  const part =
    line(7, 'syntax', '[1]') +
    line(8, 'user-id-missing', null) +
    line(9, 'event-type-unknown', null)
  await writeFile(join(place.root, `${PART}0`), part)
  await writeFile(join(place.root, `.${PART}1.inprogress.x`), 'half a li')
  const { store, mover } = await place.open()
  assert.equal(await mover.move(), 3)
  const arrived = '2026-11-28T01:02:03.004000Z'
  assert.deepEqual(await place.kept(), [
    { text: '[1]', reason: 'not-object', arrived, partition: 1, offset: 7 },
    { text: '{"event_id":5}', reason: 'event-id-not-string', arrived, partition: 1, offset: 8 },
    // The topic holds it no more.
    { text: '', reason: 'event-type-unknown', arrived, partition: 1, offset: 9 },
  ])
  const names = (await readdir(place.root)).filter((name) => name.includes('part'))
  assert.deepEqual(names, [`.${PART}1.inprogress.x`])
  await store.close()
  await place.close()
})

test('a record with its sender’s time is kept as such, whatever its bytes are', async () => {
  const place = await openPlace()
  place.topic.set(5, '{')
  await writeFile(join(place.root, `${PART}0`), line(5, 'sender-time', null))
  const { store, mover } = await place.open()
  assert.equal(await mover.move(), 1)
  assert.deepEqual(
    (await place.kept()).map(({ text, reason }) => [text, reason]),
    [['{', 'sender-time']],
  )
  await store.close()
  await place.close()
})

test('a record too old is kept as such, unless a field before its date is wrong', async () => {
  const place = await openPlace()
  const event = {
    ...{ event_id: 'e', user_id: 'u', campaign_id: 'c', event_type: 'click' },
    timestamp: '2026-01-01T00:00:00Z',
  }
  place.topic.set(3, JSON.stringify({ ...event, revenue: true }))
  place.topic.set(4, JSON.stringify({ ...event, user_id: 5 }))
  const part = line(3, 'timestamp-retention', null) + line(4, 'timestamp-retention', null)
  await writeFile(join(place.root, `${PART}0`), part)
  const { store, mover } = await place.open()
  await mover.move()
  const reasons = (await place.kept()).map(({ reason }) => reason)
  assert.deepEqual(reasons, ['timestamp-retention', 'user-id-not-string'])
  await store.close()
  await place.close()
})

test('records kept before a crash, and those that Flink writes again, are kept once', async () => {
  const place = await openPlace()
  const part = line(1, 'syntax', 'a') + line(2, 'syntax', 'b')
  await writeFile(join(place.root, `${PART}0`), part)
  const first = await place.open()
  await first.mover.move()
  await first.store.close()
  // As if the process had died before it removed the file.
  await writeFile(join(place.root, `${PART}0`), part)
  const second = await place.open()
  assert.equal(await second.mover.move(), 0)
  await writeFile(join(place.root, `${PART}1`), line(2, 'syntax', 'b') + line(3, 'syntax', 'c'))
  assert.equal(await second.mover.move(), 1)
  assert.deepEqual(
    (await place.kept()).map(({ text }) => text),
    ['a', 'b', 'c'],
  )
  await second.store.close()
  await place.close()
})

test('a line not written by the job stops the move, names its place, loses nothing', async () => {
  const place = await openPlace()
  await writeFile(join(place.root, `${PART}0`), `${line(1, 'syntax', 'a')}{"reason":"no such"}\n`)
  const { store, mover } = await place.open()
  await assert.rejects(mover.move(), (error) => {
    assert.ok(error instanceof FlinkError && error.code === 'rejected-file')
    assert.equal(error.facts.line, 2)
    return true
  })
  assert.deepEqual(await place.kept(), [])
  assert.ok((await readdir(place.root)).includes(`${PART}0`))
  await store.close()
  await place.close()
})

test('without a folder there is nothing to move', async () => {
  const place = await openPlace()
  const { store } = await place.open()
  const missing = join(place.root, 'none')
  const mover = openRejectedMover({
    ...{ from: missing, directory: missing, store },
    readRecord: async () => null,
  })
  assert.equal(await mover.move(), 0)
  await store.close()
  await place.close()
})
