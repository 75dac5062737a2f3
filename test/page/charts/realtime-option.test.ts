/**
 * Real time: three panels on one axis of time, scales from zero, and nothing drawn that is not
 * known.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  describeRealtime,
  realtimeModel,
  realtimeTable,
  SecondsRing,
  sumSeconds,
} from '../../../src/page/charts/realtime-model.ts'
import { realtimeOption } from '../../../src/page/charts/realtime-option.ts'
import { createFormat } from '../../../src/page/format.ts'
import { THEME } from './named-theme.ts'

const format = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: null })
const NOW = Date.parse('2026-11-22T10:25:00Z') / 1000

function ringTo(knownTo: number, seconds: [number, number, number, number][]): SecondsRing {
  const ring = new SecondsRing()
  ring.merge({ now: new Date((knownTo + 0.5) * 1000).toISOString(), seconds })
  return ring
}

/** The points of a panel's line. */
function lineOf(ring: SecondsRing, to: number, panel: number): unknown[] {
  const option = realtimeOption(realtimeModel(ring, to, null), THEME, format)
  const series = [option.series].flat()[panel] as { data: unknown[] }
  return series.data
}

test('each second is a step as wide as it is long, a second without events a step at zero', () => {
  const line = lineOf(ringTo(NOW, [[NOW - 2, 30, 2, 1]]), NOW, 1)
  assert.deepEqual(line.slice(-4), [
    [NOW - 3, 0],
    [NOW - 2, 2],
    [NOW - 1, 0],
    [NOW, 0],
  ])
})

test('the axis goes on while the line ends at the last second that is known', () => {
  const ring = ringTo(NOW, [[NOW - 1, 30, 2, 1]])
  const model = realtimeModel(ring, NOW + 4, null)
  assert.deepEqual([model.from, model.to], [NOW - 296, NOW + 4])
  assert.deepEqual(lineOf(ring, NOW + 4, 0).slice(-2), [
    [NOW - 1, 30],
    [NOW, 30],
  ])
})

test('each panel has a scale of its own from zero to a whole number', () => {
  const model = realtimeModel(ringTo(NOW, [[NOW - 1, 900, 31, 3]]), NOW, null)
  assert.deepEqual(
    model.axes.map(({ min, max }) => [min, max]),
    [
      [0, 1000],
      [0, 40],
      [0, 4],
    ],
  )
})

test('a scale does not follow each second down', () => {
  const before = realtimeModel(ringTo(NOW, [[NOW - 1, 900, 31, 3]]), NOW, null)
  const after = realtimeModel(ringTo(NOW, [[NOW - 1, 700, 20, 1]]), NOW, before)
  assert.deepEqual(after.axes[0], before.axes[0])
})

test('the table has ten seconds a row, the newest first, and adds up to the picture', () => {
  const model = realtimeModel(
    ringTo(NOW + 3, [
      [NOW - 1, 8, 2, 1],
      [NOW, 5, 1, 0],
      [NOW + 2, 4, 0, 0],
    ]),
    NOW + 3,
    null,
  )
  const { rows } = realtimeTable(model, format)
  assert.deepEqual(rows[0]?.cells, ['10:25:00', '9', '1', '0'])
  assert.deepEqual(rows[1]?.cells, ['10:24:50', '8', '2', '1'])
  assert.deepEqual(sumSeconds(model.seconds), [17, 3, 1])
  assert.equal(
    describeRealtime(model, format),
    'Events by the second. In the last five minutes: 17 impressions, 3 clicks, 1 conversion.',
  )
})
