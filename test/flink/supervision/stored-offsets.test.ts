/** Up to which offset the tables hold a topic, told by event ids. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { newIdSet } from '../../../src/flink/supervision/id-set.ts'
import { openStoredOffsets } from '../../../src/flink/supervision/stored-offsets.ts'
import type { Frame } from '../../../src/log.ts'
import { eventLine } from '../../support/events.ts'

const KEEPS_ALL = { days: 0, sinceUs: 0, keptFromUs: 0 }
const NOW_US = Date.now() * 1000

function frameOf(partition: number, firstOffset: number, lines: readonly string[]): Frame {
  return {
    firstOffset,
    count: lines.length,
    arrivalUs: NOW_US,
    bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')),
    origin: {
      offsets: [],
      placeOf: (line) => ({ partition, offset: firstOffset + line }),
      originalOf: () => null,
    },
  }
}

/** Stored ids begin with s. */
const STORED = { has: (id: string) => id.startsWith('s') }
const events = (...ids: string[]) => ids.map((id) => eventLine({ event_id: id }))

test('the end of what is stored lies before the first sound event that is not', () => {
  const found = openStoredOffsets(STORED, [0, 70], KEEPS_ALL)
  const [one = '', two = '', three = ''] = events('s1', 's2', 'n1')
  found.take(frameOf(0, 0, [one, '{', two, 'no', three, ...events('s3', 'n2')]))
  assert.equal(found.isDone(), false)
  // The repeat behind n1 is not what a commit held; nor are records that nobody has stored.
  assert.deepEqual(found.offsets(), [3, 70])
  found.take(frameOf(1, 70, events('n3', 's4')))
  assert.deepEqual(found.offsets(), [3, 70])
  assert.equal(found.isDone(), true)
})

test('what the job may have rejected or taken in another form decides nothing but by its id', () => {
  const retention = { days: 90, sinceUs: 0, keptFromUs: Date.UTC(2020, 0, 1) * 1000 }
  const found = openStoredOffsets({ has: (id) => id === '5' || id === 's' }, [0], retention)
  const old = (at: number) =>
    eventLine({ event_id: `${at}`, timestamp: new Date(at).toISOString() })
  found.take(frameOf(0, 0, [old(NOW_US / 1000 - 91 * 86_400_000), old(0), '{"event_id":7}']))
  assert.deepEqual(found.offsets(), [0])
  found.take(
    frameOf(0, 3, ['{"event_id":5}', '[{"event_id":"x"},{"event_id":"s"}]', '{"event_id":8}']),
  )
  assert.deepEqual(found.offsets(), [5])
  // Another retention may have rejected it.
  const since = { days: 90, sinceUs: NOW_US + 1, keptFromUs: 0 }
  const changed = openStoredOffsets(STORED, [0], since)
  changed.take(frameOf(0, 0, [old(NOW_US / 1000 - 2 * 86_400_000), ...events('s', 'n', 's')]))
  assert.deepEqual(changed.offsets(), [2])
  found.take({ ...frameOf(0, 6, events('n')), hasSenderTime: true })
  found.take(frameOf(0, 7, events('s', 'n', 's')))
  assert.deepEqual(found.offsets(), [8])
})

test('the set of ids knows those that were added, as text or as bytes, and no other', () => {
  const set = newIdSet()
  const idOf = (at: number) => createHash('sha256').update(`${at}`).digest('hex')
  for (let at = 0; at < 100_000; at++) {
    assert.ok(set.add(at % 2 === 0 ? idOf(at) : Buffer.from(idOf(at))))
  }
  set.add(idOf(0))
  assert.equal(set.size(), 100_000)
  for (let at = 0; at < 200_000; at++) assert.equal(set.has(idOf(at)), at < 100_000)
})
