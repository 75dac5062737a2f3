/**
 * Filtered figures while the tables move: each answer is of one commit, the next one has what came
 * meanwhile, once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SummaryAnswer } from '../../../src/dashboard-definition/wire.ts'
import { DAY_US, type ModelEvent } from '../figures/memory-lake.ts'
import { MINUTE_US, NOON_US, openServiceAt } from '../figures/service-at.ts'

const ago = (minutes: number): number => NOON_US - minutes * MINUTE_US

function clicks(count: number, timeUs: number = ago(10)): ModelEvent[] {
  return Array.from({ length: count }, () => ({
    campaign: 'a',
    type: 'click',
    timeUs,
    platform: 'web',
  }))
}

/** Each with the number of files read. */
const rawCalls = (calls: readonly string[]): readonly string[] =>
  calls.filter((call) => call.startsWith('events '))

function openWith(events: readonly ModelEvent[]) {
  const at = openServiceAt()
  at.lake.start()
  // So that there are figures of the hour before, without a look for the first window.
  at.lake.take([{ campaign: 'old', type: 'click', timeUs: NOON_US - 3 * DAY_US }], NOON_US)
  at.lake.take(events, NOON_US)
  at.lake.commit(NOON_US)
  const commit = (count: number): void => {
    at.lake.take(clicks(count), NOON_US)
    at.lake.commit(NOON_US)
  }
  const askClicks = async (range = 'range=1h'): Promise<number | null> => {
    const answer = await at.ask<SummaryAnswer>('summary', `${range}&platform=web`)
    return answer.figures.clicks
  }
  return { ...at, commit, askClicks }
}

test('a commit while chunks are loaded is in the next answer, once', async () => {
  const { lake, commit, askClicks } = openWith(clicks(1))
  const release = lake.hold()
  const first = askClicks()
  await new Promise(setImmediate)
  commit(10)
  release()
  assert.equal(await first, 1)
  assert.equal(await askClicks(), 11)
  assert.equal(await askClicks(), 11)
})

test('a commit while the files of another are read is in the next answer, once', async () => {
  const { lake, commit, askClicks } = openWith(clicks(1))
  assert.equal(await askClicks(), 1)
  commit(10)
  const release = lake.hold()
  const second = askClicks()
  await new Promise(setImmediate)
  commit(100)
  release()
  assert.equal(await second, 11)
  assert.equal(await askClicks(), 111)
})

test('only what was added is read for the next answer', async () => {
  const { lake, commit, askClicks } = openWith(clicks(1))
  await askClicks('range=24h')
  commit(10)
  const before = rawCalls(lake.calls).length
  assert.equal(await askClicks('range=24h'), 11)
  assert.deepEqual(
    rawCalls(lake.calls)
      .slice(before)
      .map((call) => call.split(' ')[1]),
    ['1'],
  )
})

test('added files that were merged and have expired make the chunks load anew', async () => {
  const { lake, commit, askClicks } = openWith(clicks(1))
  assert.equal(await askClicks(), 1)
  commit(10)
  lake.merge()
  lake.expire()
  assert.equal(await askClicks(), 11)
})

test('files that expire before they are read are read from the newest list', async () => {
  const { lake, askClicks } = openWith(clicks(3))
  const release = lake.hold()
  const answer = askClicks()
  await new Promise(setImmediate)
  lake.merge()
  lake.expire()
  release()
  assert.equal(await answer, 3)
})

test('a day that is dropped while it is read is in no answer after it', async () => {
  const { lake, askClicks } = openWith([...clicks(1), ...clicks(5, NOON_US - DAY_US)])
  const release = lake.hold()
  const answer = askClicks('range=7d')
  await new Promise(setImmediate)
  lake.dropDaysBefore(Math.floor(NOON_US / DAY_US))
  release()
  assert.equal(await answer, 1)
  assert.equal(await askClicks('range=7d'), 1)
})

test('chunks that nobody asked for in a minute are given back', async () => {
  const { lake, clock, service, askClicks } = openWith(clicks(1))
  await askClicks()
  clock.us += 90_000_000
  service.tick()
  const before = rawCalls(lake.calls).length
  assert.equal(await askClicks(), 1)
  assert.equal(rawCalls(lake.calls).length, before + 1)
})
