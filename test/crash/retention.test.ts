/**
 * What retention may take, and when: nothing unless it is set (F24), no day whose events can still
 * be asked for (F25), and no window is counted again from rows that are gone (F26). Hours pass by
 * the product's clocks; PyIceberg counts.
 */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import type { Product } from '../support/product.ts'
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

/** Ten minutes in a second. */
const FAST = 600
const ROWS = 30
const DROP_LIMIT_MS = 60_000
const SPECIFICATION_EVENT = JSON.stringify({
  event_id: 'e-1',
  user_id: 'u-1',
  campaign_id: 'c-1',
  event_type: 'click',
  timestamp: '2024-01-15T10:30:00Z',
})
const WITH_READERS = { skip: skipReaders }

let folder: TimedFolder

afterEach(() => folder.close())

test(
  'without a retention an event of 2024 stays: after hours, a restart, and more hours',
  WITH_READERS,
  async () => {
    folder = await openTimedFolder({}, { speed: 2 * FAST, startMs: NOON_MS })
    await folder.running(async (product) => {
      const { accepted, rejected } = await postAccepted(product.url, SPECIFICATION_EVENT)
      assert.deepEqual([accepted, rejected], [1, []])
      await waitUntilSettled(product.url)
      await pass(4 * HOUR_MS)
      assert.equal((await readStatus(product.url)).healthy, true)
      await expectSettled(folder, product.url, { stored: 1, duplicates: 0 })
    })
    await folder.running(async (product) => {
      await pass(4 * HOUR_MS)
      assert.equal((await readStatus(product.url)).healthy, true)
      await expectSettled(folder, product.url, { stored: 1, duplicates: 0 })
    })
    assert.deepEqual(await countRows(folder), {
      rawRows: 1,
      distinctIds: 1,
      metrics: [['c-1', '2024-01-15T10:30:00Z', 0, 1, 0, 0]],
    })
    assert.match(
      (await folder.command('verify')).stdout,
      /^1 window over 1 event: .* equals the raw table/,
    )
  },
)

test(
  'with 90 days an event of 91 days ago is rejected for its age, one of 90 days ago is stored',
  WITH_READERS,
  async () => {
    folder = await openTimedFolder({ retention: { events: '90d' } }, { startMs: NOON_MS })
    await folder.running(async (product) => {
      const { accepted, rejected } = await postAccepted(
        product.url,
        [datedLine('old', NOON_MS - 91 * DAY_MS), datedLine('kept', NOON_MS - 90 * DAY_MS)].join(
          '\n',
        ),
      )
      assert.equal(accepted, 1)
      assert.deepEqual(
        rejected.map(({ index }) => index),
        [0],
      )
      assert.match(rejected[0]?.reason ?? '', /^timestamp: .*retention\.events/)
      await expectSettled(folder, product.url, { stored: 1, rejected: 1 })
    })
    const kept = await readRejected()
    assert.match(kept, /"old"|\\"old\\"/)
    assert.match(kept, /timestamp-retention/)
    assert.equal((await countRows(folder)).rawRows, 1)
  },
)

test(
  'the oldest day goes on being taken until midnight UTC, and not after it',
  WITH_READERS,
  async () => {
    folder = await openTimedFolder({ retention: { events: '90d' } }, { startMs: NOON_MS })
    const oldestMs = DAY_START_MS - 90 * DAY_MS
    const body = (name: string): string =>
      [
        datedLine(`${name}-before`, oldestMs - 1),
        datedLine(`${name}-first`, oldestMs),
        datedLine(`${name}-last`, oldestMs + DAY_MS - 1),
        datedLine(`${name}-next`, oldestMs + DAY_MS),
      ].join('\n')
    await folder.running(async (product) => {
      const rejectedAt = async (name: string, atMs: number): Promise<readonly number[]> => {
        folder.setTo(atMs)
        return (await postAccepted(product.url, body(name))).rejected.map(({ index }) => index)
      }
      const midnightMs = DAY_START_MS + DAY_MS
      // Before it as long as a busy machine may take to answer, and right after it.
      assert.deepEqual(await rejectedAt('early', midnightMs - 30_000), [0])
      assert.deepEqual(await rejectedAt('late', midnightMs + 1_000), [0, 1, 2])
      await expectSettled(folder, product.url, { stored: 4, rejected: 4 })
    })
    assert.equal((await countRows(folder)).rawRows, 4)
  },
)

