/**
 * What may be dropped, and when, over random histories of arrivals, late and repeated events,
 * retention settings, steps of the clock, suspends, hold-ups and restarts. Judged by true time,
 * which the code under test never sees. The faults that these rules are against (F24, F25, F26) are
 * put back one by one, and must be found.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRandom } from '../support/random.ts'
import {
  DAY_US,
  type Deed,
  type Event,
  HORIZON_US,
  HOUR_US,
  type Rules,
  TRUE_RULES,
  World,
  windowOf,
} from './retention-world.ts'

const HISTORIES = 6_000
const DEEDS = 30
const RETENTIONS = [0, 0, 0, 1, 2, 30, 90]
const MINUTE_US = 60_000_000

/** One random history, and everything it must have kept to. Throws what it has not. */
function live(seed: number, rules: Rules): void {
  const random = openRandom(seed)
  const world = new World(rules)
  const sent: Event[] = []
  let steppedUs = 0
  let ids = 0

  function newEvent(): Event {
    const agoUs = random.pick([
      0,
      0,
      0,
      MINUTE_US,
      HOUR_US,
      DAY_US,
      3 * DAY_US,
      91 * DAY_US,
      400 * DAY_US,
    ])
    const event = { id: ids++, timestampUs: world.wallUs - agoUs - random.below(MINUTE_US) }
    sent.push(event)
    return event
  }
  const someEvents = (): Event[] =>
    Array.from({ length: 1 + random.below(5) }, () =>
      sent.length > 0 && random.chance(0.4) ? random.pick(sent.slice(-12)) : newEvent(),
    )

  for (let at = 0; at < DEEDS; at++) {
    const what = random.below(100)
    if (what < 45) world.send(someEvents())
    else if (what < 75) {
      world.pass(
        random.pick([1_000_000, MINUTE_US, 20 * MINUTE_US, 2 * HOUR_US, 5 * HOUR_US, 2 * DAY_US]),
      )
    } else if (what < 83) {
      steppedUs = random.pick([2 * HOUR_US, -2 * HOUR_US, 91 * DAY_US, -3 * DAY_US, 10 * MINUTE_US])
      world.stepClock(steppedUs)
      world.send(someEvents())
      world.pass(random.pick([2_000_000, 8_000_000, 30 * MINUTE_US]))
      world.stepClock(-steppedUs)
    } else if (what < 87) world.suspend(random.pick([8 * HOUR_US, 10 * MINUTE_US]))
    else if (what < 90) world.holdUp(true)
    else if (what < 93) world.holdUp(false)
    else world.restart(random.pick([0, MINUTE_US, 9 * HOUR_US]), random.pick(RETENTIONS))
  }
  world.holdUp(false)
  judge(world)
}

function judge(world: World): void {
  const { rows, windows, rowsOf, keptFromDay } = world.tables()
  const accepted = ofKind(world.deeds, 'accepted')
  const dropped = new Set(ofKind(world.deeds, 'dropped').map(({ day }) => day))

  for (const { day, days, lowestWallUs } of ofKind(world.deeds, 'dropped')) {
    assert.ok(days > 0 && day < Math.floor(lowestWallUs / DAY_US) - days, 'a day left that is kept')
  }
  for (const { event, wallUs, days, keptFromDay: from } of ofKind(world.deeds, 'rejected')) {
    const day = Math.floor(event.timestampUs / DAY_US)
    const isOld = days > 0 && day < Math.floor(wallUs / DAY_US) - days
    assert.ok(isOld || day < from, 'an event was rejected that is kept')
  }

  let everStored = new Map<number, number>()
  for (const [id, times] of Map.groupBy(accepted, ({ event }) => event.id)) {
    const { timestampUs } = times[0]?.event ?? assert.fail()
    const found = rows.get(id) ?? 0
    if (!dropped.has(Math.floor(timestampUs / DAY_US))) {
      assert.ok(found >= 1, 'an accepted event is in the table')
      // At most once again for each horizon of running time that passed.
      const most = 1 + countApart(times.map(({ runningUs }) => runningUs))
      assert.ok(found <= most, `an event is stored ${found} times, ${most} at most`)
    }
    everStored = everStored.set(windowOf(timestampUs), 1)
  }

  for (const [window, count] of windows) {
    const isWhole = Math.floor((window * 300_000_000) / DAY_US) >= keptFromDay
    if (isWhole) assert.equal(count, rowsOf.get(window) ?? 0, 'a window equals its rows')
    const least = accepted.filter(({ event }) => windowOf(event.timestampUs) === window)
    const distinct = new Set(least.map(({ event }) => event.id)).size
    assert.ok(count >= distinct, 'a window has lost events that it had counted')
  }
  for (const window of everStored.keys()) assert.ok(windows.has(window), 'a window is there')
}

/** How many of these moments are more than a horizon after the last one that counted. */
function countApart(moments: readonly number[]): number {
  let last = moments[0] ?? 0
  let count = 0
  for (const moment of moments) {
    if (moment - last <= HORIZON_US) continue
    last = moment
    count++
  }
  return count
}

function ofKind<K extends Deed['kind']>(deeds: readonly Deed[], kind: K) {
  return deeds.filter((deed): deed is Extract<Deed, { kind: K }> => deed.kind === kind)
}

test(`${HISTORIES} random histories lose and double nothing accepted; windows keep counts`, () => {
  for (let seed = 0; seed < HISTORIES; seed++) {
    try {
      live(seed, TRUE_RULES)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})

for (const [fault, rules] of [
  ['F24', { ...TRUE_RULES, unaskedDays: 90 }],
  ['F25', { ...TRUE_RULES, followsWallClock: true }],
  ['F26', { ...TRUE_RULES, reopensDays: true }],
] as const) {
  test(`${fault} is found when it is put back`, () => {
    const isFound = (seed: number): boolean => {
      try {
        live(seed, rules)
        return false
      } catch (error) {
        assert.ok(error instanceof assert.AssertionError)
        return true
      }
    }
    assert.ok(Array.from({ length: 300 }, (_, seed) => seed).some(isFound))
  })
}
