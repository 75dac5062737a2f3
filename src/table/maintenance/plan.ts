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

/** For tables whose raw files another program writes and merges. */
export type SharedPlanInput = Readonly<{
  events: readonly DataFile[]
  metrics: readonly DataFile[]
  nowUs: number
  /** See trusted-time.ts; null: nothing may be removed now. */
  trustedUs: number | null
  /** Days kept besides today, also parts of days; 0 keeps all. */
  retentionDays: Readonly<{ events: number; metrics: number }>
  /** The trusted time at which orphans were last swept. */
  sweptUs: number
  orphanAgeUs: number
}>

export type PlanInput = Omit<SharedPlanInput, 'events'> &
  Readonly<{
    events: readonly TimedFile[]
    dedupeNowUs: number
    horizonUs: number
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
  const { events, metrics, nowUs, dedupeNowUs, horizonUs, isBusy } = input
  const count = events.length
  const drop = planOwnDrop(input)
  if (isBusy && count <= BUSY_FILES) return drop
  const merges = planEventMerges(events, { nowUs: dedupeNowUs, horizonUs, isUrgent: false })
  const isUrgent = count > URGENT_FILES && merges.length === 0
  const urgent = isUrgent
    ? planEventMerges(events, { nowUs: dedupeNowUs, horizonUs, isUrgent })
    : []
  if (isBusy) return [...drop, ...merges, ...urgent]
  return [...drop, ...merges, ...urgent, ...planMetricsMerges(metrics, nowUs), ...planSweep(input)]
}

export function planSharedMaintenance(input: SharedPlanInput): readonly Task[] {
  return [
    ...planDrop(input, Number.POSITIVE_INFINITY),
    ...planMetricsMerges(input.metrics, input.nowUs),
    ...planSweep(input),
  ]
}

/**
 * No day is dropped while an event id in it can still be needed: after a restart the ids are read
 * back from these files.
 */
function planOwnDrop(input: PlanInput): readonly Task[] {
  const forgottenUs = input.dedupeNowUs - 2 * input.horizonUs
  const stillAskedFor = input.events.filter(({ times }) => times.dedupe.maxUs >= forgottenUs)
  const askedFromDay = Math.min(...stillAskedFor.map(({ file }) => file.day))
  return planDrop({ ...input, events: input.events.map(({ file }) => file) }, askedFromDay)
}

/**
 * Days past the retention, and before `untilDay`. A day of raw rows is dropped as a whole. Days are
 * dropped in their order, so that one date tells what is kept.
 */
function planDrop(input: SharedPlanInput, untilDay: number): readonly Task[] {
  const { events, metrics, trustedUs, retentionDays } = input
  if (trustedUs === null) return []
  const eventsFromDay = Math.min(keptFromDay(trustedUs, retentionDays.events), untilDay)
  const metricsFromDay = keptFromDay(trustedUs, retentionDays.metrics)
  const old = events.filter(({ day }) => day < eventsFromDay)
  const oldMetrics = metrics.filter(({ day }) => day < metricsFromDay)
  if (old.length === 0 && oldMetrics.length === 0) return []
  const fromDay = Math.max(eventsFromDay, metricsFromDay)
  return [{ kind: 'drop-days', events: old, metrics: oldMetrics, keptFromDay: fromDay }]
}

function planSweep({
  trustedUs,
  sweptUs,
  orphanAgeUs,
}: Omit<SharedPlanInput, 'events'>): readonly Task[] {
  if (trustedUs === null || trustedUs - sweptUs < SWEEP_INTERVAL_US) return []
  return [{ kind: 'sweep-orphans', beforeUs: trustedUs - orphanAgeUs }]
}
