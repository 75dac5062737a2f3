/**
 * The meter: every counter of the running process, its name and its `GET /metrics` text.
 *
 * Two kinds of numbers meet here. The collector *counts*: its fields are plain numbers which the
 * hot path adds to. Everything else is *read* when somebody scrapes: the pipeline passes a function
 * that returns what log, job and tables say at that moment, so no number is kept in two places.
 * prom-client only writes the text, from a registry of its own: nothing global, no default metrics.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import { type Histogram, openHistogram } from './meter/histogram.ts'

/**
 * Read at each scrape; null = not known (yet), shown as NaN. What does not apply to a log or an
 * engine is absent, and has no sample.
 */
export type Readings = Readonly<{
  /** Offsets of the log: first one held, and the durable end (the next event's). */
  logStart: number | null
  logEnd: number | null
  logBytes?: number | null | undefined
  /** Events that are durable in the log and not yet in the tables. */
  waiting: number | null
  commits: number | null
  stored: number | null
  duplicates: number | null
  /** All events ever rejected, as `rejected/` holds them. */
  rejectedKept: number | null
  /** Age of the oldest event not in the tables yet; 0 when nothing waits. */
  freshnessSeconds: number | null
  /** Live data files by table name. */
  liveFiles: Readonly<Record<string, number>>
  dedupeIds?: number | null | undefined
  dedupeBytes?: number | null | undefined
  /** How far back a repeat is certain to be recognised, and the configured horizon. */
  dedupeHorizonTrueSeconds: number | null
  dedupeHorizonSeconds: number | null
  /** Of a job on a cluster; null where that has no such job. */
  job?: JobReadings | null | undefined
  windows?: WindowReadings | undefined
}>

export type JobReadings = Readonly<{
  id: string
  state: string
  restarts?: number
  checkpoints?: Readonly<{ completed: number; failed: number }>
  lastCheckpoint?: Readonly<{ ageSeconds: number; durationMs: number; bytes: number }>
  watermarkLagSeconds?: number
}>

export type WindowReadings = Readonly<{
  closed: number
  amended: number
  lateEvents: number
  open?: Readonly<{ windows: number; events: number }> | undefined
}>

/** Added to on the hot path; read at a scrape. Every field is an event, a byte or a request. */
export type CollectCounts = {
  accepted: number
  /** Rejections answered, by reason. */
  rejected: Record<string, number>
  /** Body bytes as received, and after decompression. */
  bodyBytes: number
  inflatedBytes: number
  /** Memory held for bodies at this moment, and for requests that read with their answers. */
  heldBytes: number
  heldReadBytes: number
  /** Clicks redirected before they were durable. */
  clicksUnstored: number
  /** Answers of `POST /v1/events` and of everything else, by status; 499 = the client went away. */
  eventAnswers: Record<number, number>
  otherAnswers: Record<number, number>
}

/** `rssBytes` is null where it cannot be measured at the moment. */
export type Memory = Readonly<{ rssBytes: number | null; heapBytes: number; externalBytes: number }>

export type MeterOptions = Readonly<{ readings: () => Readings; memory: () => Memory }>

export type Meter = {
  readonly collect: CollectCounts
  /** `POST /v1/events`: from the request's head to its answer. */
  readonly requestSeconds: Histogram
  /** One commit of both tables, data files included. */
  readonly commitSeconds: Histogram
  readonly contentType: string
  text(): Promise<string>
}

const REQUEST_BOUNDS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const COMMIT_BOUNDS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

const PREFIX = 'campaign_metrics_'

type Sources = Readonly<{ readings: Readings; memory: Memory; collect: CollectCounts }>
type Values = number | null | undefined | Readonly<Record<string, number>> | readonly Sample[]
type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number | null]
/** A series with one label has a number for each of its values; with several, samples. */
type Series = readonly [
  name: string,
  help: string,
  read: (from: Sources) => Values,
  ...labels: readonly ('id' | 'reason' | 'state' | 'status' | 'table')[],
]

