/**
 * What the windows have gained can be looked at while a batch fills, and the batch does not notice.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WindowDelta } from '../../src/event.ts'
import { openBlockBatch, type Row } from './block.ts'
import { anyRow, assertTaken, expectedWindows, manyRows, NOON, WINDOW_US } from './rows-model.ts'

function assertWindows(windows: readonly WindowDelta[], rows: readonly Row[]): void {
  const expected = expectedWindows(rows)
  assert.equal(windows.length, expected.size)
  for (const window of windows) {
    assert.deepEqual(window, expected.get(`${window.windowStartUs} ${window.campaignId}`))
  }
}

const isStored = ({ verdict }: Row): boolean => verdict === 0

test('a peek at any moment gives the sums of the rows so far, the take those of all', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const someRows = fc.array(anyRow, { maxLength: 60, size: 'max' })
  await fc.assert(
    fc.asyncProperty(fc.array(someRows, { minLength: 1, maxLength: 6 }), async (parts) => {
      const added: Row[] = []
      for (const part of parts) {
        batch.addRows(part, 1_000)
        added.push(...part.filter(isStored))
        assertWindows(batch.peekWindows(), added)
        assertWindows(batch.peekWindows(), added)
        assert.equal(batch.rows, added.length)
      }
      await assertTaken(batch.take(), added)
      assert.deepEqual(batch.peekWindows(), [])
    }),
    { numRuns: 100 },
  )
})

test('a peek before the first row gives nothing; the batch after a take begins anew', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  assert.deepEqual(batch.peekWindows(), [])
  const rows = manyRows(5_000, (i) => ({ type: i % 3, millionths: BigInt(i) - 2_500n }))
  batch.addRows(rows, 1)
  const peeked = batch.peekWindows()
  assert.deepEqual(batch.take().windows, peeked)
  // Codes of campaigns are given anew: the same ones in another order.
  const other = manyRows(100, (i) => ({
    strings: [`e${i}`, 'u', `campaign-${49 - (i % 50)}`, null, null, null],
    timestampUs: NOON + BigInt(i % 2) * BigInt(WINDOW_US),
  }))
  batch.addRows(other, 1)
  assertWindows(batch.peekWindows(), other)
  assertWindows(peeked, rows)
})
