/**
 * The machine's clock is set, or the machine was suspended (F17): events are dated by the clock as
 * it stands now, and what cannot be taken back, forgetting an id and dropping a row, waits for
 * clocks that agree (F25). PyIceberg counts.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Accepted, postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { countRows, skipReaders } from '../support/readers.ts'
import { expectSettled } from '../support/settled.ts'
import {
  DAY_MS,
  DAY_START_MS,
  datedLine,
  HOUR_MS,
  MINUTE_MS,
  NOON_MS,
  openTimedFolder,
  type TimedFolder,
} from '../support/timed-folder.ts'

const ROWS = 20
/**
 * On a clock that runs so fast, what passes between reading the one and the other looks like a
 * step.
 */
const STEP_TOLERANCE_MS = 5 * MINUTE_MS
const JUMP_MS = 91 * DAY_MS
const WITH_READERS = { skip: skipReaders }

let folder: TimedFolder

afterEach(() => folder.close())

for (const [name, aheadMs] of [
  ['back by six hours', -6 * HOUR_MS],
  ['ahead by six hours', 6 * HOUR_MS],
] as const) {
  test(`the clock steps ${name}: new events are committed at once, repeats are known`, async () => {
    folder = await openTimedFolder({}, { startMs: NOON_MS })
    await folder.running(async ({ url }) => {
      const before = batch('before', NOON_MS)
      await postAll(url, before)
      await waitUntilSettled(url)
      folder.clock.setAhead(aheadMs)
      const after = batch('after', folder.clock.nowMs())
      await postAll(url, after)
      await waitUntilSettled(url)
      await postAll(url, after)
      await expectSettled(folder, url, { stored: 2 * ROWS, duplicates: ROWS, rejected: 0 })
    })
  })
}

for (const [name, settings, isRejected] of [
  ['by default', {}, false],
  // With a horizon so short that only the clocks protect the rows.
  ['with 90 days', { retention: { events: '90d' }, dedupe: { horizon: '1m' } }, true],
] as const) {
  test(
    `${name} a clock that is 91 days ahead for a while drops nothing, and status shows both steps`,
    WITH_READERS,
    async () => {
      folder = await openTimedFolder(settings, { speed: 200, startMs: NOON_MS })
      await folder.running(async ({ url }) => {
        await postAll(url, batch('before', NOON_MS))
        await waitUntilSettled(url)
        folder.clock.setAhead(JUMP_MS)
        const meanwhile = batch('meanwhile', NOON_MS)
        // Judged by the clock as it stands; the sender may try again once it is right.
        const { rejected } = await postAccepted(url, meanwhile)
        assert.equal(rejected.length, isRejected ? ROWS : 0)
        await sleep(8_000)
        folder.clock.setAhead(0)
        await postAll(url, meanwhile)
        await folder.passUntil(folder.clock.trueMs() + 80 * MINUTE_MS)
        await postAll(url, batch('later', folder.clock.nowMs()))
        const counts = isRejected ? { rejected: ROWS, duplicates: 0 } : { duplicates: ROWS }
        await expectSettled(folder, url, { stored: 3 * ROWS, ...counts })
        const { clockSteps } = (await readStatus(url)).outlook as Outlook
        const steps = clockSteps.filter(({ byMs }) => Math.abs(byMs) > STEP_TOLERANCE_MS)
        assert.deepEqual(
          steps.map(({ byMs }) => Math.round(byMs / DAY_MS)),
          [91, -91],
        )
        const status = await folder.command('status', '--url', url)
        assert.match(
          status.stdout,
          /^clock .*ahead by (90 d 23|91 d 0) h.*back by (90 d 23|91 d 0) h/m,
        )
        assert.match(status.stdout, /: healthy/)
      })
      const { rawRows, distinctIds, metrics } = await countRows(folder)
      assert.deepEqual([rawRows, distinctIds], [3 * ROWS, 3 * ROWS])
      assert.equal(clicksOf(metrics), 3 * ROWS)
      assert.match((await folder.command('verify')).stdout, /equals the raw table/)
    },
  )
}

test(
  'a clock two hours ahead at a start, then set right: repeats are known, dates are judged by ' +
    'the right one',
  WITH_READERS,
  async () => {
    folder = await openTimedFolder({}, { startMs: NOON_MS })
    folder.clock.setAhead(2 * HOUR_MS)
    const body = batch('once', NOON_MS)
    await folder.running(async ({ url }) => {
      await postAll(url, body)
      assert.equal(await isTaken(url, 'at-the-start', 1 * HOUR_MS + 50 * MINUTE_MS), true)
      assert.equal(await isTaken(url, 'far', 2 * HOUR_MS + 50 * MINUTE_MS), false)
      await waitUntilSettled(url)
      folder.clock.setAhead(0)
      await postAll(url, body)
      assert.equal(await isTaken(url, 'after', 1 * HOUR_MS + 50 * MINUTE_MS), false)
      assert.equal(await isTaken(url, 'after-far', 2 * HOUR_MS + 50 * MINUTE_MS), false)
      assert.equal(await isTaken(url, 'after-near', 4 * MINUTE_MS), true)
    }, 'kill')
    await folder.running(async ({ url }) => {
      await postAll(url, body)
      assert.equal(await isTaken(url, 'after-a-restart', 10 * MINUTE_MS), false)
      await expectSettled(folder, url, { stored: ROWS + 2, duplicates: 2 * ROWS, rejected: 4 })
    })
    const { rawRows, metrics } = await countRows(folder)
    assert.deepEqual([rawRows, clicksOf(metrics)], [ROWS + 2, ROWS + 2])
  },
)

