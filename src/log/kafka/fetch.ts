/**
 * The request for whole record batches, version 13, and its answer, whose records stay bytes.
 *
 *   answer    throttle i32 │ error i16 │ session i32 │ [topics] │ tags
 *     topic     id UUID │ [partitions] │ tags
 *     partition   index i32 │ error i16 │ high watermark i64 │ last stable offset i64
 *                 │ log start offset i64
 *                 │ [producer id i64 │ first offset i64 │ tags] aborted transactions, nullable
 *                 │ preferred replica i32 │ records COMPACT_BYTES, nullable │ tags
 */
import { type Connection, fetchV13, type Reader } from '@platformatic/kafka'
import { send } from './cluster.ts'
import { VERSIONS } from './connections.ts'

/** The broker then also names the aborted transactions: see partition-queue.ts. */
const READ_COMMITTED = 1
const MIN_BYTES = 1
const NO_SESSION = { id: 0, epoch: -1 } as const

export type Wanted = Readonly<{ partition: number; offset: number }>

export type AbortedTransaction = Readonly<{ producerId: bigint; firstOffset: number }>

export type Fetched = Readonly<{
  partition: number
  errorCode: number
  /** A reader of committed records may read up to here; -1 with an error. */
  lastStableOffset: number
  aborted: readonly AbortedTransaction[]
  /** Batches one after the other; the last may be cut short. The memory is the caller's own. */
  records: Buffer
}>

type FetchLimits = Readonly<{ waitMs: number; bytesMax: number; partitionBytesMax: number }>

/**
 * The answer of one broker, about partitions it leads; `errorCode` 0 unless the whole request
 * failed.
 */
export function fetchBatches(
  connection: Connection,
  topicId: string,
  wanted: readonly Wanted[],
  limits: FetchLimits,
): Promise<Readonly<{ errorCode: number; partitions: readonly Fetched[] }>> {
  const partitions = wanted.map(({ partition, offset }) => ({
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: limits.partitionBytesMax,
  }))
  const request = fetchV13.createRequest(
    limits.waitMs,
    MIN_BYTES,
    limits.bytesMax,
    READ_COMMITTED,
    NO_SESSION.id,
    NO_SESSION.epoch,
    [{ topicId, partitions }],
    [],
    '',
  )
  return send(connection, VERSIONS.fetch, request, readAnswer)
}

function readAnswer(reader: Reader) {
  reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt32()
  const topics = reader.readArray((topic) => {
    topic.readUUID()
    return topic.readArray(readPartition)
  })
  return { errorCode, partitions: topics.flat() }
}

function readPartition(reader: Reader): Fetched {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt64()
  const lastStableOffset = Number(reader.readInt64())
  reader.readInt64()
  const aborted =
    reader.readNullableArray((one) => ({
      producerId: one.readInt64(),
      firstOffset: Number(one.readInt64()),
    })) ?? []
  reader.readInt32()
  // COMPACT_BYTES stores the length plus one, and 0 for null.
  const bytes = Math.max(0, reader.readUnsignedVarInt() - 1)
  const records = reader.buffer.slice(reader.position, reader.position + bytes)
  reader.skip(bytes)
  return { partition, errorCode, lastStableOffset, aborted, records }
}
