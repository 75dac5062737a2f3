/** What of the topic Flink can still read, told from offsets alone. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  openCountedNote,
  sumWithoutEvent,
  takenOffsets,
} from '../../../src/flink/supervision/counted-offsets.ts'
import { gapsText, standingOf } from '../../../src/flink/supervision/topic-watch.ts'

const lagOf = (...partitions: { start: number; committed: number | null; end: number }[]) => {
  return { partitions, waiting: 0 }
}

test('records that are gone before Flink read them are a gap of their partition', () => {
  const lag = lagOf(
    { start: 0, committed: 40, end: 90 },
    { start: 600, committed: 100, end: 900 },
    { start: 5, committed: null, end: 9 },
  )
  const { gaps, isBehind } = standingOf(lag, lag, [])
  assert.deepEqual(gaps, [{ partition: 1, from: 100, to: 600 }])
  assert.equal(isBehind, true)
  assert.match(
    gapsText('events', gaps),
    /The topic events no longer holds 500 records of partition 1 \(offsets 100 to 599\)/,
  )
})

test('markers and aborted records that are gone are no gap, though Flink cannot go on there', () => {
  const lag = lagOf({ start: 600, committed: 100, end: 900 })
  const standing = standingOf(lag, lag, [{ until: 600, withoutEvent: 500 }])
  assert.deepEqual(standing, { gaps: [], isBehind: true })
})

test('the source of the lines alone may have a gap; what is counted holds for the other', () => {
  const events = lagOf({ start: 600, committed: 700, end: 900 })
  const lines = lagOf({ start: 600, committed: 590, end: 900 })
  const { gaps } = standingOf(events, lines, [{ until: 700, withoutEvent: 0 }])
  assert.deepEqual(gaps, [{ partition: 0, from: 590, to: 600 }])
  // A checkpoint behind the other, which has a gap itself: the records of that one are lost.
  const both = standingOf(lagOf({ start: 600, committed: 100, end: 900 }), lines, [])
  const behind = lagOf({ start: 600, committed: 40, end: 900 })
  const sooner = standingOf(lagOf({ start: 600, committed: 100, end: 900 }), behind, [])
  for (const standing of [both, sooner]) {
    assert.deepEqual(standing.gaps, [{ partition: 0, from: 100, to: 600 }])
  }
})

test('a topic that holds all is in order', () => {
  const lag = lagOf({ start: 0, committed: 40, end: 90 }, { start: 0, committed: 0, end: 0 })
  assert.deepEqual(standingOf(lag, lag, []), { gaps: [], isBehind: false })
})

test('Flink has taken what it has committed, and what holds no event after it', () => {
  const lag = lagOf({ start: 0, committed: 70, end: 181 }, { start: 0, committed: 30, end: 30 })
  const counts = [
    { until: 181, withoutEvent: 112 },
    { until: 20, withoutEvent: 0 },
  ]
  assert.deepEqual(takenOffsets(lag, counts), [181, 30])
  assert.equal(sumWithoutEvent(counts), 112)
})

test('the note is read as it was written; of another topic, or broken, it says nothing', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'counted-note-'))
  t.after(() => rm(folder, { recursive: true }))
  const note = openCountedNote(folder, 'events')
  assert.deepEqual(await note.read(), [])
  const counts = [{ until: 5, withoutEvent: 2 }]
  await note.write(counts)
  assert.deepEqual(await note.read(), counts)
  assert.deepEqual(await openCountedNote(folder, 'others').read(), [])
  await writeFile(join(folder, 'flink-offsets.json'), '{"topic":"events","partitions":[{}]}')
  assert.deepEqual(await note.read(), [])
})
