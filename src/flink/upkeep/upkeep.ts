/**
 * Upkeep of the tables that Flink fills: one thing after the other, so that nothing of ours races itself.
 *
 *   amend      windows that late events changed                    Trino recomputes, the table room replaces files
 *   maintain   metrics files merged, old days dropped, orphans     the table room
 *   optimize   raw files merged                                    Trino
 *   expire     snapshots                                           the table room: Trino's floor is seven days
 *
 * Each step commits by compare-and-swap beside Flink and can be killed anywhere: what is not committed is done again.
 */

import type { TrinoQuery } from '../../query.ts'
import {
  type Change,
  type Lake,
  type LogProgress,
  mayHoldWindow,
  openMaintenance,
  openWindows,
  TableError,
} from '../../table.ts'
import { openAmendments } from './amend.ts'
import { amendView, marksSummary } from './amend-view.ts'
import { countSmall, planOptimize } from './optimize-plan.ts'

export type UpkeepOptions = Readonly<{
  /** Opened for the writer `flink`, and with it the writer's lock is held. */
  lake: Lake
  trino: TrinoQuery
  windowUs: number
  horizonUs: number
  /** Days kept besides today; 0 keeps all. */
  retentionDays: Readonly<{ events: number; metrics: number }>
  /** Between two rounds: as often as Flink commits. */
  intervalMs: number
  nowUs: () => number
  /** A clock that never steps. */
  steadyMs: () => number
  /** How far the tables are behind the topic; null where that is not known now. */
  logProgress: () => LogProgress | null
  newId: () => string
  /** Waits; ends early, without an error, when the signal fires. */
  pause: (durationMs: number, signal: AbortSignal) => Promise<void>
  onRound: (round: Round) => void
  /** One sentence for the user. */
  onWarning: (text: string) => void
}>

export type Round = Readonly<{
  /** Windows amended since the start. */
  amended: number
  /** Why the last round failed; null when it did not. */
  failure: string | null
}>

export type Upkeep = Readonly<{
  /** Runs until `stop`, or until the lake must be opened anew: then with the reason. Does not reject. */
  run(): Promise<Error | null>
  /** One round of everything that is due. Returns the windows amended. */
  step(): Promise<number>
  stop(): void
}>

const EXPIRE_INTERVAL_US = 60_000_000
const MARKS_INTERVAL_US = 3_600_000_000
const DAY_US = 86_400_000_000
const FAILURE_PAUSE_MS = 10_000
const FAILURE_PAUSE_MS_MAX = 2 * 60_000

export function openUpkeep(options: UpkeepOptions): Upkeep {
  const { lake, trino, windowUs, nowUs, newId, pause, onWarning } = options
  const stopping = new AbortController()
  const left = new Map<number, number>()
  let optimizing: Promise<void> | null = null
  let ended: Error | null = null
  let keptMarks = -1
  let marksKeptUs = nowUs()
  let expiredUs = nowUs()
  let amended = 0
  let failures = 0

  const windows = openWindows({
    live: () => lake.metrics.files,
    read: (file) => lake.readMetricsFile(file),
    write: (day, rows) => lake.writeMetricsFile(day, rows),
    mayHold: mayHoldWindow,
    recompute: () => Promise.reject(new TypeError('a row that is replaced is not added to')),
  })
  const amendments = openAmendments({
    async look() {
      await lake.refresh()
      return amendView(lake, windowUs)
    },
    trino,
    replace: (rows) => windows.replace(rows),
    async commit(metrics, marks) {
      const commitId = `amend-${newId()}`
      await commitOrDiscard({ metrics, summary: marksSummary(marks), commitId })
    },
    windowUs,
    nowUs,
    onWarning,
  })
  const maintenance = openMaintenance({
    lake,
    mergeEventFiles: null,
    exclusively: (work) => work(),
    horizonUs: options.horizonUs,
    retentionDays: options.retentionDays,
    nowUs,
    steadyMs: options.steadyMs,
    dedupeNowUs: () => 0,
    // Raw rows whose windows could not be amended must not go.
    logProgress: () => (failures === 0 ? options.logProgress() : null),
    newId,
    pause,
    isBusy: () => false,
    onTask: () => {},
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

  /** Beside everything else: a large day takes Trino minutes. */
  function optimize(): void {
    const plan = planOptimize(lake.events.files, left, nowUs())
    if (plan === null || optimizing !== null) return
    const { day, thresholdBytes } = plan
    const span = { fromUs: day * DAY_US, toUs: (day + 1) * DAY_US }
    const { signal } = stopping
    const ended = (): void => {
      optimizing = null
    }
    optimizing = (async () => {
      await trino.optimizeEvents({ span, fileSizeThresholdBytes: thresholdBytes, signal })
      await lake.refresh()
      const ofDay = lake.events.files.filter((file) => file.day === day)
      left.set(day, countSmall(ofDay, thresholdBytes))
    })()
    optimizing.then(ended, (error: unknown) => {
      ended()
      if (!signal.aborted) onWarning(`raw files of a day could not be merged: ${wordsOf(error)}`)
    })
  }

  /** Marks that no commit has taken along would have all be looked through again after a restart. */
  async function keepMarks(): Promise<void> {
    const marks = amendments.marks()
    if (marks === null || marks.sequence === keptMarks || nowUs() - marksKeptUs < MARKS_INTERVAL_US)
      return
    const metrics = { add: [], remove: [] }
    await lake.commit({ metrics, summary: marksSummary(marks), commitId: `marks-${newId()}` })
    keptMarks = marks.sequence
    marksKeptUs = nowUs()
  }

  async function expire(): Promise<void> {
    if (nowUs() - expiredUs < EXPIRE_INTERVAL_US) return
    await lake.expireSnapshots()
    expiredUs = nowUs()
  }

  /** Each thing for itself: what Trino cannot do now keeps nothing else from being done. */
  async function step(): Promise<number> {
    await lake.keepLock()
    let count = 0
    const failures: unknown[] = []
    const parts = [
      async () => {
        count = await amendments.step()
      },
      maintenance.step,
      async () => optimize(),
      keepMarks,
      expire,
    ]
    for (const part of parts) {
      try {
        await part()
      } catch (error) {
        if (isFinal(error)) throw error
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    return count
  }

  async function round(): Promise<number> {
    try {
      amended += await step()
      failures = 0
      options.onRound({ amended, failure: null })
      return options.intervalMs
    } catch (error) {
      if (isFinal(error)) {
        ended = error
        return 0
      }
      const pauseMs = Math.min(FAILURE_PAUSE_MS * 2 ** failures, FAILURE_PAUSE_MS_MAX)
      failures++
      const failure = `upkeep of the tables failed and is tried again in ${pauseMs / 1000} s: ${wordsOf(error)}`
      if (!stopping.signal.aborted) onWarning(failure)
      options.onRound({ amended, failure })
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
    step,
    stop() {
      stopping.abort()
      maintenance.stop()
    },
  }
}

/** Another process writes now, or it is not known what the last commit did: this lake must write no more. */
function isFinal(error: unknown): error is TableError {
  return error instanceof TableError && ['locked', 'outcome-unknown'].includes(error.code)
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