test(
  'a clock two hours ahead for two seconds forgets no event id, also not by the next start',
  WITH_READERS,
  async () => {
    folder = await openTimedFolder({}, { startMs: NOON_MS })
    const body = batch('once', NOON_MS)
    await folder.running(async ({ url }) => {
      await postAll(url, body)
      await waitUntilSettled(url)
      folder.clock.setAhead(2 * HOUR_MS)
      // What comes meanwhile would carry the memory on, were it to follow the wall clock.
      await postAll(url, batch('meanwhile', folder.clock.nowMs()))
      await sleep(2_000)
      await postAll(url, body)
      folder.clock.setAhead(0)
      await postAll(url, body)
      assert.equal(await isTaken(url, 'far', 2 * HOUR_MS + 50 * MINUTE_MS), false)
      await expectSettled(folder, url, { stored: 2 * ROWS, duplicates: 2 * ROWS })
    })
    await folder.running(async ({ url }) => {
      await postAll(url, body)
      await expectSettled(folder, url, { stored: 2 * ROWS, duplicates: 3 * ROWS })
    })
    assert.equal((await countRows(folder)).rawRows, 2 * ROWS)
  },
)

test(
  'after eight hours of suspension current events are taken at once, nothing was ' +
    'forgotten or dropped',
  WITH_READERS,
  async () => {
    const settings = { retention: { events: '1d' } }
    folder = await openTimedFolder(settings, { startMs: DAY_START_MS + 20 * HOUR_MS })
    await folder.running(async ({ url }) => {
      const { clock } = folder
      const yesterday = batch('yesterday', DAY_START_MS - 10 * HOUR_MS)
      const before = batch('before', clock.nowMs())
      await postAll(url, yesterday)
      await postAll(url, before)
      await waitUntilSettled(url)
      clock.setAhead(8 * HOUR_MS)
      await postAll(url, batch('after', clock.nowMs()))
      await postAll(url, before)
      // Its day is over meanwhile; maintenance looks every five seconds, and must not drop it yet.
      assert.equal((await postAccepted(url, yesterday)).rejected.length, ROWS)
      await sleep(11_000)
      await expectSettled(folder, url, { stored: 3 * ROWS, duplicates: ROWS, rejected: ROWS })
    })
    const { rawRows, distinctIds } = await countRows(folder)
    assert.deepEqual([rawRows, distinctIds], [3 * ROWS, 3 * ROWS])
  },
)

test('a step back between runs: repeats are known, events ahead of it are rejected', async () => {
  folder = await openTimedFolder({}, { startMs: NOON_MS })
  const body = batch('before', NOON_MS - 2 * HOUR_MS)
  await folder.running(async ({ url }) => {
    await postAll(url, body)
    await waitUntilSettled(url)
  })
  folder.clock.setAhead(-HOUR_MS)
  const after = batch('after', NOON_MS)
  await folder.running(async ({ url }) => {
    await postAll(url, body)
    assert.equal((await postAccepted(url, after)).rejected.length, ROWS)
    await expectSettled(folder, url, { stored: ROWS, duplicates: ROWS, rejected: ROWS })
  }, 'kill')
  folder.clock.setAhead(0)
  await folder.running(async ({ url }) => {
    await postAll(url, body)
    await postAll(url, after)
    await expectSettled(folder, url, { stored: 2 * ROWS, duplicates: 2 * ROWS, rejected: ROWS })
  })
})

type Outlook = Readonly<{ clockSteps: readonly Readonly<{ byMs: number }>[] }>

function batch(name: string, atMs: number): string {
  return eventLines(name, ROWS, { timestamp: new Date(atMs).toISOString() }).join('\n')
}

async function postAll(url: string, body: string): Promise<void> {
  assert.deepEqual((await postAccepted(url, body)).rejected, [])
}

/** Sends one event dated so far ahead of the true clock. */
async function isTaken(url: string, id: string, aheadMs: number): Promise<boolean> {
  const line = datedLine(id, folder.clock.trueMs() + aheadMs)
  const { accepted, rejected }: Accepted = await postAccepted(url, line)
  if (rejected.length > 0)
    assert.match(rejected[0]?.reason ?? '', /^timestamp: more than 5 minutes/)
  return accepted === 1
}

function clicksOf(metrics: readonly (readonly unknown[])[]): number {
  return metrics.reduce((sum, [, , , clicks]) => sum + Number(clicks), 0)
}
