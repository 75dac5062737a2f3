/**
 * Rows of many days in slices: at any time one line tells what is in the tables, and a job that
 * ends at any moment and goes on from there stores every event once. The second with the true loop,
 * engine and dedupe memory, over tables that are a list.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { readCheckpoint, resumeFrom } from '../../src/embedded/checkpoint.ts'
import { openDayBacklog, type Taken } from '../../src/embedded/day-backlog.ts'
import { openDedupeMemory } from '../../src/embedded/dedupe.ts'
import { openLoop } from '../../src/embedded/loop.ts'
import { loadIdSets, openRowBatch, type TakenBatch } from '../../src/engine.ts'
import type { WindowDelta } from '../../src/event.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import type { Frame } from '../../src/log.ts'
import type { Change, DataFile } from '../../src/table.ts'
import { readRows } from '../engine/rows-model.ts'
import { openRandom, type Random } from '../support/random.ts'
import { START } from './feed-job.ts'

const DAY_US = 86_400_000_000
const WINDOW_US = 300_000_000
const HORIZON_US = 3_600_000_000
const DAYS_MAX = 4

type Event = { readonly day: number; isWritten: boolean }

/** One event: its offset is its place, its day this number. */
function takenOf(days: readonly number[], firstOffset: number, dedupeUs: number): Taken {
  const byDay = Map.groupBy(days.entries(), ([, day]) => day)
  const rows = [...byDay].map(([day, events]) => ({
    day,
    rows: events.length,
    arrivalMinUs: Math.min(...events.map(([index]) => firstOffset + index)),
    arrivalMaxUs: 0,
    columns: [],
  }))
  const windows = [...byDay].map(([day, events]) => ({
    campaignId: 'c',
    windowStartUs: day * DAY_US,
    impressions: events.length,
    clicks: 0,
    conversions: 0,
    revenueMillionths: 0n,
  }))
  const checkpoint = { ...START, nextOffset: firstOffset + days.length, dedupeUs }
  return {
    rows: { days: rows, windows },
    checkpoint,
    dedupe: { minUs: 0, maxUs: 0 },
    rawBytes: 1,
  }
}

const history = fc.array(
  fc.record({
    days: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 40 }),
    generation: fc.constantFrom(0, 0, 0, 0, 1),
    slices: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 12 },
)

test('the backlog writes every row once, few days at a time; its checkpoint tells which', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const backlog = openDayBacklog({
        checkpoint: START,
        daysMax: DAYS_MAX,
        rawBytesMax: 5,
        generation: (dedupeUs) => dedupeUs,
      })
      /** By offset, its day; and whether it is written. */
      const log: Event[] = []
      const batches: { first: number; days: readonly number[] }[] = []
      let dedupeUs = 0
      let commits = 0

      function writeSlice(): void {
        const { days, windows, checkpoint } = backlog.next()
        const distinct = new Set(days.map(({ rows }) => rows.day))
        assert.ok(distinct.size <= DAYS_MAX * 1.5, `${distinct.size} days`)
        for (const { rows } of days) {
          // A fixture row knows the first of its offsets, and so the batch it was taken with.
          const batch = batches.findLast(({ first }) => first <= rows.arrivalMinUs)
          assert.ok(batch)
          for (const [index, day] of batch.days.entries()) {
            const event: Event | undefined = log[batch.first + index]
            if (day !== rows.day || event === undefined) continue
            assert.equal(event.isWritten, false, 'written twice')
            event.isWritten = true
          }
        }
        const events = days.reduce((sum, { rows }) => sum + rows.rows, 0)
        assert.equal(
          windows.reduce((sum, each) => sum + each.impressions, 0),
          events,
        )
        assert.equal(new Set(windows.map((each) => each.windowStartUs)).size, windows.length)
        commits += 1
        const { nextOffset, partial } = checkpoint
        const isToldWritten = (offset: number, day: number): boolean =>
          offset < nextOffset ||
          (partial !== undefined && offset < partial.until && day >= partial.fromDay)
        for (const [offset, { day, isWritten }] of log.entries()) {
          assert.equal(isWritten, isToldWritten(offset, day), `offset ${offset}, day ${day}`)
        }
        const stored = log.filter(({ isWritten }, offset) => isWritten && offset >= nextOffset)
        assert.equal(partial?.stored ?? 0, stored.length)
        if (partial !== undefined) assert.ok(nextOffset + partial.commits < partial.until)
      }

      for (const step of steps) {
        dedupeUs += step.generation
        while (!backlog.hasRoom) writeSlice()
        const first = log.length
        batches.push({ first, days: step.days })
        for (const day of step.days) log.push({ day, isWritten: false })
        backlog.put(takenOf(step.days, first, dedupeUs))
        for (let slice = 0; slice < step.slices && !backlog.isEmpty; slice++) writeSlice()
      }
      while (!backlog.isEmpty) writeSlice()
      assert.ok(log.every(({ isWritten }) => isWritten))
      assert.ok(commits > 0)
    }),
    { numRuns: 500 },
  )
})

