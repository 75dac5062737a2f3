/**
 * The job's loop and its feed with the true engine, over a log and tables that are a few Maps: so
 * that a test can fill the disk, hold a commit between landing and being known, and move files, at
 * the moment it wants.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import type { Checkpoint } from '../../src/embedded/checkpoint.ts'
import { openMutex } from '../../src/embedded/commit-rows.ts'
import { openDedupeMemory } from '../../src/embedded/dedupe.ts'
import { openFeed } from '../../src/embedded/feed.ts'
import { openLoop } from '../../src/embedded/loop.ts'
import { loadIdSets, openRowBatch } from '../../src/engine.ts'
import type { WindowDelta } from '../../src/event.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import type { Frame } from '../../src/log.ts'
import { type DataFile, TableError } from '../../src/table.ts'
import { type FeedReader, openFeedReader, plus } from './feed-reader.ts'
import type { Part } from './feed-traffic.ts'

export const WINDOW_US = 300_000_000
const HORIZON_US = 3_600_000_000
const DAY_US = 86_400_000_000
/** Of a job that has taken nothing yet. */
export const START: Checkpoint = {
  logId: 'log',
  nextOffset: 0,
  logBase: 0,
  arrivedUs: 0,
  dedupeUs: 0,
  stored: 0,
  duplicates: 0,
  rejected: 0,
  offsets: null,
}

/** What a test may do to the tables; each is awaited or looked at by the commit that comes next. */
export type Weather = {
  diskFull: boolean
  beforeLanding: () => Promise<unknown>
  /** After the tables have moved on, before the loop hears of it. */
  afterLanding: () => Promise<unknown>
}

export type FeedJob = Readonly<{
  weather: Weather
  push(part: Part): void
  attach(): FeedReader
  /** Other files with the same rows, as maintenance does. */
  moveFiles(): Promise<void>
  /** The same for raw files alone, which needs no lock. */
  moveRawFiles(): void
  readRows(path: string): Promise<readonly WindowDelta[]>
  /** How often the engine was asked for its windows. */
  peeks(): number
  committedOffset(): number
  /** Of all events pushed. */
  endOffset(): number
  close(): Promise<void>
}>

export type FeedJobOptions = Readonly<{
  commitIntervalMs: number
  /** Days in a commit; the job's own number unless given. */
  commitDays?: number
}>

export async function openFeedJob(options: FeedJobOptions): Promise<FeedJob> {
  const weather: Weather = {
    diskFull: false,
    beforeLanding: async () => {},
    afterLanding: async () => {},
  }
  const log = memoryLog()
  const tables = memoryTables(weather)
  const memory = openDedupeMemory({
    horizonUs: HORIZON_US,
    bytesMax: 64 << 20,
    openSet: await loadIdSets(),
  })
  const batch = await openRowBatch({ windowUs: WINDOW_US, seed: 7n, recentIds: memory })
  let peeks = 0
  const feed = openFeed({
    tables: () => ({ ...tables.now(), othersRows: 0 }),
    batch: {
      get windows() {
        return batch.windows
      },
      peekWindows() {
        peeks++
        return batch.peekWindows()
      },
    },
    steadyMs: () => performance.now(),
  })
  const exclusively = openMutex()
  let committedOffset = 0
  const loop = openLoop({
    checkpoint: START,
    ...options,
    horizonUs: HORIZON_US,
    keptFromUs: () => KEEPS_ALL_US,
    wholeFromUs: () => null,
    dedupeClock: { advance: (arrivalUs) => arrivalUs, idle() {} },
    nowUs: () => Date.now() * 1000,
    steadyMs: () => performance.now(),
    readFrame: log.next,
    logEnd: log.end,
    batch,
    windows: { amend: tables.amend },
    feed,
    keepRejected: () => sleep(1),
    writeEventsFile: async ({ day, rows }) => tables.newFile('events', day, rows),
    exclusively,
    giveWay: async () => {},
    commit: async (change) => {
      const nextOffset = Number(change.commitId.split('-').at(-1))
      await tables.commit(change.events?.add ?? [], change.metrics?.add ?? [], nextOffset)
    },
    discard: async () => {},
    pause: () => sleep(20),
    onStall: () => {},
    onCommit: ({ nextOffset }) => {
      committedOffset = nextOffset
    },
  })
  const running = loop.run()
  running.catch(() => {})
  return {
    weather,
    push: log.push,
    attach() {
      const { port1, port2 } = new MessageChannel()
      const reader = openFeedReader(port2)
      feed.attach(port1)
      return reader
    },
    moveFiles: () =>
      exclusively(async () => {
        // Written to a disk, they take longer than the loop needs to hear of the commit before.
        await sleep(1)
        tables.moveRawFiles()
        tables.moveMetricsFiles()
        feed.filesChanged([])
      }),
    moveRawFiles() {
      tables.moveRawFiles()
      feed.filesChanged([])
    },
    readRows: tables.readRows,
    peeks: () => peeks,
    committedOffset: () => committedOffset,
    endOffset: log.end,
    async close() {
      loop.stop(log.end(), 20_000)
      await running
      feed.close()
    },
  }
}

