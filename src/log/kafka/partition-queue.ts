/** What was fetched of one partition and not yet read: batches in their order, undone only when their turn comes. */
import { LogError } from '../error.ts'
import { openAbortedFilter } from './aborted.ts'
import { decompress } from './codec.ts'
import type { Fetched } from './fetch.ts'
import { type BatchFault, type RecordBatch, readBatch } from './record-batch.ts'
import { type RecordLines, recordLines } from './record-lines.ts'

/** The lines of one batch; the first line is the record at `firstOffset`, unless `deltas` say otherwise. */
export type BatchLines = RecordLines & Readonly<{ partition: number; baseOffset: number }>

export class PartitionQueue {
  readonly partition: number
  readonly #topic: string
  readonly #batches: RecordBatch[] = []
  #bytes = 0
  /** From where the next request asks. */
  #fetchOffset: number
  /** Up to where records can be read, as far as is known. */
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

  /** The first offset that was not taken and may hold an event. */
  get position(): number {
    return this.#batches[0]?.baseOffset ?? this.#fetchOffset
  }

  get end(): number {
    return Math.max(this.#end, this.#fetchOffset)
  }

  /** Of the batches, compressed. */
  get bytes(): number {
    return this.#bytes
  }

  /** Of the next batch; null when none is here. */
  get arrivalMs(): number | null {
    return this.#batches[0]?.maxTimestampMs ?? null
  }

  /** There are records, but none is here. */
  get isBehind(): boolean {
    return this.#batches.length === 0 && this.#fetchOffset < this.#end
  }

  /** Throws LogError `damaged`, `unsupported`, `topic-unfit`. */
  put({ records, aborted, lastStableOffset }: Fetched): void {
    this.#end = Math.max(this.#end, lastStableOffset)
    const holdsEvents = openAbortedFilter(aborted)
    let at = 0
    for (let next = readBatch(records, at); next !== null; next = readBatch(records, at)) {
      const batch = this.#sound(next)
      at += batch.sizeBytes
      const isNew = batch.endOffset > this.#fetchOffset
      if (holdsEvents(batch) && isNew && batch.recordCount > 0) {
        this.#requireArrival(batch)
        this.#batches.push(batch)
        this.#bytes += batch.sizeBytes
      }
      if (isNew) this.#fetchOffset = batch.endOffset
    }
  }

  /** The next batch undone; none may be left out. Throws LogError `damaged`. */
  take(from: number): BatchLines | null {
    const batch = this.#batches.shift()
    if (batch === undefined) return null
    this.#bytes -= batch.sizeBytes
    const { baseOffset, codec, recordCount } = batch
    const { partition } = this
    const lines = recordLines(this.#decompressed(codec, batch), recordCount)
    if (lines === null) throw this.#damaged('its records cannot be told apart', baseOffset)
    // A batch may begin before the offset that was asked for.
    return baseOffset >= from
      ? { ...lines, partition, baseOffset }
      : { ...linesFrom(lines, from - baseOffset), partition, baseOffset }
  }

  #decompressed(codec: number, { records, baseOffset }: RecordBatch): Buffer {
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
    const message =
      `kafka: partition ${this.partition} of ${this.#topic} holds message format ${batch.magic} at offset ` +
      `${this.#fetchOffset}; only format 2 is read (Kafka 0.11 and later write it). Make a topic anew and copy the events into it.`
    throw new LogError('unsupported', message, { partition: this.partition, magic: batch.magic })
  }

  #requireArrival({ isLogAppendTime, baseOffset }: RecordBatch): void {
    if (isLogAppendTime) return
    const { partition } = this
    const message =
      `kafka: the record at offset ${baseOffset} of partition ${partition} carries its sender's time: ${this.#topic} was without ` +
      'message.timestamp.type=LogAppendTime. Make a topic anew (campaign-metrics setup) and copy the events into it.'
    throw new LogError('topic-unfit', message, { partition, offset: baseOffset })
  }

  #damaged(what: string, offset: number, cause?: unknown): LogError {
    const { partition } = this
    const message =
      `kafka: the batch at offset ${offset} of partition ${partition} of ${this.#topic} is damaged: ${what}. ` +
      'Nothing was skipped. Look at the disks of the brokers, and restore the partition from a replica.'
    return new LogError('damaged', message, { partition, offset }, cause)
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