test('the backlog of a topic is one slice: its partitions are not reread in the same order', () => {
  const checkpoint = { ...START, offsets: [0, 0] }
  const options = { daysMax: 2, rawBytesMax: 5, generation: () => 0 }
  const backlog = openDayBacklog({ ...options, checkpoint })
  backlog.put(takenOf([1, 2, 3, 4, 5], 0, 0))
  assert.equal(backlog.next().days.length, 5)
  assert.equal(backlog.isEmpty, true)
})

test('what has arrived since joins while it is small: in its days, and in its bytes', () => {
  const options = { checkpoint: START, daysMax: 4, rawBytesMax: 5, generation: () => 0 }
  const backlog = openDayBacklog(options)
  const daysOf = ({ days }: ReturnType<typeof backlog.next>): readonly number[] =>
    days.map(({ rows }) => rows.day).toSorted((a, b) => a - b)
  const range = (from: number, count: number): readonly number[] =>
    Array.from({ length: count }, (_, index) => from + index)
  const put = (days: readonly number[], rawBytes: number): void =>
    backlog.put({ ...takenOf(days, 0, 0), rawBytes })

  put(range(0, 10), 3)
  assert.deepEqual(daysOf(backlog.next()), [6, 7, 8, 9])
  put([8, 9], 2)
  assert.deepEqual(daysOf(backlog.next()), [4, 5, 8, 9], 'half of the days, all of the bytes')
  put([9], 1)
  assert.deepEqual(daysOf(backlog.next()), [0, 1, 2, 3], 'more bytes wait')
  assert.deepEqual(daysOf(backlog.next()), [9])
  assert.ok(backlog.isEmpty)

  put(range(0, 6), 3)
  assert.deepEqual(daysOf(backlog.next()), [2, 3, 4, 5])
  put([5, 6, 7], 1)
  assert.deepEqual(daysOf(backlog.next()), [0, 1], 'more than half of the days wait')
  assert.deepEqual(daysOf(backlog.next()), [5, 6, 7])

  // The bytes of what is written no longer count.
  put(range(0, 6), 3)
  backlog.next()
  put([5], 2)
  assert.deepEqual(daysOf(backlog.next()), [0, 1, 5])
})

type Stored = Readonly<{ id: string; user: string }>

/** What lasts when a job dies: the log and the tables. */
type World = {
  frames: Frame[]
  rows: Stored[]
  clicks: number
  summary: Record<string, string>
  partialRestarts: number
  /**
   * The dedupe memory is read back. Without it, as where memory does not suffice, what is stored is
   * told by the checkpoint alone.
   */
  remembers: boolean
}

class Died extends Error {}

/** Runs a job over the world until it has done what there is to do, or dies at a commit. */
async function runJob(world: World, random: Random, deathShare: number): Promise<void> {
  const memory = openDedupeMemory({
    horizonUs: HORIZON_US,
    bytesMax: 64 << 20,
    openSet: await loadIdSets(),
  })
  const batch = await openRowBatch({ windowUs: WINDOW_US, seed: 7n, recentIds: memory })
  const ids = world.remembers ? world.rows.map(({ id }) => Buffer.from(id)) : []
  memory.remember(batch.hashIds(ids), ids.length, 1)
  const end = world.frames.reduce((sum, frame) => sum + frame.count, 0)
  const extent = { id: 'log', start: 0, end, partitions: null }
  const checkpoint = resumeFrom(readCheckpoint(world.summary), extent, false)
  if (checkpoint.partial !== undefined) world.partialRestarts += 1
  const written = new Map<string, readonly Stored[]>()
  let files = 0
  let last = checkpoint
  const loop = openLoop({
    checkpoint,
    commitIntervalMs: 0,
    commitDays: DAYS_MAX,
    horizonUs: HORIZON_US,
    keptFromUs: () => KEEPS_ALL_US,
    wholeFromUs: () => null,
    dedupeClock: { advance: () => 1, idle() {} },
    nowUs: () => 1,
    steadyMs: () => performance.now(),
    readFrame: async (fromOffset) => {
      // A commit may begin before this frame is there.
      if (random.chance(0.5)) await sleep(0)
      return world.frames.find(({ firstOffset }) => firstOffset === fromOffset) ?? null
    },
    logEnd: () => end,
    batch,
    windows: {
      amend: async (deltas) => ({ add: [metricsFile(deltas)], remove: [] }),
    },
    feed: { took() {}, commitBegun() {}, committed() {} },
    keepRejected: async () => {},
    writeEventsFile: async (rows) => {
      const path = `file-${files++}`
      written.set(path, await storedRows(rows))
      return { path, day: rows.day, rows: rows.rows } as DataFile // only what the loop looks at
    },
    exclusively: (work) => work(),
    giveWay: async () => {},
    commit: async (change) => {
      if (random.chance(deathShare)) throw new Died()
      land(world, change, written)
      if (random.chance(deathShare)) throw new Died()
    },
    discard: async () => {},
    pause: async () => {},
    onStall: () => {},
    onCommit: (committed) => {
      last = committed
    },
  })
  loop.stop(end, 60_000)
  await loop.run()
  assert.equal(last.nextOffset, end)
}

