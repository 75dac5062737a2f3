/**
 * Repeats of an `event_id` (F13): counted once within the horizon of running time, across restarts
 * of both kinds and after the files that held the ids were merged; past twice the horizon they are
 * new.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { wasMerged } from '../support/lake.ts'
import { runCommand } from '../support/product.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'
import {
  DAY_MS,
  MINUTE_MS,
  NOON_MS,
  openTimedFolder,
  type TimedFolder,
} from '../support/timed-folder.ts'

/** Two minutes in a second. */
const FAST = 120
const HORIZON_MS = 30 * MINUTE_MS
const SHORT_RUN_MS = 12 * MINUTE_MS
const ROWS = 30
const MERGE_LIMIT_MS = 30_000
const FILES = 12
/** Of the clock that runs fast, and of the events that it sees. */
const START_MS = NOON_MS + 30 * MINUTE_MS
const DATED = { timestamp: new Date(START_MS).toISOString() }

let folder: Folder

afterEach(() => folder.close())

test('a request sent again is all duplicates, in one run and after each kind of end', async () => {
  folder = await openFolder()
  const body = eventLines('once', ROWS).join('\n')
  for (const end of ['stop', 'kill', 'stop'] as const) {
    await whileRunning(
      folder,
      async (product) => {
        await postAccepted(product.url, body)
        await postAccepted(product.url, body)
        await waitUntilSettled(product.url)
      },
      { end },
    )
  }
  await whileRunning(folder, (product) =>
    expectSettled(folder, product.url, { stored: ROWS, duplicates: 5 * ROWS }),
  )
})

test('a kill between answer and commit does not forget the ids', async () => {
  folder = await openFolder({ commitInterval: '5m' })
  const body = eventLines('logged', ROWS).join('\n')
  const options = { end: 'kill' } as const
  await whileRunning(folder, (product) => postAccepted(product.url, body), options)
  await whileRunning(folder, (product) => postAccepted(product.url, body), options)
  await folder.configure({})
  await whileRunning(folder, (product) =>
    expectSettled(folder, product.url, { stored: ROWS, duplicates: ROWS }),
  )
})

test('of two payloads of an id the first stays: in a body, later, after a restart', async () => {
  folder = await openFolder()
  const first = eventLine({ event_id: 'same', campaign_id: 'first', revenue: 1 })
  const other = eventLine({ event_id: 'same', campaign_id: 'other', revenue: 2 })
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, `${first}\n${other}`)
    await postAccepted(product.url, other)
    await waitUntilSettled(product.url)
  })
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, other)
    await expectSettled(folder, product.url, { stored: 1, duplicates: 3 })
    const sql = 'select campaign_id, revenue from campaign_events'
    const query = await runCommand(folder, ['query', sql, '--json'])
    assert.deepEqual(JSON.parse(query.stdout), [{ campaign_id: 'first', revenue: 1 }])
  })
})

test('duplicates do not prolong the horizon of the event they repeat', async () => {
  const timed = await openTimed()
  const body = eventLines('old', ROWS, DATED).join('\n')
  await timed.running(async ({ url }) => {
    await postAccepted(url, body)
    await timed.passUntil(timed.clock.trueMs() + 0.7 * HORIZON_MS)
    await postAccepted(url, body)
    await expectSettled(folder, url, { stored: ROWS, duplicates: ROWS })
  }, 'kill')
  await timed.running(async ({ url }) => {
    await timed.passUntil(timed.clock.trueMs() + 1.6 * HORIZON_MS)
    await postAccepted(url, body)
    await expectSettled(folder, url, { stored: 2 * ROWS, duplicates: ROWS })
  })
})

test('after a merge of older files recent ids are duplicates, forgotten ones new', async () => {
  const timed = await openTimed()
  const old = Array.from({ length: FILES }, (_, at) =>
    eventLines(`old-${at}`, ROWS, DATED).join('\n'),
  )
  const recent = eventLines('recent', ROWS, DATED).join('\n')
  await timed.running(async ({ url }) => {
    for (const body of old) {
      await postAccepted(url, body)
      await waitUntilSettled(url)
    }
    await timed.passUntil(timed.clock.trueMs() + 2.2 * HORIZON_MS)
    await postAccepted(url, eventLine({ event_id: 'newer', ...DATED }))
    await waitUntilSettled(url)
    await waitUntil(() => wasMerged(folder, FILES + 1))
    await postAccepted(url, recent)
    await waitUntilSettled(url)
  }, 'kill')
  await timed.running(async ({ url }) => {
    await postAccepted(url, recent)
    await waitUntilSettled(url)
    await postAccepted(url, old[0] as string)
    await expectSettled(folder, url, { stored: (FILES + 2) * ROWS + 1, duplicates: ROWS })
  })
})

test('time in which it does not run does not count: a day later repeats are known', async () => {
  const timed = await openTimed()
  const body = eventLines('old', ROWS, DATED).join('\n')
  for (const days of [0, 1, 2]) {
    timed.clock.setAhead(days * DAY_MS)
    await timed.running(async ({ url }) => {
      await postAccepted(url, eventLine({ event_id: `day-${days}`, ...DATED }))
      await postAccepted(url, body)
      await expectSettled(folder, url, { stored: ROWS + 1 + days, duplicates: days * ROWS })
    }, 'kill')
  }
})

test('short runs add up: ids are known within the horizon, and new past twice that', async () => {
  const timed = await openTimed()
  const repeat = eventLine({ event_id: 'repeated', ...DATED })
  let spentMs = 0
  let runs = 0
  let repeats = 0
  while (spentMs < 2.3 * HORIZON_MS) {
    const isFirst = runs === 0
    await timed.running(
      async ({ url }) => {
        const startMs = timed.clock.trueMs()
        await postAccepted(url, isFirst ? repeat : eventLine({ event_id: `run-${runs}`, ...DATED }))
        await waitUntilSettled(url)
        // Far within the horizon, whatever the starts took.
        if (runs === 1) {
          await postAccepted(url, repeat)
          repeats = (await waitUntilSettled(url)).duplicates
        }
        await timed.passUntil(startMs + SHORT_RUN_MS)
        await postAccepted(url, eventLine({ event_id: `run-${runs}-end`, ...DATED }))
        await waitUntilSettled(url)
        spentMs += timed.clock.trueMs() - startMs
      },
      runs % 2 === 0 ? 'kill' : 'stop',
    )
    runs += 1
  }
  assert.equal(repeats, 1)
  await timed.running(async ({ url }) => {
    const { stored } = await waitUntilSettled(url)
    await postAccepted(url, repeat)
    await expectSettled(folder, url, { stored: stored + 1, duplicates: 1 })
  })
})

test('the status shows the true horizon', async () => {
  folder = await openFolder({ dedupe: { horizon: '1h' } })
  await whileRunning(folder, async (product) => {
    const status = JSON.stringify(await readStatus(product.url))
    assert.match(status, /horizon/i)
  })
})

/**
 * A clock that runs so fast that the horizon is over in a quarter of a minute. It starts at the same
 * minute of an hour each time, since merges follow whole minutes and hours.
 */
async function openTimed(): Promise<TimedFolder> {
  const settings = { dedupe: { horizon: '30m' } }
  const timed = await openTimedFolder(settings, { speed: FAST, startMs: START_MS })
  folder = timed
  return timed
}

async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(MERGE_LIMIT_MS)
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`not merged after ${MERGE_LIMIT_MS} ms`)
    await sleep(100)
  }
}
