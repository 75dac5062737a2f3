/** What clients have changed beside Flink, as the properties of the table tell it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  changedSpans,
  clientRemovedMs,
  clientRows,
  withoutCompared,
  withRowChange,
} from '../../src/table/client-commit/client-rows.ts'
import type { DataFile } from '../../src/table/data-file.ts'
import { openRandom } from '../support/random.ts'

const DAY_US = 86_400_000_000
/** The field id of the column timestamp. */
const TIMESTAMP = 5

function timeBytes(us: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(us))
  return bytes
}

function file(firstUs: number, lastUs: number, rows = 1): DataFile {
  return {
    path: `/${firstUs}`,
    day: Math.floor(firstUs / DAY_US),
    rows,
    lowerBounds: new Map([[TIMESTAMP, timeBytes(firstUs)]]),
    upperBounds: new Map([[TIMESTAMP, timeBytes(lastUs)]]),
  } as unknown as DataFile
}

const at = (sequence: number) => ({ sequence, nowMs: sequence * 1000 })

test('rows are counted over all changes, and what is joined keeps the newest number', () => {
  const first = withRowChange({ owner: 'x' }, { added: [], removed: [file(100, 199, 7)] }, at(4))
  const second = withRowChange(
    first,
    { added: [file(150, 300, 5)], removed: [file(200, 300, 6), file(500, 600)] },
    at(9),
  )
  assert.deepEqual(clientRows(second), { addedRows: 5, removedRows: 14 })
  assert.deepEqual(changedSpans(second), [
    { sequence: 9, fromUs: 100, toUs: 301 },
    { sequence: 9, fromUs: 500, toUs: 601 },
  ])
  assert.equal(second.owner, 'x')
  assert.deepEqual(changedSpans({}), [])
  assert.deepEqual(clientRows({}), { addedRows: 0, removedRows: 0 })
})

test('when rows were last removed is told; adding and rewriting remove none', () => {
  assert.equal(clientRemovedMs({}), null)
  const removed = withRowChange({}, { added: [file(1, 2, 4)], removed: [file(1, 2, 5)] }, at(3))
  assert.equal(clientRemovedMs(removed), 3000)
  const rewritten = { added: [file(1, 2, 9)], removed: [file(1, 2, 5), file(3, 4, 4)] }
  const later = withRowChange(removed, rewritten, at(5))
  const added = withRowChange(later, { added: [file(1, 2)], removed: [] }, at(6))
  assert.equal(clientRemovedMs(added), 3000)
})

test('a file without bounds stands for its day; rows that are only added need no comparison', () => {
  const unknown = {
    ...file(DAY_US + 5, DAY_US + 6),
    lowerBounds: new Map(),
    upperBounds: new Map(),
  }
  const noted = withRowChange({}, { added: [file(1, 2)], removed: [unknown] }, at(1))
  assert.deepEqual(changedSpans(noted), [{ sequence: 1, fromUs: DAY_US, toUs: 2 * DAY_US }])
  assert.deepEqual(changedSpans(withRowChange({}, { added: [file(1, 2)], removed: [] }, at(1))), [])
  const nothing = { owner: 'x' }
  assert.equal(withRowChange(nothing, { added: [], removed: [] }, at(1)), nothing)
})

test('what was compared goes, up to the end of the closed windows', () => {
  const removed = [file(100, 199), file(300, 499)]
  const noted = withRowChange({}, { added: [], removed }, at(4))
  assert.deepEqual(changedSpans(withoutCompared(noted, { sequence: 4, untilUs: 400 })), [
    { sequence: 4, fromUs: 400, toUs: 500 },
  ])
  assert.deepEqual(changedSpans(withoutCompared(noted, { sequence: 3, untilUs: 400 })).length, 2)
  assert.equal(
    'campaign-metrics.changed-spans' in withoutCompared(noted, { sequence: 4, untilUs: 500 }),
    false,
  )
})

test('of thousands of files 64 stretches are kept, which cover every one of them', () => {
  const random = openRandom(3)
  const removed = Array.from({ length: 3000 }, () => {
    const at = Math.floor(random.next() * 400) * DAY_US
    return file(at, at + 5)
  })
  const spans = changedSpans(withRowChange({}, { added: [], removed }, at(2)))
  assert.equal(spans.length, 64)
  for (const { day } of removed) {
    const at = day * DAY_US
    assert.ok(spans.some(({ fromUs, toUs }) => fromUs <= at && at + 6 <= toUs))
  }
})