/** The clicks that a commit adds to the windows, as the size of a file. */
function metricsFile(deltas: readonly WindowDelta[]): DataFile {
  return { rows: deltas.reduce((sum, { clicks }) => sum + clicks, 0) } as DataFile
}

async function storedRows(rows: TakenBatch['days'][number]): Promise<readonly Stored[]> {
  const read = await readRows(rows)
  return read.map((row) => ({ id: String(row.event_id), user: String(row.user_id) }))
}

function land(world: World, change: Change, written: Map<string, readonly Stored[]>): void {
  for (const { path } of change.events?.add ?? []) world.rows.push(...(written.get(path) ?? []))
  world.clicks += change.metrics?.add.reduce((sum, { rows }) => sum + rows, 0) ?? 0
  world.summary = { ...world.summary, ...change.summary }
}

/** Events of random days, some of them again with another user and another day, some no events. */
function randomFrames(
  random: Random,
  ids: number,
): Readonly<{ frames: Frame[]; lines: readonly string[] }> {
  const lines: string[] = []
  const frames: Frame[] = []
  const frameCount = 1 + random.below(6)
  const daysOfFrame = random.pick([3, 12, 40])
  for (let at = 0; at < frameCount; at++) {
    const firstOffset = lines.length
    const count = 1 + random.below(60)
    for (let line = 0; line < count; line++) lines.push(randomLine(random, ids, daysOfFrame))
    const bytes = Buffer.from(`${lines.slice(firstOffset).join('\n')}\n`)
    frames.push({ firstOffset, count, arrivalUs: 1_800_000_000_000_000, bytes })
  }
  return { frames, lines }
}

function randomLine(random: Random, ids: number, days: number): string {
  if (random.chance(0.03)) return '{'
  return JSON.stringify({
    event_id: `e${random.below(ids)}`,
    user_id: `u${random.below(1_000_000)}`,
    campaign_id: 'c',
    event_type: 'click',
    timestamp: new Date(Date.UTC(2001, 0, 1 + random.below(days), 12)).toISOString(),
  })
}

/** The first line with each id. */
function expectedRows(lines: readonly string[]): Map<string, string> {
  const users = new Map<string, string>()
  for (const line of lines) {
    if (line === '{') continue
    const { event_id: id, user_id: user } = JSON.parse(line)
    if (!users.has(id)) users.set(id, user)
  }
  return users
}

test('a job dying at any commit stores the first of each id once; its ledger closes', async () => {
  let partialRestarts = 0
  for (let seed = 1; seed <= 150; seed++) {
    const random = openRandom(seed)
    const remembers = seed % 2 === 0
    const { frames, lines } = randomFrames(random, remembers ? 150 : Number.MAX_SAFE_INTEGER)
    const empty = { rows: [], clicks: 0, summary: {}, partialRestarts: 0 }
    const world: World = { ...empty, frames, remembers }
    for (let isDone = false; !isDone; ) {
      try {
        await runJob(world, random, 0.25)
        isDone = true
      } catch (error) {
        if (!(error instanceof Died)) throw new Error(`seed ${seed}`, { cause: error })
      }
    }
    const expected = expectedRows(lines)
    const what = `seed ${seed}`
    assert.equal(world.rows.length, expected.size, what)
    assert.deepEqual(new Map(world.rows.map(({ id, user }) => [id, user])), expected, what)
    assert.equal(world.clicks, expected.size, what)
    const kept = readCheckpoint(world.summary)
    assert.equal(kept?.stored, expected.size, what)
    assert.equal(kept?.rejected, lines.filter((line) => line === '{').length, what)
    assert.equal(kept.stored + kept.duplicates + kept.rejected, lines.length, what)
    partialRestarts += world.partialRestarts
  }
  assert.ok(partialRestarts > 50, `only ${partialRestarts} restarts in the middle of a backlog`)
})
