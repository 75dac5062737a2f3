/**
 * What was fetched of one partition and not yet read: batches in their order, each decompressed
 * when its turn comes. Batches of aborted transactions are left out.
 */
import { damaged, LogError } from '../error.ts'
import { openAbortedFilter } from './aborted-filter.ts'
import type { Fetched } from './fetch.ts'
import { type BatchFault, decompress, type RecordBatch, readBatch } from './record-batch.ts'
import { type RecordLines, recordLines } from './record-lines.ts'

/**
 * The lines of one batch; the first line is the record at `firstOffset`, unless `deltas` say
 * otherwise.
 */
export type BatchLines = RecordLines &
  Readonly<{ partition: number; baseOffset: number; hasSenderTime: boolean }>

/** `arrivalMs`: by the broker's clock. */
type Waiting = Readonly<{ batch: RecordBatch; arrivalMs: number }>

export class PartitionQueue {
  readonly partition: number
  readonly #topic: string
  readonly #batches: Waiting[] = []
  #bytes = 0
  /** The offset at which the next request begins. */
  #fetchOffset: number
  /** Of the last batch that the broker dated. */
  #arrivalMs = 0
  /** The known end of the records that can be read. */
  #end: number

  constructor(topic: string, partition: number, offset: number, end: number) {
    this.#topic = topic
    this.partition = partition
    this.#fetchOffset = offset
    this.#end = end
  }

  get fetchOffset(): number {
    return this.#fetchOffset
  }

  /** The first offset not taken yet that may hold an event. */
  get position(): number {
    return this.#batches[0]?.batch.baseOffset ?? this.#fetchOffset
  }

  get end(): number {
    return Math.max(this.#end, this.#fetchOffset)
  }

  /** Of the batches, compressed. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Of the next batch; null when none was fetched. A batch with its sender's time has that of the
   * one before it: what a sender says must not decide the order.
   */
  get arrivalMs(): number | null {
    return this.#batches[0]?.arrivalMs ?? null
  }

  /** Of the next batch. */
  get hasSenderTime(): boolean {
    return this.#batches[0]?.batch.isLogAppendTime === false
  }

  /** There are records, but none was fetched yet. */
  get isBehind(): boolean {
    return this.#batches.length === 0 && this.#fetchOffset < this.#end
  }

  /** Throws LogError `damaged`, `unsupported`. */
  put({ records, aborted, lastStableOffset }: Fetched): void {
    this.#end = Math.max(this.#end, lastStableOffset)
    const holdsEvents = openAbortedFilter(aborted)
    let at = 0
    for (let next = readBatch(records, at); next !== null; next = readBatch(records, at)) {
      const batch = this.#sound(next)
      at += batch.sizeBytes
      const isNew = batch.endOffset > this.#fetchOffset
      if (holdsEvents(batch) && isNew && batch.recordCount > 0) {
        if (batch.isLogAppendTime) this.#arrivalMs = batch.maxTimestampMs
        this.#batches.push({ batch, arrivalMs: this.#arrivalMs })
        this.#bytes += batch.sizeBytes
      }
      if (isNew) this.#fetchOffset = batch.endOffset
    }
  }

  /**
   * The lines of the next batch. Batches are taken in order, without gaps. Throws LogError
   * `damaged`.
   */
  take(from: number): BatchLines | null {
    const batch = this.#batches.shift()?.batch
    if (batch === undefined) return null
    this.#bytes -= batch.sizeBytes
    const { baseOffset, recordCount } = batch
    const lines = recordLines(this.#decompressed(batch), recordCount)
    if (lines === null) throw this.#damaged('its records cannot be told apart', baseOffset)
    // A batch may begin before the offset that was asked for.
    const wanted = baseOffset >= from ? lines : linesFrom(lines, from - baseOffset)
    const hasSenderTime = !batch.isLogAppendTime
    return { ...wanted, partition: this.partition, baseOffset, hasSenderTime }
  }

  #decompressed({ codec, records, baseOffset }: RecordBatch): Buffer {
    try {
      const decompressed = decompress(codec, records)
      if (decompressed !== null) return decompressed
    } catch (cause) {
      throw this.#damaged('it cannot be decompressed', baseOffset, cause)
    }
    throw this.#damaged(`its codec ${codec} is not known`, baseOffset)
  }

  #sound(batch: RecordBatch | BatchFault): RecordBatch {
    if (typeof batch === 'string') throw this.#damaged(batch, this.#fetchOffset)
    if (!('magic' in batch)) return batch
    const { partition } = this
    const { magic } = batch
    const what =
      `partition ${partition} of ${this.#topic} holds message format ${magic} at offset ` +
      `${this.#fetchOffset}; only format 2 is read (Kafka 0.11 and later write it)`
    const todo = 'Make a new topic and copy the events into it.'
    throw new LogError('unsupported', { what, todo, partition, magic })
  }

  #damaged(what: string, offset: number, cause?: unknown): LogError {
    return damaged(what, { topic: this.#topic, partition: this.partition, offset }, cause)
  }
}

/** Without the records below this delta. */
function linesFrom(lines: RecordLines, delta: number): RecordLines {
  const deltas = lines.deltas ?? [...Array(lines.count).keys()]
  const skipped = deltas.filter((one) => one < delta).length
  let start = 0
  for (let line = 0; line < skipped; line += 1) start = lines.bytes.indexOf(0x0a, start) + 1
  const originals = [...lines.originals].filter(([line]) => line >= skipped)
  return {
    bytes: lines.bytes.subarray(start),
    count: lines.count - skipped,
    deltas: deltas.slice(skipped),
    originals: new Map(originals.map(([line, bytes]) => [line - skipped, bytes])),
  }
}
