/** Wall times of a zone are moments and back, also where clocks are changed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromWallTime, offsetMs, toWallTime } from '../../src/page/zone.ts'

const moment = (text: string): number => Date.parse(text)

test('wall times on ordinary days', () => {
  const cases: readonly [zone: string, wall: string, utc: string][] = [
    ['UTC', '2026-11-22T10:25', '2026-11-22T10:25:00Z'],
    ['Europe/Vienna', '2026-11-22T10:25', '2026-11-22T09:25:00Z'],
    ['Europe/Vienna', '2026-07-01T10:25', '2026-07-01T08:25:00Z'],
    ['America/New_York', '2026-01-01T00:00', '2026-01-01T05:00:00Z'],
    ['Asia/Kolkata', '2026-03-01T00:00', '2026-02-28T18:30:00Z'],
    ['Asia/Kathmandu', '2026-03-01T05:45', '2026-03-01T00:00:00Z'],
    ['Pacific/Kiritimati', '2026-01-01T13:00', '2025-12-31T23:00:00Z'],
    ['Pacific/Niue', '2026-01-01T13:00', '2026-01-02T00:00:00Z'],
  ]
  for (const [zone, wall, utc] of cases) {
    assert.equal(fromWallTime(wall, zone), moment(utc), `${wall} in ${zone}`)
    assert.equal(toWallTime(moment(utc), zone), wall, `${utc} in ${zone}`)
  }
})

test('a wall time that is skipped in spring is the moment as far behind the gap', () => {
  // Vienna, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
  assert.equal(fromWallTime('2026-03-29T01:59', 'Europe/Vienna'), moment('2026-03-29T00:59:00Z'))
  assert.equal(fromWallTime('2026-03-29T02:30', 'Europe/Vienna'), moment('2026-03-29T01:30:00Z'))
  assert.equal(fromWallTime('2026-03-29T03:00', 'Europe/Vienna'), moment('2026-03-29T01:00:00Z'))
  // Lord Howe's clocks move by half an hour.
  assert.equal(
    fromWallTime('2026-10-04T02:15', 'Australia/Lord_Howe'),
    moment('2026-10-03T15:45:00Z'),
  )
})

test('a wall time that comes twice in autumn is the first of the two', () => {
  // Vienna, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
  assert.equal(fromWallTime('2026-10-25T01:59', 'Europe/Vienna'), moment('2026-10-24T23:59:00Z'))
  assert.equal(fromWallTime('2026-10-25T02:30', 'Europe/Vienna'), moment('2026-10-25T00:30:00Z'))
  assert.equal(fromWallTime('2026-10-25T03:00', 'Europe/Vienna'), moment('2026-10-25T02:00:00Z'))
  assert.equal(fromWallTime('2026-11-01T01:30', 'America/New_York'), moment('2026-11-01T05:30:00Z'))
})

test('texts that are no wall time are null', () => {
  for (const text of [
    '',
    'now',
    '2026-11-22',
    '2026-02-30T10:00',
    '2026-11-22T24:00',
    '2026-1-1T1:1',
  ]) {
    assert.equal(fromWallTime(text, 'UTC'), null, text)
  }
})

test('offsets are whole also between seconds and before 1970', () => {
  assert.equal(offsetMs(moment('2026-11-22T10:25:07.999Z'), 'Asia/Kolkata'), 5.5 * 3_600_000)
  assert.equal(offsetMs(moment('1960-01-01T00:00:00.250Z'), 'UTC'), 0)
})

test('wall times convert back, except in the second of two equal hours in autumn', () => {
  const zones = [
    'UTC',
    'Europe/Vienna',
    'America/St_Johns',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
  ]
  const minutes = fc.integer({
    min: moment('2000-01-01') / 60_000,
    max: moment('2040-01-01') / 60_000,
  })
  fc.assert(
    fc.property(fc.constantFrom(...zones), minutes, (zone, minute) => {
      const ms = minute * 60_000
      const back = fromWallTime(toWallTime(ms, zone), zone)
      assert.ok(back !== null)
      const isSecondOfTwo = offsetMs(back, zone) > offsetMs(ms, zone) && back < ms
      assert.ok(back === ms || isSecondOfTwo, `${new Date(ms).toISOString()} in ${zone}`)
    }),
    { numRuns: 500 },
  )
})
