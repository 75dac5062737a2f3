/**
 * Writes heartbeats into the topic while it stands still and windows are open, and follows each
 * until it is known what it has closed. The leader does this, so that one process does.
 *
 * Where heartbeats cannot be written, windows wait for the next event, as they would without them:
 * that is reported, and everything else goes on.
 */
import {
  type HeartbeatWriter,
  type KafkaPlace,
  openHeartbeatWriter,
  readConsumerLag,
} from '../../log.ts'
import { pause, reasonOf } from '../../runtime.ts'
import { eventTimes, FLINK_SUMMARY_KEYS, newestWith, type TableView } from '../../table.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type FlinkCommit, flinkCommitIn } from '../supervision/recovery.ts'
import { closedUntilUs } from '../upkeep/amend-view.ts'
import type { ClaimFacts, DueFacts } from './heartbeat-plan.ts'
import {
  type HeartbeatRules,
  type HeartbeatState,
  isDue,
  NOTHING_KNOWN,
  noteFacts,
  noteFailed,
  noteLook,
  noteWritten,
} from './heartbeat-state.ts'

export type HeartbeatOptions = Readonly<{
  topic: KafkaPlace
  logId: string
  /** The consumer group whose offsets are those of Flink's checkpoints. */
  group: string
  cluster: Pick<Cluster, 'readAttempt'>
  /** Of the job that runs; null while none does. */
  jobId: () => string | null
  /** As they were read last. */
  tables: Readonly<{ events: TableView; metrics: TableView }>
  windowUs: number
  watermarkDelayMs: number
  idleTimeoutMs: number
  nowUs: () => number
  /** One sentence for the user. */
  onWarning: (text: string) => void
}>

export type Heartbeats = Readonly<{
  /** Windows that end until then are closed by a heartbeat; null while that is known of none. */
  closedUntilUs(): number | null
  /** Why none can be written; null when they can, as far as was tried. */
  notice(): string | null
  close(): Promise<void>
}>

const POLL_MS_MAX = 1_000
const FACTS_INTERVAL_US = 2_000_000
const US_PER_MS = 1_000

export function startHeartbeats(options: HeartbeatOptions): Heartbeats {
  const { tables, windowUs, nowUs } = options
  const rules: HeartbeatRules = {
    windowUs,
    watermarkDelayUs: options.watermarkDelayMs * US_PER_MS,
    idleTimeoutUs: options.idleTimeoutMs * US_PER_MS,
  }
  const stopping = new AbortController()
  let writer: HeartbeatWriter | null = null
  let state: HeartbeatState = NOTHING_KNOWN
  let askedUs = Number.NEGATIVE_INFINITY
  let notice: string | null = null
  const openState = memoized(tables, windowUs)

  async function round(): Promise<void> {
    const { topic, logId } = options
    writer ??= await openHeartbeatWriter(topic, logId, () => nowUs() / US_PER_MS)
    const ends = await writer.ends()
    const before = state.standing?.ends ?? null
    const areHeartbeats = before !== null && (await writer.areHeartbeats(before, ends))
    state = noteLook(state, { ends, areHeartbeats, nowUs: nowUs() })
    if (state.claims.length > 0 && nowUs() - askedUs >= FACTS_INTERVAL_US) {
      askedUs = nowUs()
      state = noteFacts(state, await askFacts(), rules)
    }
    if (isDue(state, openState(), nowUs(), rules)) await write(writer)
  }

  /** Not while the job does not run: nobody would read it, and its restart would void the claim. */
  async function write(to: HeartbeatWriter): Promise<void> {
    const jobId = options.jobId()
    const attempt = jobId === null ? null : await options.cluster.readAttempt(jobId)
    if (attempt === null) return
    const beganUs = nowUs()
    try {
      state = noteWritten(state, await to.write(), attempt, beganUs, rules)
      notice = null
    } catch (error) {
      state = noteFailed(state, beganUs)
      const what = 'while no events come, the last windows stay open until the next event'
      const why = `${what}: ${reasonOf(error)}`
      if (notice === null) options.onWarning(why)
      notice = why
    }
  }

  async function askFacts(): Promise<ClaimFacts> {
    const jobId = options.jobId()
    const attempt = jobId === null ? null : await options.cluster.readAttempt(jobId)
    const isRead = state.claims.every(({ stage }) => stage !== 'written')
    const lag = isRead ? null : await readConsumerLag(options.topic, options.group)
    return {
      nowMs: nowUs() / US_PER_MS,
      attempt,
      taken: lag?.partitions.map(({ committed }) => committed) ?? [],
      commits: [tables.events, tables.metrics].map(newestCommit),
    }
  }

  /** What cannot be asked now is asked again; that Kafka or Flink is away is reported by others. */
  async function run(): Promise<void> {
    const pollMs = Math.min(POLL_MS_MAX, options.idleTimeoutMs / 4)
    while (!stopping.signal.aborted) {
      try {
        await round()
      } catch {
        await writer?.close()
        writer = null
      }
      await pause(pollMs, stopping.signal)
    }
    await writer?.close()
  }

  const running = run()
  return {
    closedUntilUs: () => state.closedUs,
    notice: () => notice,
    async close() {
      stopping.abort()
      await running
    },
  }
}

type OpenState = Pick<DueFacts, 'events' | 'closedUntilUs'>

/** Looks at the files again only when a table has changed. */
function memoized(tables: HeartbeatOptions['tables'], windowUs: number): () => OpenState {
  let last: Readonly<{ key: string; state: OpenState }> | null = null
  return () => {
    const { events, metrics } = tables
    const key = `${events.snapshotId} ${metrics.snapshotId}`
    if (last?.key === key) return last.state
    let firstUs = Number.POSITIVE_INFINITY
    let lastUs = Number.NEGATIVE_INFINITY
    for (const file of events.files) {
      const times = eventTimes(file)
      firstUs = Math.min(firstUs, times.firstUs)
      if (Number.isFinite(times.lastUs)) lastUs = Math.max(lastUs, times.lastUs)
    }
    const state = {
      events: Number.isFinite(lastUs) ? { firstUs, lastUs } : null,
      closedUntilUs: closedUntilUs(metrics, windowUs),
    }
    last = { key, state }
    return state
  }
}

function newestCommit(view: TableView): FlinkCommit | null {
  const snapshot = newestWith(view, FLINK_SUMMARY_KEYS.checkpointId)
  return snapshot === null ? null : flinkCommitIn(snapshot.summary)
}
