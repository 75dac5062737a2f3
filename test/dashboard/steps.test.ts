/** Ladder, chunks and shown steps for windows of all sizes that divide a day. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  chunkLengthUs,
  DAY_US,
  HOUR_US,
  MINUTE_US,
  SECOND_US,
  stepLadder,
  stepsFor,
  stepsInZone,
  widen,
} from '../../src/dashboard/steps.ts'

const inSeconds = (us: readonly number[]): number[] => us.map((one) => one / SECOND_US)

/** A window divides a day and is a whole number of seconds. */
const anyWindow = fc
  .integer({ min: 1, max: 86_400 })
  .filter((seconds) => 86_400 % seconds === 0)
  .map((seconds) => seconds * SECOND_US)

test('the ladder begins with the window and has the usual steps that it divides', () => {
  assert.deepEqual(inSeconds(stepLadder(300 * SECOND_US)), [300, 900, 3600, 21_600, 86_400])
  assert.deepEqual(inSeconds(stepLadder(SECOND_US)), [1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400])
  assert.deepEqual(inSeconds(stepLadder(540 * SECOND_US)), [540, 21_600, 86_400])
  assert.deepEqual(inSeconds(stepLadder(DAY_US)), [86_400])
})

test('every step is whole windows, divides a day, and fills chunks that divide a day', () => {
  fc.assert(
    fc.property(anyWindow, (windowUs) => {
      for (const stepUs of stepLadder(windowUs)) {
        assert.equal(stepUs % windowUs, 0)
        assert.equal(DAY_US % stepUs, 0)
        const chunkUs = chunkLengthUs(stepUs)
        assert.equal(chunkUs % stepUs, 0)
        assert.equal(DAY_US % chunkUs, 0)
        assert.ok(chunkUs >= Math.min(30 * MINUTE_US, DAY_US))
      }
    }),
  )
})

test('figures are kept by window up to 26 hours, by hour up to 62 days, then by day', () => {
  const ladder = stepLadder(5 * MINUTE_US)
  assert.equal(stepsFor(26 * HOUR_US, ladder)[0], 5 * MINUTE_US)
  assert.equal(stepsFor(26 * HOUR_US + 1, ladder)[0], HOUR_US)
  assert.equal(stepsFor(62 * DAY_US, ladder)[0], HOUR_US)
  assert.equal(stepsFor(62 * DAY_US + 1, ladder)[0], DAY_US)
  assert.equal(stepsFor(7 * DAY_US, stepLadder(9 * MINUTE_US))[0], 6 * HOUR_US)
})

test('a stretch is widened to whole steps, across midnight and before the epoch', () => {
  const from = Date.UTC(2026, 10, 22, 23, 58) * 1000
  assert.deepEqual(widen({ fromUs: from, toUs: from + 3 * MINUTE_US }, 5 * MINUTE_US), {
    fromUs: Date.UTC(2026, 10, 22, 23, 55) * 1000,
    toUs: Date.UTC(2026, 10, 23, 0, 5) * 1000,
    stepUs: 5 * MINUTE_US,
  })
  assert.deepEqual(widen({ fromUs: -1, toUs: 1 }, DAY_US), {
    fromUs: -DAY_US,
    toUs: DAY_US,
    stepUs: DAY_US,
  })
})

test('in a zone, steps begin at its midnights: half hours in Kolkata, none of a day in Berlin', () => {
  const ladder = stepLadder(5 * MINUTE_US)
  const steps = (days: number, ...offsets: number[]): number[] =>
    inSeconds(
      stepsInZone(
        days * DAY_US,
        ladder,
        offsets.map((hours) => hours * HOUR_US),
      ),
    )
  assert.deepEqual(steps(1, 5.5), [300, 900])
  assert.deepEqual(steps(30, 5.5), [900], 'finer than usual, as no hour begins there at midnight')
  assert.deepEqual(steps(30, 1, 2), [3600])
  assert.deepEqual(steps(90, 1, 2), [3600])
  assert.deepEqual(steps(90, 0), [86_400])
  assert.deepEqual(steps(90, -6), [21_600])
})
