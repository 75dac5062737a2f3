/** Which stretch a range is, and what it is compared with, by hand from a calendar. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RangeId } from '../../src/dashboard-definition/definition.ts'
import {
  type CompareId,
  comparedWith,
  periodOf,
  periodOfDays,
} from '../../src/dashboard-definition/periods.ts'

const WINDOW_MS = 300_000

type Texts = readonly [from: string, to: string, thenFrom: string, thenTo: string]

function stretches(
  id: RangeId,
  now: string,
  { zone = 'UTC', compare = 'previous' }: { zone?: string; compare?: CompareId } = {},
): Texts {
  const clock = { nowMs: Date.parse(now), zone, weekStart: 1, windowMs: WINDOW_MS } as const
  const period = periodOf(id, clock)
  const then = comparedWith(period, period.toMs, compare, zone)
  assert.ok(then)
  return [period.fromMs, period.toMs, then.fromMs, then.toMs].map((ms) =>
    new Date(ms).toISOString().slice(0, 16),
  ) as [string, string, string, string] // four of them
}

/** A Wednesday. */
const NOW = '2026-11-25T10:22Z'

test('a range that is not over is compared with the same part of the period before', () => {
  const claims: readonly (readonly [RangeId, ...Texts])[] = [
    ['1h', '2026-11-25T09:25', '2026-11-25T10:25', '2026-11-25T08:25', '2026-11-25T09:25'],
    ['today', '2026-11-25T00:00', '2026-11-25T10:25', '2026-11-24T00:00', '2026-11-24T10:25'],
    ['7d', '2026-11-19T00:00', '2026-11-25T10:25', '2026-11-12T00:00', '2026-11-18T10:25'],
    ['this-week', '2026-11-23T00:00', '2026-11-25T10:25', '2026-11-16T00:00', '2026-11-18T10:25'],
    ['this-month', '2026-11-01T00:00', '2026-11-25T10:25', '2026-10-01T00:00', '2026-10-25T10:25'],
  ]
  for (const [id, ...expected] of claims) assert.deepEqual(stretches(id, NOW), expected, id)
})

test('a week, a weekend or a month that is over is compared with the one before', () => {
  const claims: readonly (readonly [RangeId, ...Texts])[] = [
    ['last-week', '2026-11-16T00:00', '2026-11-23T00:00', '2026-11-09T00:00', '2026-11-16T00:00'],
    [
      'last-weekend',
      '2026-11-21T00:00',
      '2026-11-23T00:00',
      '2026-11-14T00:00',
      '2026-11-16T00:00',
    ],
    ['last-month', '2026-10-01T00:00', '2026-11-01T00:00', '2026-09-01T00:00', '2026-10-01T00:00'],
  ]
  for (const [id, ...expected] of claims) assert.deepEqual(stretches(id, NOW), expected, id)
})

test('the last weekend is over: on Saturday and Sunday it is that of the week before', () => {
  const firstDay = (now: string): string => stretches('last-weekend', now)[0]
  assert.equal(firstDay('2026-11-20T12:00Z'), '2026-11-14T00:00')
  assert.equal(firstDay('2026-11-21T12:00Z'), '2026-11-14T00:00')
  assert.equal(firstDay('2026-11-22T23:59Z'), '2026-11-14T00:00')
  assert.equal(firstDay('2026-11-23T00:00Z'), '2026-11-21T00:00')
})

test('a weekend with a clock change has 49 hours, and is compared with one of 48', () => {
  assert.deepEqual(stretches('last-weekend', '2026-10-26T12:00Z', { zone: 'Europe/Berlin' }), [
    '2026-10-23T22:00',
    '2026-10-25T23:00',
    '2026-10-16T22:00',
    '2026-10-18T22:00',
  ])
})

test('two days that were chosen are compared with the two days before, or their weekdays', () => {
  const [saturday, sunday] = ['2026-11-21', '2026-11-22'].map(
    (day) => Date.parse(day) / 86_400_000,
  ) as [number, number]
  const period = periodOfDays(saturday, sunday, 'UTC')
  const from = (compare: CompareId): string =>
    new Date(comparedWith(period, period.toMs, compare, 'UTC')?.fromMs ?? 0).toISOString()
  assert.equal(from('previous'), '2026-11-19T00:00:00.000Z')
  assert.equal(from('weekdays'), '2026-11-14T00:00:00.000Z')
})
