/** Ticks of the time axis stand at round times of the configured zone, and say which day it is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTimeAxis } from '../../../src/page/charts/time-axis.ts'

function ticksOf(timezone: string, from: string, to: string, ticksMax: number): string[] {
  const axis = openTimeAxis({ locale: 'en-GB', timezone })
  return axis
    .ticks(Date.parse(from), Date.parse(to), ticksMax)
    .map(({ label, context }) => (context === '' ? label : `${label} ${context}`))
}

test('an hour has a tick every ten minutes, the first one with its day', () => {
  assert.deepEqual(ticksOf('UTC', '2026-11-22T09:32:00Z', '2026-11-22T10:32:00Z', 8), [
    '09:40 22 Nov',
    '09:50',
    '10:00',
    '10:10',
    '10:20',
    '10:30',
  ])
})

test('fifteen minutes fit every two minutes', () => {
  assert.deepEqual(ticksOf('UTC', '2026-11-22T10:15:00Z', '2026-11-22T10:30:00Z', 8), [
    '10:16 22 Nov',
    ...['10:18', '10:20', '10:22', '10:24', '10:26', '10:28', '10:30'],
  ])
})

test('a day that begins inside the range is named at its midnight in the zone', () => {
  // Berlin is an hour ahead of UTC in November: its midnight is 23:00 UTC.
  assert.deepEqual(ticksOf('Europe/Berlin', '2026-11-21T17:00:00Z', '2026-11-22T05:00:00Z', 6), [
    '18:00 21 Nov',
    ...['20:00', '22:00', '00:00 22 Nov', '02:00', '04:00', '06:00'],
  ])
})

test('a zone with a half hour has its ticks at its own full hours', () => {
  assert.deepEqual(ticksOf('Asia/Kolkata', '2026-11-22T00:00:00Z', '2026-11-22T03:00:00Z', 4), [
    '06:00 22 Nov',
    '07:00',
    '08:00',
  ])
})

test('the hour that summer time leaves out has no tick', () => {
  // On 2026-03-29 clocks in Berlin go from 02:00 to 03:00, at 01:00 UTC.
  assert.deepEqual(ticksOf('Europe/Berlin', '2026-03-28T23:00:00Z', '2026-03-29T03:00:00Z', 6), [
    '00:00 29 Mar',
    ...['01:00', '03:00', '04:00', '05:00'],
  ])
})

test('the hour that comes twice when summer time ends has its tick once', () => {
  const ticks = ticksOf('Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T03:00:00Z', 6)
  assert.deepEqual(ticks, ['00:00 25 Oct', '01:00', '02:00', '03:00', '04:00'])
})

test('a week has its days with their weekdays', () => {
  assert.deepEqual(ticksOf('America/New_York', '2026-11-15T22:00:00Z', '2026-11-22T22:00:00Z', 9), [
    '16 Nov Mon',
    ...['17 Nov Tue', '18 Nov Wed', '19 Nov Thu', '20 Nov Fri', '21 Nov Sat', '22 Nov Sun'],
  ])
})

test('thirty days have their Mondays, with the year once', () => {
  assert.deepEqual(ticksOf('UTC', '2026-10-23T10:00:00Z', '2026-11-22T10:00:00Z', 8), [
    '26 Oct 2026',
    '2 Nov',
    '9 Nov',
    '16 Nov',
  ])
})

test('more than a year has months, the new year named', () => {
  assert.deepEqual(ticksOf('UTC', '2025-10-18T00:00:00Z', '2026-11-22T00:00:00Z', 8), [
    'Nov 2025',
    ...['Jan 2026', 'Mar', 'May', 'Jul', 'Sept', 'Nov'],
  ])
})

test('ticks lie inside the range and are not more than about what fits', () => {
  const axis = openTimeAxis({ locale: 'en-GB', timezone: 'Australia/Lord_Howe' })
  for (const hours of [0.25, 1, 6, 24, 168, 720, 9600]) {
    const toMs = Date.parse('2026-11-22T10:35:00Z')
    const fromMs = toMs - hours * 3_600_000
    for (const most of [3, 6, 12]) {
      const ticks = axis.ticks(fromMs, toMs, most)
      assert.ok(ticks.every(({ atMs }) => atMs >= fromMs && atMs <= toMs))
      assert.ok(ticks.length <= most + 1, `${ticks.length} ticks where ${most} fit, ${hours} h`)
      assert.ok(ticks.length >= 1 || most === 3, `no tick for ${hours} h`)
    }
  }
})
