/**
 * What maintenance has to do now, most urgent first, decided from the list of files without
 * touching anything.
 */

import { keptFromDay } from '../../event.ts'
import type { DataFile } from '../data-file.ts'
import {
  type EventMerge,
  type MetricsMerge,
  planEventMerges,
  planMetricsMerges,
  type TimedFile,
} from './plan-merges.ts'

export type Task =
  | Readonly<{
      kind: 'drop-days'
      events: readonly DataFile[]
      metrics: readonly DataFile[]
      /** The first day that both tables keep. */
      keptFromDay: number
    }>
  | EventMerge
  | MetricsMerge
  /** `beforeUs`: younger files are left alone. */
  | Readonly<{ kind: 'sweep-orphans'; beforeUs: number }>

export type PlanInput = Readonly<{
  events: readonly TimedFile[]
  /** False where another program merges raw files. */
  mergesEvents: boolean
  metrics: readonly DataFile[]
  nowUs: number
  /** See trusted-time.ts; null: nothing may be removed now. */
  trustedUs: number | null
  dedupeNowUs: number
  horizonUs: number
  /** Days kept besides today, also parts of days; 0 keeps all. */
  retentionDays: Readonly<{ events: number; metrics: number }>
  /** The trusted time at which orphans were last swept. */
  sweptUs: number
  orphanAgeUs: number
  /** Events come so fast that the processors are needed elsewhere. */
  isBusy: boolean
}>

/** With more files, they are merged without waiting for their minute or hour to be over. */
const URGENT_FILES = 300
/**
 * With more files, they are merged even when busy: events wait a little longer, but readers can
 * still plan a scan.
 */
const BUSY_FILES = 400
const SWEEP_INTERVAL_US = 6 * 3_600_000_000

export function planMaintenance(input: PlanInput): readonly Task[] {
  const { metrics, nowUs, dedupeNowUs, horizonUs, isBusy } = input
  const events = input.mergesEvents ? input.events : []
  const count = events.length
  const drop = planDrop(input)
  if (isBusy && count <= BUSY_FILES) return drop
  const merges = planEventMerges(events, { nowUs: dedupeNowUs, horizonUs, isUrgent: false })
  const isUrgent = count > URGENT_FILES && merges.length === 0
  const urgent = isUrgent
    ? planEventMerges(events, { nowUs: dedupeNowUs, horizonUs, isUrgent })
    : []
  if (isBusy) return [...drop, ...merges, ...urgent]
  return [...drop, ...merges, ...urgent, ...planMetricsMerges(metrics, nowUs), ...planSweep(input)]
}

/**
 * Days past the retention. A day of raw rows is dropped as a whole, and only once no event id in it
 * can be needed: after a restart the ids are read back from these files. Days are dropped in their
 * order, so that one date tells what is kept.
 */
function planDrop(input: PlanInput): readonly Task[] {
  const { events, metrics, trustedUs, retentionDays } = input
  if (trustedUs === null) return []
  const forgottenUs = input.dedupeNowUs - 2 * input.horizonUs
  const stillNeeded = events.filter(({ times }) => times.dedupe.maxUs >= forgottenUs)
  const eventsFromDay = Math.min(
    keptFromDay(trustedUs, retentionDays.events),
    ...stillNeeded.map(({ file }) => file.day),
  )
  const metricsFromDay = keptFromDay(trustedUs, retentionDays.metrics)
  const old = events.map(({ file }) => file).filter(({ day }) => day < eventsFromDay)
  const oldMetrics = metrics.filter(({ day }) => day < metricsFromDay)
  if (old.length === 0 && oldMetrics.length === 0) return []
  const fromDay = Math.max(eventsFromDay, metricsFromDay)
  return [{ kind: 'drop-days', events: old, metrics: oldMetrics, keptFromDay: fromDay }]
}

function planSweep({ trustedUs, sweptUs, orphanAgeUs }: PlanInput): readonly Task[] {
  if (trustedUs === null || trustedUs - sweptUs < SWEEP_INTERVAL_US) return []
  return [{ kind: 'sweep-orphans', beforeUs: trustedUs - orphanAgeUs }]
}
