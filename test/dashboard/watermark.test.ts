/** How far figures are complete, and that it never goes back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { advanceWatermark, completeToUs, completeWithin } from '../../src/dashboard/watermark.ts'
import type { SummaryAnswer } from '../../src/dashboard-definition/wire.ts'
import { MINUTE_US, NOON_US, openServiceAt } from './figures/service-at.ts'

const SECOND_US = 1_000_000
const WINDOW_US = 5 * MINUTE_US

test('a window is complete ten seconds after its end', () => {
  const endUs = 20 * WINDOW_US
  assert.equal(completeToUs(endUs + 10 * SECOND_US - 1, WINDOW_US), endUs - WINDOW_US)
  assert.equal(completeToUs(endUs + 10 * SECOND_US, WINDOW_US), endUs)
  assert.equal(completeToUs(Number.NEGATIVE_INFINITY, WINDOW_US), Number.NEGATIVE_INFINITY)
  assert.equal(completeWithin({ fromUs: 5, toUs: 9 }, Number.NEGATIVE_INFINITY), 5)
  assert.equal(completeWithin({ fromUs: 5, toUs: 9 }, 7), 7)
  assert.equal(completeWithin({ fromUs: 5, toUs: 9 }, 11), 9)
})

test('the watermark is the last arrival while events wait, else now; never back', () => {
  const never = Number.NEGATIVE_INFINITY
  assert.equal(advanceWatermark(never, { nowUs: 100, waiting: false, arrivedUs: null }), 100)
  assert.equal(advanceWatermark(never, { nowUs: 100, waiting: true, arrivedUs: null }), never)
  assert.equal(advanceWatermark(never, { nowUs: 100, waiting: true, arrivedUs: 40 }), 40)
  assert.equal(advanceWatermark(90, { nowUs: 100, waiting: true, arrivedUs: 40 }), 90)
})

test('a job that is behind makes no window complete that it has not seen', async () => {
  const { ask, lake } = openServiceAt()
  lake.start()
  const hourAgoUs = NOON_US - 60 * MINUTE_US
  lake.take([{ campaign: 'a', type: 'click', timeUs: hourAgoUs }], hourAgoUs)
  const behind = await ask<SummaryAnswer>('summary', 'range=6h', true)
  // Arrived at 9:22:30, so that the window until 9:20 is complete.
  assert.equal(behind.range.completeTo, '2026-11-22T09:20:00Z')
  assert.equal(behind.compared.to, '2026-11-22T09:20:00Z')
  const idle = await ask<SummaryAnswer>('summary', 'range=6h', false)
  assert.equal(idle.range.completeTo, '2026-11-22T10:20:00Z')
  const again = await ask<SummaryAnswer>('summary', 'range=6h', true)
  assert.equal(again.range.completeTo, '2026-11-22T10:20:00Z')
})

test('figures without what is pending are complete only as far as the last commit', async () => {
  const { ask, lake } = openServiceAt()
  lake.start()
  const [longAgoUs, latelyUs] = [NOON_US - 60 * MINUTE_US, NOON_US - 30 * MINUTE_US]
  lake.take([{ campaign: 'a', type: 'click', timeUs: longAgoUs, platform: 'web' }], longAgoUs)
  lake.commit(longAgoUs)
  lake.take([{ campaign: 'a', type: 'click', timeUs: latelyUs, platform: 'web' }], latelyUs)
  const all = await ask<SummaryAnswer>('summary', 'range=6h', true)
  const web = await ask<SummaryAnswer>('summary', 'range=6h&platform=web', true)
  assert.equal(all.range.completeTo, '2026-11-22T09:50:00Z')
  assert.equal(web.range.completeTo, '2026-11-22T09:20:00Z')
})

test('a range in the past is complete to its end, one in the future from its start', async () => {
  const { ask, lake } = openServiceAt()
  lake.start()
  const past = await ask<SummaryAnswer>(
    'summary',
    'from=2026-11-20T00:00:00Z&to=2026-11-20T06:00:00Z',
  )
  assert.equal(past.range.completeTo, past.range.to)
  assert.equal(past.compared.to, past.range.to)
  const future = await ask<SummaryAnswer>(
    'summary',
    'from=2026-11-24T00:00:00Z&to=2026-11-24T06:00:00Z',
  )
  assert.equal(future.range.completeTo, future.range.from)
  assert.equal(future.compared.to, future.compared.from)
  assert.equal(future.change.impressions, null)
})
