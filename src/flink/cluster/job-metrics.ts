/**
 * What the JobManager tells about a job for people to watch: restarts, checkpoints, the watermark
 * of the windows, and how many event ids are remembered.
 *
 *     GET /jobs/J/checkpoints                          counts, and the last one completed
 *     GET /jobs/J                                      its vertices, and since when it runs
 *     GET /jobs/J/metrics?get=numRestarts,uptime
 *     GET /jobs/J/vertices/V/subtasks/metrics          their names; asked until all is found
 *     GET /jobs/J/vertices/V/subtasks/metrics?get=…    the watermark, and the ids
 *
 * A figure is absent where its request fails or its operator does not run: figures end nothing, and
 * none is made up.
 *
 * What comes from `metrics` is a copy, which the JobManager fetches from all task managers at once,
 * and not again before all have answered. For one that died while it was being asked it waits for
 * `web.timeout`, ten minutes by default, and goes on telling what it had. The job's uptime shows
 * how old the copy is, and figures of an old one are absent as well.
 */
import type { ClusterJobFigures } from '../../job.ts'
import { type Answer, askFlink, objectIn, objectsIn } from './rest.ts'

export type JobMetrics = Omit<ClusterJobFigures, 'id' | 'state'>

/** It remembers where a job has its metrics, so that reading them again is cheap. */
export type JobMetricsReader = Readonly<{ read(jobId: string): Promise<JobMetrics> }>

/** Where a metric of one operator is. */
type Place = Readonly<{ vertex: string; metric: string }>
type Places = Readonly<{ jobId: string; watermark: Place | null; ids: Place | null }>

const TIMEOUT_MS = 5_000
/** What is not there, such as ids where the state is in the heap, is looked for less often. */
const SEARCH_EVERY = 6
/** Of the operator that closes windows; the one before it only adds up what it has. */
const WATERMARK_METRIC = /^(?:Global)?WindowAggregate\[\d+\]\.currentInputWatermark$/
/** Of the state in which the deduplication keeps ids; only RocksDB has it. */
const IDS_METRIC = /^Deduplicate\[\d+\]\.deduplicate-state\.rocksdb_estimate-num-keys$/
/** The copy is renewed every ten seconds, once somebody has asked. */
const AGE_MS_MAX = 60_000
/** An operator that no event has reached yet has the smallest number of 64 bits. */
const NO_WATERMARK_MS = -8.64e15

/** `url`: of the JobManager's REST interface. */
export function openJobMetrics(url: string): JobMetricsReader {
  let places: Places | null = null
  let readings = 0

  async function find(jobId: string, job: Answer): Promise<Places> {
    const isKnown = places?.jobId === jobId
    const isWhole = places?.watermark != null && places.ids !== null
    if (places === null || !isKnown || (!isWhole && readings % SEARCH_EVERY === 0)) {
      places = await findPlaces(url, jobId, job)
    }
    readings++
    return places
  }

  return {
    async read(jobId) {
      const [checkpoints, job, metrics] = await Promise.all([
        ask(url, `/jobs/${jobId}/checkpoints`),
        ask(url, `/jobs/${jobId}`),
        askList(url, `/jobs/${jobId}/metrics?get=numRestarts,uptime`),
      ])
      const figureOf = (name: string): number | null =>
        numberOf(metrics.find(({ id }) => id === name)?.value)
      if (isOld(job, figureOf('uptime'))) return checkpointsIn(checkpoints)
      const found = await find(jobId, job)
      const [watermarkMs, ids] = await Promise.all([
        readMetric(url, jobId, found.watermark, 'min'),
        readMetric(url, jobId, found.ids, 'sum'),
      ])
      const restarts = figureOf('numRestarts')
      return {
        ...(restarts === null ? {} : { restarts }),
        ...checkpointsIn(checkpoints),
        ...(watermarkMs === null || watermarkMs < NO_WATERMARK_MS
          ? {}
          : { watermarkUs: watermarkMs * 1000 }),
        ...(ids === null ? {} : { ids }),
      }
    },
  }
}

function checkpointsIn(answer: Answer): Pick<JobMetrics, 'checkpoints' | 'lastCheckpoint'> {
  const counts = objectIn(answer, 'counts')
  const [completed, failed] = [numberOf(counts.completed), numberOf(counts.failed)]
  const last = objectIn(objectIn(answer, 'latest'), 'completed')
  const id = numberOf(last.id)
  const completedMs = numberOf(last.latest_ack_timestamp)
  const durationMs = numberOf(last.end_to_end_duration)
  const bytes = numberOf(last.state_size)
  const isWhole = id !== null && completedMs !== null && durationMs !== null && bytes !== null
  return {
    ...(completed === null || failed === null ? {} : { checkpoints: { completed, failed } }),
    ...(isWhole
      ? { lastCheckpoint: { id, completedUs: completedMs * 1000, durationMs, bytes } }
      : {}),
  }
}

/**
 * Whether the copy is of an earlier time, or of an earlier attempt of the job. What does not tell is
 * taken for a new one.
 */
function isOld(job: Answer, uptimeMs: number | null): boolean {
  const nowMs = numberOf(job.now)
  const runningSinceMs = numberOf(objectIn(job, 'timestamps').RUNNING)
  if (job.state !== 'RUNNING' || nowMs === null || runningSinceMs === null) return false
  return uptimeMs !== null && Math.abs(nowMs - runningSinceMs - uptimeMs) > AGE_MS_MAX
}

async function findPlaces(url: string, jobId: string, job: Answer): Promise<Places> {
  const ids = objectsIn(job, 'vertices').flatMap(({ id }) => (typeof id === 'string' ? [id] : []))
  const named = await Promise.all(
    ids.map(async (vertex) => {
      const metrics = await askList(url, metricsPath(jobId, vertex))
      return metrics.map(({ id }): Place => ({ vertex, metric: String(id) }))
    }),
  )
  const all = named.flat()
  const findOne = (pattern: RegExp): Place | null =>
    all.find(({ metric }) => pattern.test(metric)) ?? null
  return { jobId, watermark: findOne(WATERMARK_METRIC), ids: findOne(IDS_METRIC) }
}

/** Over all of its subtasks. */
async function readMetric(
  url: string,
  jobId: string,
  place: Place | null,
  aggregation: 'min' | 'sum',
): Promise<number | null> {
  if (place === null) return null
  const asked = `?get=${encodeURIComponent(place.metric)}&agg=${aggregation}`
  const [found] = await askList(url, `${metricsPath(jobId, place.vertex)}${asked}`)
  return numberOf(found?.[aggregation])
}

function metricsPath(jobId: string, vertex: string): string {
  return `/jobs/${jobId}/vertices/${vertex}/subtasks/metrics`
}

async function ask(url: string, path: string): Promise<Answer> {
  return await askFlink(url, path, { timeoutMs: TIMEOUT_MS }).catch(() => ({}))
}

async function askList(url: string, path: string): Promise<readonly Answer[]> {
  const options = { timeoutMs: TIMEOUT_MS, isList: true }
  const answer = await askFlink(url, path, options).catch(() => ({}))
  return objectsIn(answer, 'list')
}

/** Metrics come as texts, fields of other answers as numbers. */
function numberOf(value: unknown): number | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const number = Number(value)
  return value === '' || !Number.isFinite(number) ? null : number
}