const COUNTERS: readonly Series[] = [
  [
    'events_accepted_total',
    'Events answered as accepted by this process.',
    (s) => s.collect.accepted,
  ],
  ['body_bytes_total', 'Body bytes received, before decompression.', (s) => s.collect.bodyBytes],
  ['inflated_bytes_total', 'Bytes made by decompression.', (s) => s.collect.inflatedBytes],
  ['commits_total', 'Commits of both tables.', (s) => s.readings.commits],
  ['events_stored_total', 'Events ever stored in the raw table.', (s) => s.readings.stored],
  ['events_duplicate_total', 'Events ever left out as repeats.', (s) => s.readings.duplicates],
  [
    'events_rejected_kept_total',
    'Rejected events ever kept under rejected/.',
    (s) => s.readings.rejectedKept,
  ],
  [
    'events_rejected_total',
    'Events answered as rejected by this process, by reason.',
    (s) => s.collect.rejected,
    'reason',
  ],
  [
    'clicks_unstored_total',
    'Clicks redirected before they were durable, by this process.',
    (s) => s.collect.clicksUnstored,
  ],
  [
    'event_requests_total',
    'Answers of POST /v1/events by status; 499: the client went away first.',
    (s) => s.collect.eventAnswers,
    'status',
  ],
  [
    'other_requests_total',
    'Answers of all other routes by status.',
    (s) => s.collect.otherAnswers,
    'status',
  ],
  [
    'job_restarts_total',
    'Restarts of the job on the cluster since it was submitted.',
    (s) => s.readings.job?.restarts,
  ],
  [
    'job_checkpoints_completed_total',
    'Checkpoints completed since the job was submitted.',
    (s) => s.readings.job?.checkpoints?.completed,
  ],
  [
    'job_checkpoints_failed_total',
    'Checkpoints failed since the job was submitted.',
    (s) => s.readings.job?.checkpoints?.failed,
  ],
  [
    'windows_amended_total',
    'Closed windows ever written again for late events.',
    (s) => s.readings.windows?.amended,
  ],
  [
    'events_late_total',
    'Events ever found to have come after their window had closed.',
    (s) => s.readings.windows?.lateEvents,
  ],
]

const GAUGES: readonly Series[] = [
  ['body_bytes_held', 'Memory for bodies in flight.', (s) => s.collect.heldBytes],
  [
    'read_bytes_held',
    'Memory for requests that read, until their answers are taken.',
    (s) => s.collect.heldReadBytes,
  ],
  ['log_start_offset', 'First offset the log still holds.', (s) => s.readings.logStart],
  [
    'log_end_offset',
    'Durable end of the log: all events it has ever taken.',
    (s) => s.readings.logEnd,
  ],
  ['log_bytes', 'Bytes of the log on disk.', (s) => s.readings.logBytes],
  ['events_waiting', 'Events in the log and not yet in the tables.', (s) => s.readings.waiting],
  [
    'freshness_seconds',
    'Age of the oldest event not yet in the tables; 0 when none waits.',
    (s) => s.readings.freshnessSeconds,
  ],
  ['dedupe_ids', 'Event ids in the dedupe memory.', (s) => s.readings.dedupeIds],
  ['dedupe_bytes', 'Size of the dedupe memory.', (s) => s.readings.dedupeBytes],
  [
    'dedupe_horizon_true_seconds',
    'How far back a repeat is certain to be recognised.',
    (s) => s.readings.dedupeHorizonTrueSeconds,
  ],
  [
    'dedupe_horizon_seconds',
    'The configured dedupe horizon.',
    (s) => s.readings.dedupeHorizonSeconds,
  ],
  ['resident_bytes', 'Resident memory of the process.', (s) => s.memory.rssBytes],
  ['heap_bytes', 'JavaScript heap in use, main thread.', (s) => s.memory.heapBytes],
  [
    'external_bytes',
    'Buffers and WASM memory outside the heap, main thread.',
    (s) => s.memory.externalBytes,
  ],
  ['live_files', 'Data files of the current snapshot.', (s) => s.readings.liveFiles, 'table'],
  [
    'job_running',
    'Whether the job runs on the cluster; no sample where the cluster does not answer.',
    (s) => jobRunning(s.readings.job),
  ],
  [
    'job_info',
    'Id and state of the job on the cluster.',
    ({ readings: { job } }) => (job ? [[{ id: job.id, state: job.state }, 1]] : []),
    'id',
    'state',
  ],
  [
    'job_checkpoint_age_seconds',
    'Time since the last completed checkpoint.',
    (s) => s.readings.job?.lastCheckpoint?.ageSeconds,
  ],
  [
    'job_checkpoint_duration_seconds',
    'Duration of the last completed checkpoint.',
    (s) => secondsOf(s.readings.job?.lastCheckpoint?.durationMs),
  ],
  [
    'job_checkpoint_bytes',
    'Size of the whole state in the last completed checkpoint.',
    (s) => s.readings.job?.lastCheckpoint?.bytes,
  ],
  [
    'job_watermark_lag_seconds',
    'How far the watermark of the windows is behind the clock.',
    (s) => s.readings.job?.watermarkLagSeconds,
  ],
  [
    'windows_closed',
    'Windows of campaigns in campaign_metrics.',
    (s) => s.readings.windows?.closed,
  ],
  [
    'windows_open',
    'Windows of campaigns that have events and have not closed.',
    (s) => s.readings.windows?.open?.windows,
  ],
  [
    'events_in_open_windows',
    'Events in the raw table whose windows have not closed.',
    (s) => s.readings.windows?.open?.events,
  ],
]