test(
  'a file of events 91 days old, sent again after a restart, is counted once',
  WITH_READERS,
  async () => {
    folder = await openTimedFolder({}, { speed: 60, startMs: NOON_MS })
    const path = await writeEvents(NOON_MS - 91 * DAY_MS)
    await folder.running(async (product) => {
      await send(path, product)
      // Maintenance looks every five seconds.
      await pass(12 * MINUTE_MS)
    })
    await folder.running(async (product) => {
      await send(path, product)
      await expectSettled(folder, product.url, { stored: ROWS, duplicates: ROWS })
    })
    await expectClicks(ROWS, ROWS)
  },
)

for (const end of ['stop', 'kill'] as const) {
  test(
    'events of yesterday, sent again after midnight, after their day was dropped, and after a ' +
      `${end}, are counted once`,
    WITH_READERS,
    async () => {
      // The first run has the rest of the day, two minutes of the machine, before it is midnight.
      const morningMs = DAY_START_MS + 2 * HOUR_MS
      const settings = { retention: { events: '1d' } }
      folder = await openTimedFolder(settings, { speed: FAST, startMs: morningMs })
      const path = await writeEvents(morningMs - 23.5 * HOUR_MS)
      const body = await readFile(path)
      await folder.running(async (product) => {
        await postAccepted(product.url, body)
        await postAccepted(product.url, body)
        await expectSettled(folder, product.url, { stored: ROWS, duplicates: ROWS })
      }, end)
      folder.setTo(DAY_START_MS + DAY_MS + MINUTE_MS)
      await folder.running(async (product) => {
        await send(path, product)
        await waitForRawRows(product, 0)
        await send(path, product)
        await expectSettled(folder, product.url, { stored: ROWS, rejected: 2 * ROWS })
      }, end)
      await folder.running(async (product) => {
        await send(path, product)
        await expectSettled(folder, product.url, { stored: ROWS, rejected: 3 * ROWS })
      })
      // A day that is no longer whole takes no event, whatever the setting says now.
      await folder.configure({})
      await folder.running(async (product) => {
        await send(path, product)
        await expectSettled(folder, product.url, { stored: ROWS, rejected: 4 * ROWS })
      })
      await expectClicks(0, ROWS)
    },
  )
}

const WINDOW_MS = NOON_MS - 3 * DAY_MS
const KEPT_FROM = isoOf(DAY_START_MS - DAY_MS).slice(0, 10)
const WITHOUT_EVENTS = new RegExp(`^1 window before ${KEPT_FROM} stands without its events`, 'm')
const WINDOW_ROW = ['campaign', isoOf(WINDOW_MS), 100, 20, 10, 1e10]

for (const { horizon, keptMs, isSinceStart, why } of [
  { horizon: '10m', keptMs: HOUR_MS, isSinceStart: true, why: 'an hour after the start' },
  {
    horizon: '1h',
    keptMs: 2 * HOUR_MS,
    isSinceStart: false,
    why: 'twice the horizon after they came',
  },
]) {
  test(
    `with a new retention rows stay until ${why}, and their window for ever as it was`,
    WITH_READERS,
    async () => {
      folder = await openTimedFolder(
        { dedupe: { horizon } },
        { speed: FAST, startMs: DAY_START_MS },
      )
      const ran = stopwatch()
      await folder.running((product) => fillWindow(product))
      const ranMs = ran()
      await folder.configure({ retention: { events: '1d' }, dedupe: { horizon } })
      const before = await countRows(folder)
      assert.deepEqual([before.rawRows, before.metrics], [130, [WINDOW_ROW]])
      const runs = stopwatch()
      await folder.running(async (product) => {
        assert.equal((await lateClick(product)).rejected.length, 1)
        assert.equal(await rawRows(product), 130)
        await waitForRawRows(product, 0)
        const sinceMs = runs() + (isSinceStart ? 0 : ranMs)
        assert.ok(sinceMs >= keptMs, `gone after ${sinceMs / MINUTE_MS} minutes`)
        assert.equal((await lateClick(product)).rejected.length, 1)
      }, 'kill')
      const alone = await folder.command('verify')
      assert.doesNotMatch(alone.stdout, /equal/)
      assert.match(alone.stdout, WITHOUT_EVENTS)
      const { isEqual, withoutEvents } = JSON.parse(
        (await folder.command('verify', '--json')).stdout,
      )
      assert.deepEqual([isEqual, withoutEvents.windows], [null, 1])
      // Also where the setting is taken back, and while other windows fill.
      await folder.configure({})
      await folder.running(async (product) => {
        assert.equal((await lateClick(product)).rejected.length, 1)
        await postAccepted(
          product.url,
          datedLine('today', folder.clock.nowMs(), { campaign_id: 'today' }),
        )
        await expectSettled(folder, product.url, { stored: 131, rejected: 3 })
      })
      const { rawRows: left, metrics } = await countRows(folder)
      assert.equal(left, 1)
      assert.deepEqual(
        metrics.filter(([campaign]) => campaign === 'campaign'),
        [WINDOW_ROW],
      )
      const verify = await folder.command('verify')
      assert.match(verify.stdout, /^1 window over 1 event: /)
      assert.match(verify.stdout, WITHOUT_EVENTS)
    },
  )
}

