/**
 * Upkeep of the tables that Flink fills: one task after the other, so that no two of ours race.
 *
 *   amend      windows that late events changed                  Trino recomputes, `table` replaces
 *   maintain   metrics files merged, old days dropped, orphans   `table`
 *   optimize   raw files merged                                  Trino
 *   expire     snapshots                                         `table`: Trino keeps seven days
 *
 * Each task commits by compare-and-swap beside Flink and can be killed anywhere: what is not
 * committed is done again.
 */

import type { OpenWindows, TrinoQuery } from '../../query.ts'
import { pause, reasonOf } from '../../runtime.ts'
import {
  type Change,
  DAY_US,
  type DataFile,
  type Lake,
  type LogProgress,
  mayHoldWindow,
  openMaintenance,
  openReplaceWindows,
  TableError,
  type TableErrorCode,
} from '../../table.ts'
import { openAmendments } from './amend.ts'
import { amendedIn, amendedSummary, amendView, closedUntilUs, marksSummary } from './amend-view.ts'

export type UpkeepOptions = Readonly<{
  /** Opened for the writer `flink`, and with it the writer's lock is held. */
  lake: Lake
  trino: TrinoQuery
  windowUs: number
  /** Days kept besides today; 0 keeps all. */
  retentionDays: Readonly<{ events: number; metrics: number }>
  /** Between two rounds: as often as Flink commits. */
  intervalMs: number
  nowUs: () => number
  /** A clock that never steps. */
  steadyMs: () => number
  /** Until when windows are closed by a heartbeat; null while that is known of none. */
  heartbeatsUntilUs: () => number | null
  /** How far the tables are behind the topic; null where that is not known now. */
  logProgress: () => LogProgress | null
  newId: () => string
  /** After each round: why it failed; null when it did not. */
  onRound: (failure: string | null) => void
  /** One sentence for the user. */
  onWarning: (text: string) => void
}>

export type Upkeep = Readonly<{
  /**
   * Runs until `stop`, or until the lake must be opened anew: then with the reason. Does not
   * reject.
   */
  run(): Promise<Error | null>
  stop(): void
  /** As of less than a minute ago; null where that is not known. */
  openWindows(): OpenWindows | null
}>

const EXPIRE_INTERVAL_US = 60_000_000
const COUNT_INTERVAL_US = 30_000_000
const MARKS_INTERVAL_US = 3_600_000_000
const FAILURE_PAUSE_MS = 10_000
const FAILURE_PAUSE_MS_MAX = 2 * 60_000