function jobRunning(job: JobReadings | null | undefined): number | undefined {
  return job === undefined ? undefined : Number(job?.state === 'RUNNING')
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

/** Opens the meter of one process. It holds no resource and needs no closing. */
export function openMeter(options: MeterOptions): Meter {
  const registry = new Registry()
  const collect: CollectCounts = {
    ...{ accepted: 0, bodyBytes: 0, inflatedBytes: 0, heldBytes: 0, heldReadBytes: 0 },
    clicksUnstored: 0,
    ...{ rejected: {}, eventAnswers: {}, otherAnswers: {} },
  }
  let sources: Sources | undefined
  const current = (): Sources => {
    if (sources === undefined) throw new TypeError('the registry is scraped through text() only')
    return sources
  }

  for (const series of COUNTERS) {
    new Counter({
      ...metricOf(registry, series),
      collect() {
        const samples = samplesOf(series, current())
        this.reset()
        // Without labels, what was reset is 0.
        if (samples.length === 0) this.remove({})
        for (const [labels, value] of samples) this.inc(labels, value ?? 0)
      },
    })
  }
  for (const series of GAUGES) {
    new Gauge({
      ...metricOf(registry, series),
      collect() {
        const samples = samplesOf(series, current())
        this.reset()
        if (samples.length === 0) this.remove({})
        for (const [labels, value] of samples) this.set(labels, value ?? NaN)
      },
    })
  }

  return {
    collect,
    requestSeconds: openHistogram(registry, {
      name: `${PREFIX}event_request_duration_seconds`,
      help: 'POST /v1/events, from the head of the request to its answer.',
      bounds: REQUEST_BOUNDS_SECONDS,
    }),
    commitSeconds: openHistogram(registry, {
      name: `${PREFIX}commit_duration_seconds`,
      help: 'One commit of both tables, from the first data file to the pointers.',
      bounds: COMMIT_BOUNDS_SECONDS,
    }),
    contentType: registry.contentType,
    text() {
      // One reading for the whole text, so that its numbers belong together.
      sources = { readings: options.readings(), memory: options.memory(), collect }
      return registry.metrics()
    },
  }
}

function metricOf(registry: Registry, [name, help, , ...labelNames]: Series) {
  return { name: PREFIX + name, help, labelNames, registers: [registry] }
}

function samplesOf([, , read, label]: Series, sources: Sources): readonly Sample[] {
  const values = read(sources)
  if (values === undefined) return []
  if (values === null || typeof values === 'number') return [[{}, values]]
  if (isSamples(values)) return values
  return Object.entries(values).map(([key, value]) => [{ [label ?? '']: key }, value])
}

function isSamples(values: object): values is readonly Sample[] {
  return Array.isArray(values)
}
