/** A topic of Kafka as the log: what the collector writes to. */
import { strict as assert } from 'node:assert'
import { LogError } from '../error.ts'
import type { EventLog, KafkaPlace } from '../event-log.ts'
import { joined, piecesOf } from '../group.ts'
import { type Cluster, logIdOf, openCluster, requireTopic } from './cluster.ts'
import { retryFor } from './error.ts'
import { listEnds, listReadableEnds, listStarts, sumOf } from './offsets.ts'
import { askTransactionOwner, watchOpenTransactions } from './open-transactions.ts'
import { newPassedOverMemory, openPassedOver } from './passed-over.ts'
import { Sender } from './sender.ts'
import { readTopicChange, requireFit } from './topic.ts'

/** Limit of records that wait for the broker; more are refused with `busy`. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024
/** How long to wait for the brokers at the start. */
const OPEN_WAIT_MS = 30_000
const REFRESH_INTERVAL_MS = 1_000
/** Every fifth refresh of the offsets refreshes the metadata of the topic too. */
const REFRESHES_PER_METADATA = 5

export type KafkaLogOptions = Readonly<{
  nowUs: () => number
  /** A clock that never steps back. */
  steadyMs: () => number
}>

export function openKafkaLog(place: KafkaPlace, options: KafkaLogOptions): Promise<EventLog> {
  return retryFor(OPEN_WAIT_MS, () => openOnce(place, options))
}

async function openOnce(place: KafkaPlace, options: KafkaLogOptions): Promise<EventLog> {
  const cluster = await openCluster(place)
  try {
    const view = cluster.view()
    const id = logIdOf(view, requireTopic(view, place))
    await requireFit(cluster)
    const [starts, ends] = await Promise.all([listStarts(cluster), listEnds(cluster)])
    return kafkaLog(cluster, id, options, [...starts], [...ends])
  } catch (error) {
    await cluster.close()
    throw error
  }
}

function kafkaLog(
  cluster: Cluster,
  id: string,
  options: KafkaLogOptions,
  starts: number[],
  ends: number[],
): EventLog {
  const cursor = newPassedOverMemory()
  const passedOver = openPassedOver(cursor)
  const counts = { appends: 0, groups: 0, lines: 0, bytes: 0, commitUs: 0 }
  const sender = new Sender(cluster, {
    steadyMs: options.steadyMs,
    onAppended(partition, endOffset, records, durationMs) {
      ends[partition] = Math.max(ends[partition] ?? 0, endOffset)
      counts.groups += 1
      counts.lines += records
      counts.commitUs += Math.round(durationMs * 1000)
    },
  })
  const transactions = watchOpenTransactions({
    topic: cluster.place.topic,
    brokers: cluster.place.brokers,
    nowMs: () => options.nowUs() / 1000,
    steadyMs: options.steadyMs,
    ask: (blocked) => askTransactionOwner(cluster, blocked),
  })
  let isClosed = false
  let changed: string | null = null
  let refreshes = 0
  let refreshing: Promise<void> | null = null

  /**
   * Finds what others have written and what retention has removed. What fails now is asked again.
   */
  async function refresh(): Promise<void> {
    refreshes += 1
    if (refreshes % REFRESHES_PER_METADATA === 0) {
      await sender.refreshTopic()
      changed = await readTopicChange(cluster)
      if (changed === null) sender.topicFits()
    }
    // In this order, so that what is written between the two answers is not taken for unreadable.
    const written = await listEnds(cluster)
    const readable = await listReadableEnds(cluster)
    for (const [partition, end] of written.entries()) {
      ends[partition] = Math.max(ends[partition] ?? 0, end)
    }
    await transactions.update(written, readable)
    for (const [partition, start] of (await listStarts(cluster)).entries())
      starts[partition] = start
  }
  const timer = setInterval(() => {
    const done = () => {
      refreshing = null
    }
    refreshing ??= refresh().then(done, done)
  }, REFRESH_INTERVAL_MS)
  timer.unref()

  return {
    id,
    cursor,
    stampUs: () => Math.floor(options.nowUs()),
    async append(lines, count, arrivalUs) {
      const bytes = joined(piecesOf(lines))
      assert(count > 0 && bytes.length > 0, 'an append holds lines')
      if (isClosed) throw new LogError('closed', {})
      const { waitingBytes } = sender
      if (waitingBytes > 0 && waitingBytes + bytes.length > WAITING_BYTES_MAX) {
        throw new LogError('busy', { waitingBytes, waitingBytesMax: WAITING_BYTES_MAX })
      }
      await sender.append(bytes, Math.floor(arrivalUs / 1000))
      counts.appends += 1
      counts.bytes += bytes.length
    },
    start: () => Math.max(0, sumOf(starts) - passedOver.get()),
    end: () => sumOf(ends) - passedOver.get(),
    // Kafka's own retention decides.
    trim: () => Promise.resolve(),
    stats: () => ({
      ...counts,
      waitingBytes: sender.waitingBytes,
      full: sender.outage,
      failed: sender.failure,
      unreadable: transactions.problem(),
      changed,
    }),
    async close() {
      isClosed = true
      clearInterval(timer)
      await sender.close()
      await refreshing
      await cluster.close()
    },
  }
}
