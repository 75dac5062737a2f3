/** What maintenance has to do now, most urgent first; decided from the files alone, without touching anything. */
import type { DataFile } from '../data-file.ts'
import { retentionCut } from '../drop-days.ts'
import { type ArrivedFile, type EventMerge, planEventMerges } from './merge-events.ts'
import { type MetricsMerge, planMetricsMerges } from './merge-metrics.ts'

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
  | Readonly<{ kind: 'sweep-orphans' }>

export type PlanInput = Readonly<{
  events: readonly ArrivedFile[]
  /** Otherwise raw files are another program's to merge. */
  mergesEvents: boolean
  metrics: readonly DataFile[]
  nowUs: number
  horizonUs: number
  /** Days kept besides today, also parts of days; 0 keeps all. */
  retentionDays: Readonly<{ events: number; metrics: number }>
  /** When orphans were swept last. */
  sweptUs: number
  /** Events come so fast that the processors are wanted elsewhere. */
  isBusy: boolean
}>

/** Above it, files are merged without waiting for their minute or hour to be over. */
const URGENT_FILES = 300
/** Above it, files are merged even when busy: an event waits a little longer, but readers can still plan a scan. */
const BUSY_FILES = 400
const SWEEP_INTERVAL_US = 6 * 3_600_000_000

export function planMaintenance(input: PlanInput): readonly Task[] {
  const { metrics, nowUs, horizonUs, isBusy } = input
  const events = input.mergesEvents ? input.events : []
  const count = events.length
  const drop = planDrop(input)
  if (isBusy && count <= BUSY_FILES) return drop
  const merges = planEventMerges(events, { nowUs, horizonUs, isUrgent: false })
  const isUrgent = count > URGENT_FILES && merges.length === 0
  const urgent = isUrgent ? planEventMerges(events, { nowUs, horizonUs, isUrgent }) : []
  if (isBusy) return [...drop, ...merges, ...urgent]
  const sweep: Task[] =
    nowUs - input.sweptUs >= SWEEP_INTERVAL_US ? [{ kind: 'sweep-orphans' }] : []
  return [...drop, ...merges, ...urgent, ...planMetricsMerges(metrics, nowUs), ...sweep]
}

function planDrop({ events, metrics, nowUs, retentionDays }: PlanInput): readonly Task[] {
  const cuts = {
    events: retentionCut(nowUs, retentionDays.events),
    metrics: retentionCut(nowUs, retentionDays.metrics),
  }
  const old = events.map(({ file }) => file).filter((file) => file.day < cuts.events)
  const oldMetrics = metrics.filter((file) => file.day < cuts.metrics)
  if (old.length === 0 && oldMetrics.length === 0) return []
  const keptFromDay = Math.ceil(Math.max(cuts.events, cuts.metrics))
  return [{ kind: 'drop-days', events: old, metrics: oldMetrics, keptFromDay }]
}
