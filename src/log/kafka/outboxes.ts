/**
 * What waits for Kafka: for each partition a queue of batches, the last of which still gathers
 * records.
 */

import { OutgoingBatch, type PendingAppend } from './outgoing-batch.ts'
import { partitionOf, visitLines } from './partitioner.ts'

/** Of records before compression: below what a topic takes in one batch by default (1 MiB). */
export const BATCH_BYTES_MAX: number = 512 * 1024

export class Outboxes {
  readonly #queues = new Map<number, OutgoingBatch[]>()
  /** Batches that were given to the sender: no record joins them any more. */
  readonly #sealed = new Set<OutgoingBatch>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** Copies `count` lines into the batches of their partitions. */
  add(
    lines: Buffer,
    append: PendingAppend,
    to: Readonly<{ partitions: number; deadlineMs: number; timestampMs: number }>,
  ): void {
    visitLines(lines, (start, end, key, idStart, idEnd) => {
      const partition = partitionOf(key, idStart, idEnd, to.partitions)
      const batch = this.#gathering(partition, to.deadlineMs, to.timestampMs)
      const before = batch.records.length
      batch.records.add(key, idStart, idEnd, lines, start, end)
      this.#bytes += batch.records.length - before
      batch.join(append)
    })
  }

  /** Partitions with batches that wait. */
  partitions(): readonly number[] {
    return [...this.#queues.keys()]
  }

  /** The batch that goes to this partition next, sealed: the same one until it is removed. */
  first(partition: number): OutgoingBatch | null {
    const batch = this.#queues.get(partition)?.[0]
    if (batch === undefined) return null
    this.#sealed.add(batch)
    return batch
  }

  remove(batch: OutgoingBatch): void {
    const queue = this.#queues.get(batch.partition) ?? []
    const at = queue.indexOf(batch)
    if (at === -1) return
    queue.splice(at, 1)
    if (queue.length === 0) this.#queues.delete(batch.partition)
    this.#sealed.delete(batch)
    this.#bytes -= batch.records.length
  }

  all(): readonly OutgoingBatch[] {
    return [...this.#queues.values()].flat()
  }

  #gathering(partition: number, deadlineMs: number, timestampMs: number): OutgoingBatch {
    const queue = this.#queues.get(partition) ?? []
    const last = queue.at(-1)
    if (last !== undefined && !this.#sealed.has(last) && last.records.length < BATCH_BYTES_MAX) {
      return last
    }
    const batch = new OutgoingBatch(partition, deadlineMs, timestampMs)
    queue.push(batch)
    this.#queues.set(partition, queue)
    return batch
  }
}