test(
  'retention.metrics drops windows alone: their events stay, and late ones are rejected',
  WITH_READERS,
  async () => {
    folder = await openTimedFolder(
      { dedupe: { horizon: '10m' } },
      { speed: FAST, startMs: DAY_START_MS },
    )
    await folder.running((product) => fillWindow(product))
    await folder.configure({ retention: { metrics: '1d' }, dedupe: { horizon: '10m' } })
    await folder.running(async (product) => {
      const late = await lateClick(product)
      assert.match(late.rejected[0]?.reason ?? '', /retention\.metrics/)
      await waitForRows(product, 'metrics', 0)
    }, 'kill')
    await folder.configure({})
    await folder.running(async (product) => {
      assert.equal((await lateClick(product)).rejected.length, 1)
      await expectSettled(folder, product.url, { stored: 130, rejected: 2 })
    })
    const { rawRows: left, metrics } = await countRows(folder)
    assert.deepEqual([left, metrics], [130, []])
    assert.doesNotMatch((await folder.command('verify')).stdout, /equal/)
  },
)

function pass(durationMs: number): Promise<void> {
  return folder.passUntil(folder.clock.trueMs() + durationMs)
}

/** How much time has passed by the product's clocks, at most. */
function stopwatch(): () => number {
  const startMs = folder.clock.trueMs()
  return () => folder.clock.trueMs() - startMs
}

function isoOf(atMs: number): string {
  return new Date(atMs).toISOString().replace('.000Z', 'Z')
}

async function writeEvents(atMs: number): Promise<string> {
  const path = join(folder.path, 'old.ndjson')
  const lines = eventLines('old', ROWS, { timestamp: new Date(atMs).toISOString() })
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}

/** The command's exit code also tells of rejected events. */
async function send(path: string, product: Product): Promise<void> {
  const sent = await folder.command('send', path, '--url', product.url)
  assert.match(sent.stdout + sent.stderr, new RegExp(`Sent ${ROWS} events`))
}

async function expectClicks(raw: number, clicks: number): Promise<void> {
  const { rawRows: rows, distinctIds, metrics } = await countRows(folder)
  assert.deepEqual([rows, distinctIds], [raw, raw])
  assert.deepEqual(
    metrics.map(([, , , counted]) => counted),
    [clicks],
  )
}

/**
 * 100 impressions, 20 clicks and 10 conversions of 1e9: past what a DOUBLE of millionths holds, so
 * that it is recomputed.
 */
async function fillWindow({ url }: Product): Promise<void> {
  const timestamp = new Date(WINDOW_MS).toISOString()
  const lines = [
    ...eventLines('impression', 100, { event_type: 'impression', timestamp }),
    ...eventLines('click', 20, { timestamp }),
    ...eventLines('conversion', 10, { event_type: 'conversion', timestamp, revenue: 1e9 }),
  ]
  assert.equal((await postAccepted(url, lines.join('\n'))).accepted, 130)
  await waitUntilSettled(url)
}

let clicks = 0

function lateClick({ url }: Product): ReturnType<typeof postAccepted> {
  clicks += 1
  return postAccepted(url, datedLine(`late-${clicks}`, WINDOW_MS))
}

type Tables = Readonly<Record<'events' | 'metrics', Readonly<{ rows: number }>>>

async function rowsOf({ url }: Product, table: keyof Tables): Promise<number> {
  return ((await readStatus(url)).tables as Tables)[table].rows
}

function rawRows(product: Product): Promise<number> {
  return rowsOf(product, 'events')
}

function waitForRawRows(product: Product, rows: number): Promise<void> {
  return waitForRows(product, 'events', rows)
}

async function waitForRows(product: Product, table: keyof Tables, rows: number): Promise<void> {
  const deadline = AbortSignal.timeout(DROP_LIMIT_MS)
  while ((await rowsOf(product, table)) !== rows) {
    if (deadline.aborted) throw new Error(`${table}: not ${rows} rows after ${DROP_LIMIT_MS} ms`)
    await sleep(50)
  }
}

async function readRejected(): Promise<string> {
  const names = await readdir(folder.path, { recursive: true })
  const files = names.filter((name) => /rejected.*collector-\d+\.ndjson$/.test(name))
  const texts = await Promise.all(files.map((name) => readFile(join(folder.path, name), 'utf8')))
  return texts.join('')
}
