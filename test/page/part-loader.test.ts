/**
 * When a part asks again: at once for something else, at its pace for news, not at all in a tab
 * that nobody sees.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  NOTHING_ASKED,
  type PartProgress,
  refreshPause,
  shouldAsk,
  type Wanted,
} from '../../src/page/part-loader.ts'

const HOUR = 3600
const ASKED_MS = 1_000_000

const shown = (more: Partial<PartProgress> = {}): PartProgress => ({
  shown: { request: 'summary', version: '1', askedMs: ASKED_MS },
  asking: null,
  failed: null,
  ...more,
})

const wanted = (afterMs: number, more: Partial<Wanted> = {}): Wanted => ({
  request: 'summary',
  version: '2',
  rangeSeconds: HOUR,
  isHidden: false,
  nowMs: ASKED_MS + afterMs,
  ...more,
})

test('what was never asked for is asked for at once, in a hidden tab too', () => {
  assert.equal(shouldAsk(NOTHING_ASKED, wanted(0, { version: null })), true)
  assert.equal(shouldAsk(NOTHING_ASKED, wanted(0, { isHidden: true })), true)
})

test('changes are requested every second up to an hour, 2 s up to a day, 10 s beyond', () => {
  for (const [rangeSeconds, pauseMs] of [
    [900, 1000],
    [HOUR, 1000],
    [6 * HOUR, 2000],
    [24 * HOUR, 2000],
    [7 * 24 * HOUR, 10_000],
  ] as const) {
    assert.equal(refreshPause(rangeSeconds), pauseMs)
    assert.equal(shouldAsk(shown(), wanted(pauseMs - 1, { rangeSeconds })), false)
    assert.equal(shouldAsk(shown(), wanted(pauseMs, { rangeSeconds })), true)
  }
})

test('without news nothing is asked for, until half a minute has passed', () => {
  assert.equal(shouldAsk(shown(), wanted(29_999, { version: '1' })), false)
  assert.equal(shouldAsk(shown(), wanted(30_000, { version: '1' })), true)
})

test('another view is asked for at once, also while the one before is under way', () => {
  assert.equal(shouldAsk(shown(), wanted(1, { request: 'summary?range=6h' })), true)
  const asking = shown({ asking: 'summary' })
  assert.equal(shouldAsk(asking, wanted(60_000)), false, 'never the same twice at once')
  assert.equal(shouldAsk(asking, wanted(1, { request: 'summary?range=6h' })), true)
})

test('a hidden tab asks for nothing', () => {
  assert.equal(shouldAsk(shown(), wanted(3_600_000, { isHidden: true })), false)
})

test('after failures it asks again, ever more slowly, but at least every ten seconds', () => {
  const failed = (times: number): PartProgress =>
    shown({ failed: { request: 'summary', times, lastMs: ASKED_MS } })
  for (const [times, pauseMs] of [
    [1, 500],
    [2, 1000],
    [3, 2000],
    [4, 5000],
    [5, 10_000],
    [100, 10_000],
  ] as const) {
    assert.equal(shouldAsk(failed(times), wanted(pauseMs - 1)), false, `${times} failures`)
    assert.equal(shouldAsk(failed(times), wanted(pauseMs, { version: '1' })), true)
  }
})

test('a view is not held up by the failures of another', () => {
  const failed = shown({ failed: { request: 'summary?range=30d', times: 9, lastMs: ASKED_MS } })
  assert.equal(shouldAsk(failed, wanted(1, { request: 'summary?range=24h' })), true)
})