function memoryLog() {
  const frames = new Map<number, Frame>()
  let end = 0
  let pushed = Promise.withResolvers<void>()
  return {
    end: () => end,
    push({ lines, count, arrivalUs }: Part): void {
      frames.set(end, { firstOffset: end, count, arrivalUs, bytes: lines })
      end += count
      pushed.resolve()
      pushed = Promise.withResolvers()
    },
    async next(fromOffset: number, waitMs: number): Promise<Frame | null> {
      if (fromOffset === end) await Promise.race([pushed.promise, sleep(waitMs)])
      return frames.get(fromOffset) ?? null
    },
  }
}

function memoryTables(weather: Weather) {
  const rowsOf = new Map<string, readonly WindowDelta[]>()
  let tables = { nextOffset: 0, events: [] as DataFile[], metrics: [] as DataFile[] }
  let files = 0
  const newFile = (table: string, day: number, rows: number): DataFile =>
    ({ path: `${table}-${files++}`, day, rows }) as DataFile // only what feed.ts looks at

  /** One file a day, that holds all its rows. */
  function writeMetrics(rows: readonly WindowDelta[]): DataFile[] {
    const days = Map.groupBy(rows, ({ windowStartUs }) => Math.floor(windowStartUs / DAY_US))
    return [...days].map(([day, ofDay]) => {
      const file = newFile('metrics', day, ofDay.length)
      rowsOf.set(file.path, ofDay)
      return file
    })
  }
  const rowsNow = (): readonly WindowDelta[] =>
    tables.metrics.flatMap(({ path }) => rowsOf.get(path) ?? [])

  return {
    now: () => tables,
    newFile,
    async amend(deltas: readonly WindowDelta[]) {
      const add = writeMetrics([...plus(plus(new Map(), rowsNow()), deltas).values()])
      return { add, remove: tables.metrics }
    },
    async commit(events: readonly DataFile[], metrics: readonly DataFile[], nextOffset: number) {
      await weather.beforeLanding()
      if (weather.diskFull) {
        const cause = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
        throw new TableError('storage-failed', { path: 'x', reason: cause.message }, cause)
      }
      tables = { nextOffset, events: [...tables.events, ...events], metrics: [...metrics] }
      await weather.afterLanding()
    },
    moveRawFiles(): void {
      const rows = tables.events.reduce((sum, file) => sum + file.rows, 0)
      tables = { ...tables, events: rows === 0 ? [] : [newFile('events', 0, rows)] }
    },
    moveMetricsFiles(): void {
      tables = { ...tables, metrics: writeMetrics(rowsNow()) }
    },
    readRows: async (path: string) => rowsOf.get(path) ?? [],
  }
}
