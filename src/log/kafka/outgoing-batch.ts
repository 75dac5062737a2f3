/** One batch for a partition: its records, and the appends that wait for it. */
import { batchHeader, CODECS, compressLz4 } from './record-batch.ts'
import { RecordWriter } from './record-writer.ts'

/** Below this, compressing costs more than it saves. */
const COMPRESS_BYTES_MIN = 1024
/** After the last sequence, 2^31 - 1, comes 0. */
const SEQUENCES = 2 ** 31

/**
 * An append, which may be spread over many batches: resolved with the last of them, rejected with
 * the first that fails.
 */
export type PendingAppend = {
  batchesLeft: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The identity under which the broker recognises a batch that is sent again, with the next sequence
 * of each partition. They belong together: a sequence used twice under one id would be taken for a
 * repeat, and its records would be lost.
 */
export type Producer = Readonly<{ id: bigint; epoch: number; sequences: Map<number, number> }>

export class OutgoingBatch {
  readonly partition: number
  readonly deadlineMs: number
  readonly records: RecordWriter = new RecordWriter()
  #appends: PendingAppend[] = []
  #pieces: readonly Buffer[] | null = null
  readonly #timestampMs: number

  constructor(partition: number, deadlineMs: number, timestampMs: number) {
    this.partition = partition
    this.deadlineMs = deadlineMs
    this.#timestampMs = timestampMs
  }

  get isEncoded(): boolean {
    return this.#pieces !== null
  }

  /** The batch is answered before the append is. */
  join(append: PendingAppend): void {
    if (this.#appends.at(-1) === append) return
    this.#appends.push(append)
    append.batchesLeft += 1
  }

  /** The bytes to send: the same ones each time, so that the broker appends them once. */
  encoded(producer: Producer): readonly Buffer[] {
    this.#pieces ??= this.#encode(producer)
    return this.#pieces
  }

  /** To be called when the broker no longer knows the producer that the batch was encoded for. */
  forgetEncoding(): void {
    this.#pieces = null
  }

  resolve(): void {
    for (const append of this.#appends) {
      append.batchesLeft -= 1
      if (append.batchesLeft === 0) append.resolve()
    }
    this.#appends = []
  }

  reject(error: Error): void {
    for (const append of this.#appends) append.reject(error)
    this.#appends = []
  }

  #encode({ id, epoch, sequences }: Producer): readonly Buffer[] {
    const { bytes, count } = this.records
    const baseSequence = sequences.get(this.partition) ?? 0
    sequences.set(this.partition, (baseSequence + count) % SEQUENCES)
    const isLarge = bytes.length >= COMPRESS_BYTES_MIN
    const records = isLarge ? compressLz4(bytes) : bytes
    const head = {
      codec: isLarge ? CODECS.lz4 : CODECS.none,
      timestampMs: this.#timestampMs,
      producerId: id,
      producerEpoch: epoch,
      baseSequence,
      recordCount: count,
    }
    return [batchHeader(head, records), records]
  }
}