export function openUpkeep(options: UpkeepOptions): Upkeep {
  const { lake, trino, windowUs, nowUs, newId, onWarning } = options
  const stopping = new AbortController()
  const left = new Map<number, number>()
  let optimizing: Promise<void> | null = null
  let ended: Error | null = null
  let keptMarks = -1
  let marksKeptUs = nowUs()
  let expiredUs = nowUs()
  let openWindows: OpenWindows | null = null
  let countedUs = Number.NEGATIVE_INFINITY
  let failures = 0
  let isTrinoKnown = false

  const windows = openReplaceWindows({
    live: () => lake.metrics.files,
    read: (file) => lake.readMetricsFile(file),
    write: (day, rows) => lake.writeMetricsFile(day, rows),
    mayHold: mayHoldWindow,
  })
  const amendments = openAmendments({
    async readView() {
      await lake.refresh()
      return amendView(lake, windowUs, options.heartbeatsUntilUs())
    },
    trino,
    replace: (rows, gone) => windows.replace(rows, gone),
    async commit(metrics, marks, more) {
      const commitId = `amend-${newId()}`
      const amended = amendedSummary(amendedIn(lake.metrics), more)
      await commitOrDiscard({ metrics, summary: { ...marksSummary(marks), ...amended }, commitId })
    },
    settle: (compared) => lake.settleSpans(compared),
    windowUs,
    nowUs,
    onWarning,
  })
  const maintenance = openMaintenance({
    lake,
    exclusively: (work) => work(),
    retentionDays: options.retentionDays,
    nowUs,
    steadyMs: options.steadyMs,
    // Raw rows whose windows could not be amended must not go.
    logProgress: () => (failures === 0 ? options.logProgress() : null),
    newId,
    pause,
    onWarning,
  })

  async function commitOrDiscard(change: Change): Promise<void> {
    try {
      await lake.commit(change)
    } catch (error) {
      const isStale = error instanceof TableError && error.code === 'missing-file'
      if (isStale) await lake.discard(change.metrics?.add ?? [])
      throw error
    }
  }

  /** Trino's catalog stays what it is while Trino runs. */
  async function checkTrino(): Promise<void> {
    if (isTrinoKnown) return
    await trino.checkTables(async () => {
      await lake.refresh()
      return lake
    })
    isTrinoKnown = true
  }

  /** Beside everything else: a large day takes Trino minutes. */
  function optimize(): void {
    const plan = planOptimize(lake.events.files, left, nowUs())
    if (plan === null || optimizing !== null) return
    const { day, thresholdBytes } = plan
    const span = { fromUs: day * DAY_US, toUs: (day + 1) * DAY_US }
    const { signal } = stopping
    const done = (): void => {
      optimizing = null
    }
    optimizing = (async () => {
      await trino.optimizeEvents({ span, fileSizeThresholdBytes: thresholdBytes, signal })
      await lake.refresh()
      const ofDay = lake.events.files.filter((file) => file.day === day)
      left.set(day, countSmall(ofDay, thresholdBytes))
    })()
    optimizing.then(done, (error: unknown) => {
      done()
      if (!signal.aborted) onWarning(`raw files of a day could not be merged: ${reasonOf(error)}`)
    })
  }

  /**
   * Without a commit that carries the marks along, everything would be checked again after a
   * restart.
   */
  async function keepMarks(): Promise<void> {
    const marks = amendments.marks()
    if (marks === null || marks.sequence === keptMarks || nowUs() - marksKeptUs < MARKS_INTERVAL_US)
      return
    const metrics = { add: [], remove: [] }
    await lake.commit({ metrics, summary: marksSummary(marks), commitId: `marks-${newId()}` })
    keptMarks = marks.sequence
    marksKeptUs = nowUs()
  }

  /** Trino reads for it only what is younger than the last window that closed. */
  async function countOpen(): Promise<void> {
    if (nowUs() - countedUs < COUNT_INTERVAL_US) return
    countedUs = nowUs()
    const { snapshotId } = lake.events
    if (snapshotId === null) return
    const closedUs = closedUntilUs(lake.metrics, windowUs)
    // A figure for people: that it is missing keeps nothing up.
    openWindows = await trino.countOpenWindows(snapshotId, closedUs).catch(() => null)
  }

  async function expire(): Promise<void> {
    if (nowUs() - expiredUs < EXPIRE_INTERVAL_US) return
    await lake.expireSnapshots()
    expiredUs = nowUs()
  }

  /** Each part by itself: what Trino cannot do now does not keep the others from being done. */
  async function step(): Promise<void> {
    await lake.keepLock()
    const errors: unknown[] = []
    const parts = [
      checkTrino,
      amendments.step,
      maintenance.step,
      async () => optimize(),
      keepMarks,
      expire,
      countOpen,
    ]
    for (const part of parts) {
      try {
        await part()
      } catch (error) {
        if (isFinal(error)) throw error
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  async function round(): Promise<number> {
    try {
      await step()
      failures = 0
      options.onRound(null)
      return options.intervalMs
    } catch (error) {
      if (isFinal(error)) {
        ended = error
        return 0
      }
      const pauseMs = Math.min(FAILURE_PAUSE_MS * 2 ** failures, FAILURE_PAUSE_MS_MAX)
      failures++
      const trying = `and is tried again in ${pauseMs / 1000} s`
      const failure = `upkeep of the tables failed ${trying}: ${reasonOf(error)}`
      if (!stopping.signal.aborted) onWarning(failure)
      options.onRound(failure)
      return pauseMs
    }
  }

  return {
    async run() {
      while (!stopping.signal.aborted && ended === null) {
        const pauseMs = await round()
        if (ended === null) await pause(pauseMs, stopping.signal)
      }
      await optimizing?.catch(() => {})
      return ended
    },
    stop() {
      stopping.abort()
      maintenance.stop()
    },
    openWindows: () => openWindows,
  }
}

/**
 * Another process writes now, or the outcome of the last commit is unknown: this lake must write no
 * more.
 */
const FINAL: readonly TableErrorCode[] = ['locked', 'outcome-unknown']

function isFinal(error: unknown): error is TableError {
  return error instanceof TableError && FINAL.includes(error.code)
}

type RawFile = Pick<DataFile, 'day' | 'bytes'>

/** Files of this day smaller than the threshold become larger ones. */
type Optimize = Readonly<{ day: number; thresholdBytes: number }>

const MIB = 2 ** 20
const GROWING = { files: 60, thresholdBytes: 16 * MIB }
const OVER = { files: 4, thresholdBytes: 128 * MIB }
/** A day is left to late events for so long before it counts as over. */
const SETTLE_US = 3_600_000_000

/**
 * Which day of the raw table Trino is to merge now: the one with most files that are due. A
 * checkpoint every 5 s leaves some 17,000 files a day: while a day grows, its small files are
 * merged as soon as there are many; once it is over, all that are not large. `left`: small files
 * that the last merge of a day left; it is not merged again before as many more have come.
 */
function planOptimize(
  files: readonly RawFile[],
  left: ReadonlyMap<number, number>,
  nowUs: number,
): Optimize | null {
  const due = [...Map.groupBy(files, (file) => file.day)].flatMap(([day, ofDay]) => {
    const { files: least, thresholdBytes } =
      (day + 1) * DAY_US + SETTLE_US <= nowUs ? OVER : GROWING
    const small = countSmall(ofDay, thresholdBytes)
    return small - (left.get(day) ?? 0) >= least ? [{ day, thresholdBytes, small }] : []
  })
  return due.sort((a, b) => b.small - a.small)[0] ?? null
}

function countSmall(files: readonly RawFile[], thresholdBytes: number): number {
  return files.filter(({ bytes }) => bytes < thresholdBytes).length
}
