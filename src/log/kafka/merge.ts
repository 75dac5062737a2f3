/**
 * Several partitions as one sequence of frames, in the order of arrival: a replay then decides
 * (duplicates, the horizon) nearly as the live run did. Order within a partition is always kept;
 * between partitions, as far as their batches have been fetched. A partition that is behind is
 * waited for, but not for long.
 */
import type { FrameOrigin } from '../frame.ts'
import { joined } from '../group.ts'
import type { BatchLines, PartitionQueue } from './partition-queue.ts'

/** A frame is one batch, or several of the same millisecond up to this size. */
const FRAME_BYTES_MAX = 512 * 1024
/** How long a partition that is behind is waited for. */
const WAIT_MS = 2_000

export type MergedBatches = Readonly<{
  arrivalMs: number
  count: number
  bytes: Uint8Array
  origin: FrameOrigin
  hasSenderTime: boolean
}>

export class Merge {
  /** By partition. */
  readonly queues: PartitionQueue[] = []
  /** Where reading began: a batch may begin before it. */
  readonly #from: number[] = []
  /** Since when a partition has been behind; absent for those that are not. */
  readonly #behindSinceMs = new Map<number, number>()

  add(queue: PartitionQueue): void {
    this.#from.push(queue.position)
    this.queues.push(queue)
  }

  offsets(): readonly number[] {
    return this.queues.map((queue) => queue.position)
  }

  /**
   * Null when nothing was fetched, or when a partition that is behind may have something older.
   * Throws what a queue throws.
   */
  next(nowMs: number): MergedBatches | null {
    let queue = this.#oldest(nowMs)
    const arrivalMs = queue?.arrivalMs ?? null
    if (queue === null || arrivalMs === null) return null
    const { hasSenderTime } = queue
    const taken: BatchLines[] = []
    let bytes = 0
    do {
      const lines = this.#take(queue)
      taken.push(lines)
      bytes += lines.bytes.length
      queue = this.#oldest(nowMs)
    } while (
      queue?.arrivalMs === arrivalMs &&
      queue.hasSenderTime === hasSenderTime &&
      bytes < FRAME_BYTES_MAX
    )
    return {
      arrivalMs,
      count: taken.reduce((sum, { count }) => sum + count, 0),
      bytes: joined(taken.map((lines) => lines.bytes)),
      origin: originOf(taken, this.offsets()),
      hasSenderTime,
    }
  }

  #take(queue: PartitionQueue): BatchLines {
    const lines = queue.take(this.#from[queue.partition] ?? 0)
    if (lines === null) throw new TypeError('a queue with an arrival has a batch')
    return lines
  }

  /** The queue whose batch came first; equal ones in the order of partitions. */
  #oldest(nowMs: number): PartitionQueue | null {
    let oldest: PartitionQueue | null = null
    let mayWait = false
    for (const queue of this.queues) {
      const { arrivalMs } = queue
      if (arrivalMs === null) {
        mayWait = this.#isWaitedFor(queue, nowMs) || mayWait
        continue
      }
      this.#behindSinceMs.delete(queue.partition)
      if (arrivalMs < (oldest?.arrivalMs ?? Number.POSITIVE_INFINITY)) oldest = queue
    }
    return mayWait ? null : oldest
  }

  #isWaitedFor({ partition, isBehind }: PartitionQueue, nowMs: number): boolean {
    if (!isBehind) {
      this.#behindSinceMs.delete(partition)
      return false
    }
    const sinceMs = this.#behindSinceMs.get(partition) ?? nowMs
    this.#behindSinceMs.set(partition, sinceMs)
    return nowMs - sinceMs < WAIT_MS
  }
}

function originOf(batches: readonly BatchLines[], offsets: readonly number[]): FrameOrigin {
  /** The batch of a line of the frame, and the line within it. */
  function find(line: number): { batch: BatchLines; within: number } {
    let within = line
    for (const batch of batches) {
      if (within < batch.count) return { batch, within }
      within -= batch.count
    }
    throw new RangeError(`the frame has no line ${line}`)
  }
  return {
    offsets,
    placeOf(line) {
      const { batch, within } = find(line)
      const { partition, baseOffset, deltas } = batch
      return { partition, offset: baseOffset + (deltas?.[within] ?? within) }
    },
    originalOf(line) {
      const { batch, within } = find(line)
      return batch.originals.get(within) ?? null
    },
  }
}
