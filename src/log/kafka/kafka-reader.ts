/**
 * Reads a topic for the job: frames in the order of arrival, from all partitions, without control
 * batches and aborted records.
 */
import { strict as assert } from 'node:assert'
import type {
  EventReader,
  EventReaderOptions,
  KafkaPlace,
  LogExtent,
  ReadFrom,
} from '../event-log.ts'
import type { Frame } from '../frame.ts'
import { type Cluster, logIdOf, openCluster, requireTopic } from './cluster.ts'
import { retryFor } from './error.ts'
import { Fetcher } from './fetcher.ts'
import { Merge } from './merge.ts'
import { listExtents, listReadableEnds, sumOf } from './offsets.ts'
import { PartitionQueue } from './partition-queue.ts'
import { openPassedOver } from './passed-over.ts'

const OPEN_WAIT_MS = 30_000
/**
 * Frames that are in memory are given without a pause, so the thread's other work gets a turn this
 * often.
 */
const TURN_MS = 10

export type KafkaReaderOptions = Omit<EventReaderOptions, 'place'>

export async function openKafkaReader(
  place: KafkaPlace,
  options: KafkaReaderOptions,
): Promise<EventReader> {
  const opened = await retryFor(OPEN_WAIT_MS, () => openOnce(place))
  return kafkaReader(opened, options)
}

/** What the topic holds, read once, for a look from outside. */
export async function readExtent(place: KafkaPlace): Promise<LogExtent> {
  const { cluster, extent } = await openOnce(place)
  await cluster.close()
  return extent
}

/** `readable`: the ends that reading reaches now. */
type Opened = Readonly<{ cluster: Cluster; extent: LogExtent; readable: readonly number[] }>

async function openOnce(place: KafkaPlace): Promise<Opened> {
  const cluster = await openCluster(place)
  try {
    const view = cluster.view()
    const id = logIdOf(view, requireTopic(view, place))
    const readable = await listReadableEnds(cluster)
    const partitions = await listExtents(cluster)
    const held = partitions.reduce((sum, { start, end }) => sum + end - start, 0)
    return { cluster, extent: { id, start: 0, end: held, partitions }, readable }
  } catch (error) {
    await cluster.close()
    throw error
  }
}

function kafkaReader(
  { cluster, extent, readable }: Opened,
  { cursor, onStalled, steadyMs }: KafkaReaderOptions,
): EventReader {
  const passedOver = openPassedOver(cursor)
  const merge = new Merge()
  let fetcher: Fetcher | null = null
  let taken = 0
  let turnMs = steadyMs()
  let isClosed = false

  /** Counts the offsets read so far that hold no event. */
  function countPassedOver(): void {
    passedOver.set(sumOf(merge.offsets()) - taken)
  }

  return {
    extent: () => extent,
    begin(from: ReadFrom) {
      assert(fetcher === null && from.offsets !== null, 'reading begins once, at offsets')
      taken = from.nextOffset
      for (const [partition, offset] of from.offsets.entries()) {
        const end = readable[partition] ?? offset
        merge.add(new PartitionQueue(cluster.place.topic, partition, offset, end))
      }
      countPassedOver()
      fetcher = new Fetcher(cluster, merge, extent.id, { steadyMs, onStalled })
    },
    async next(fromOffset, waitMs): Promise<Frame | null> {
      assert(fetcher !== null && fromOffset === taken, 'a topic is read from where it was left')
      const untilMs = steadyMs() + waitMs
      if (steadyMs() - turnMs > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve))
        turnMs = steadyMs()
      }
      for (;;) {
        if (isClosed) return null
        const merged = merge.next(steadyMs())
        if (merged !== null) {
          fetcher.taken()
          // Heartbeats alone make no frame.
          if (merged.count === 0) continue
          const firstOffset = taken
          taken += merged.count
          countPassedOver()
          const { arrivalMs, ...rest } = merged
          return { firstOffset, arrivalUs: arrivalMs * 1000, ...rest }
        }
        if (fetcher.failure !== null) throw fetcher.failure
        countPassedOver()
        const leftMs = untilMs - steadyMs()
        if (leftMs <= 0) return null
        await fetcher.arrived.wait(leftMs)
        turnMs = steadyMs()
      }
    },
    end: () => taken + merge.queues.reduce((total, { end, position }) => total + end - position, 0),
    async close() {
      isClosed = true
      await fetcher?.close()
      await cluster.close()
    },
  }
}
