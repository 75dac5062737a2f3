/**
 * Seconds of the stream: zero where nothing came, unknown where nothing was told. Windows of an
 * answer. A scale on which a backfill does not make everything else look empty.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cutOff,
  describeRealtime,
  realtimeTable,
  SecondsRing,
  scaleTop,
  secondsModel,
  sumSteps,
  windowsModel,
} from '../../../src/page/charts/realtime-model.ts'
import { createFormat } from '../../../src/page/format.ts'

const format = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: null })
const NOW_MS = Date.parse('2026-11-22T10:25:00Z')
const NOW = NOW_MS / 1000

function isoAt(second: number): string {
  return new Date(second * 1000).toISOString()
}

test('before the first message nothing is known', () => {
  const ring = new SecondsRing()
  assert.equal(ring.knownTo, null)
  assert.equal(ring.at(NOW), null)
  assert.deepEqual(ring.between(NOW - 300, NOW), [])
})

test('a second that is over and was not told had no events; one to come is not known', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 0.8), seconds: [[NOW - 3, 30, 1, 0]] })
  assert.deepEqual(ring.at(NOW - 3), [30, 1, 0])
  assert.deepEqual(ring.at(NOW - 2), [0, 0, 0])
  assert.deepEqual(ring.at(NOW - 1), [0, 0, 0])
  assert.equal(ring.at(NOW), null)
})

test('a second that has only just ended is not known yet: more of it may come', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 0.2), seconds: [[NOW - 1, 7, 0, 0]] })
  assert.equal(ring.at(NOW - 1), null)
  ring.merge({ now: isoAt(NOW + 0.6), seconds: [[NOW - 1, 9, 0, 0]] })
  assert.deepEqual(ring.at(NOW - 1), [9, 0, 0])
})

test('a second told again replaces what was told before', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 1), seconds: [[NOW - 1, 10, 0, 0]] })
  ring.merge({ now: isoAt(NOW + 2), seconds: [[NOW - 1, 14, 1, 0]] })
  assert.deepEqual(
    ring.between(NOW - 1, NOW + 5).map(({ at, counts }) => [at, ...counts]),
    [
      [NOW - 1, 14, 1, 0],
      [NOW, 0, 0, 0],
    ],
  )
})

test('three hundred seconds are kept', () => {
  const ring = new SecondsRing()
  const seconds = Array.from({ length: 400 }, (_, index) => [NOW - 400 + index, 1, 0, 0] as const)
  ring.merge({ now: isoAt(NOW + 0.5), seconds })
  assert.equal(ring.at(NOW - 301), null)
  assert.deepEqual(ring.at(NOW - 300), [1, 0, 0])
  assert.equal(ring.between(NOW - 1000, NOW + 1000).length, 300)
})

test('a server that comes back a little behind does not take known seconds back', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 10), seconds: [[NOW + 5, 3, 0, 0]] })
  ring.merge({ now: isoAt(NOW + 8), seconds: [] })
  assert.deepEqual(ring.at(NOW + 5), [3, 0, 0])
  assert.equal(ring.knownTo, NOW + 9)
})

function ringTo(knownTo: number, seconds: [number, number, number, number][]): SecondsRing {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(knownTo + 0.5), seconds })
  return ring
}

test('the axis goes on while the steps end at the last second that is known', () => {
  const model = secondsModel(ringTo(NOW, [[NOW - 1, 30, 2, 1]]), NOW + 4, null)
  assert.deepEqual([model.from, model.to], [NOW - 296, NOW + 4])
  assert.deepEqual(model.steps.at(-1), { at: NOW - 1, counts: [30, 2, 1] })
})

test('each panel has a scale of its own from zero to a whole number', () => {
  const model = secondsModel(ringTo(NOW, [[NOW - 1, 900, 31, 3]]), NOW, null)
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
  const before = secondsModel(ringTo(NOW, [[NOW - 1, 900, 31, 3]]), NOW, null)
  const after = secondsModel(ringTo(NOW, [[NOW - 1, 700, 20, 1]]), NOW, before)
  assert.deepEqual(after.axes[0], before.axes[0])
})

test('the scale reaches the highest second, unless a few are far above all others', () => {
  const usual = (count: number): number[] =>
    Array.from({ length: count }, (_, at) => 40 + (at % 20))
  assert.equal(scaleTop([]), 0)
  assert.equal(scaleTop([0, 0, 1]), 1)
  assert.equal(scaleTop([...usual(290), 180]), 180)
  // Three quarters are 54 or less: the scale ends at four times as much.
  assert.equal(scaleTop([...usual(290), 98_000, 120_000]), 4 * 54)
  assert.equal(scaleTop([...usual(200), ...Array(60).fill(98_000)]), 4 * 59)
  // Most seconds are empty: those do not count as usual.
  assert.equal(scaleTop([...Array(250).fill(0), ...usual(20)]), 59)
  assert.equal(scaleTop([1, 1, 1, 1, 9]), 9)
})

test('after a backfill the other seconds are still seen, and what is cut off is told', () => {
  const seconds = Array.from(
    { length: 300 },
    (_, index) => [NOW - 300 + index, 50, 5, 1] as [number, number, number, number],
  )
  seconds[100] = [NOW - 200, 98_000, 5, 1]
  const model = secondsModel(ringTo(NOW, seconds), NOW, null)
  assert.ok((model.axes[0]?.max ?? 0) <= 250, 'fifty events fill a fifth of the panel at least')
  assert.deepEqual(
    [0, 1, 2].map((panel) => cutOff(model, panel)),
    [98_000, null, null],
  )
  assert.match(describeRealtime(model, format), /Beyond the scale: impressions reach 98,000/)
  assert.equal(sumSteps(model.steps)[0], 299 * 50 + 98_000)
})

test('the table has ten seconds a row, the newest first, and adds up to the picture', () => {
  const model = secondsModel(
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
  assert.deepEqual(sumSteps(model.steps), [17, 3, 1])
  assert.equal(
    describeRealtime(model, format),
    'Events by the second. In the last five minutes: 17 impressions, 3 clicks, 1 conversion.',
  )
})

test('with filters it has the windows of the answer, as many rows as windows', () => {
  const none = [null, null]
  const model = windowsModel({
    sparkline: {
      stepSeconds: 300,
      starts: ['2026-11-22T10:20:00Z', '2026-11-22T10:25:00Z'],
      figures: {
        impressions: [120, 30],
        clicks: [9, 1],
        ctr: none,
        conversions: [2, 0],
        cvr: none,
        revenue: none,
        revenuePerClick: none,
      },
    },
  })
  assert.ok(model)
  assert.deepEqual([model.from, model.to], [NOW - 300, NOW + 300])
  assert.deepEqual(
    realtimeTable(model, format).rows.map(({ cells }) => cells),
    [
      ['22 Nov 10:25', '30', '1', '0'],
      ['22 Nov 10:20', '120', '9', '2'],
    ],
  )
  assert.equal(
    describeRealtime(model, format),
    'Events of the chosen filters, each 5 minutes. Since 10:20: ' +
      '150 impressions, 10 clicks, 2 conversions.',
  )
})
