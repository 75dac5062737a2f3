/**
 * The request that appends batches, version 9, and its answer.
 *
 *   request   transactional id COMPACT_NULLABLE_STRING │ acks i16 │ timeout i32 │ [topics] │ tags
 *     topic     name COMPACT_STRING │ [partitions] │ tags
 *     partition   index i32 │ records COMPACT_BYTES: one batch │ tags
 *
 *   answer    [topics] │ throttle i32 │ tags
 *     topic     name COMPACT_STRING │ [partitions] │ tags
 *     partition   index i32 │ error i16 │ base offset i64 │ log append time i64
 *                 │ log start offset i64 │ [index i32 │ message COMPACT_NULLABLE_STRING │ tags]
 *                 │ message COMPACT_NULLABLE_STRING │ tags
 */
import { type Connection, type Reader, Writer } from '@platformatic/kafka'
import { send } from './cluster.ts'
import { VERSIONS } from './connections.ts'

const ACKS_ALL = -1

type PartitionBatch = Readonly<{ partition: number; batch: readonly Buffer[] }>

export type Produced = Readonly<{
  partition: number
  errorCode: number
  /** Of the first record. */
  baseOffset: number
  /** -1 where the topic keeps the sender's times. */
  logAppendTimeMs: number
  message: string | null
}>

export function produce(
  connection: Connection,
  topic: string,
  batches: readonly PartitionBatch[],
  timeoutMs: number,
): Promise<readonly Produced[]> {
  const request = Writer.create()
    .appendString(null)
    .appendInt16(ACKS_ALL)
    .appendInt32(timeoutMs)
    .appendArray([topic], (topicWriter, name) => {
      topicWriter.appendString(name).appendArray([...batches], (writer, { partition, batch }) => {
        const bytes = batch.reduce((sum, piece) => sum + piece.length, 0)
        writer.appendInt32(partition).appendUnsignedVarInt(bytes + 1)
        for (const piece of batch) writer.append(piece)
      })
    })
    .appendTaggedFields()
  return send(connection, VERSIONS.produce, request, readAnswer)
}

function readAnswer(reader: Reader): readonly Produced[] {
  const topics = reader.readArray((topic) => {
    topic.readString()
    return topic.readArray(readPartition)
  })
  return topics.flat()
}

function readPartition(reader: Reader): Produced {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  const baseOffset = Number(reader.readInt64())
  const logAppendTimeMs = Number(reader.readInt64())
  reader.readInt64()
  reader.readArray((one) => {
    one.readInt32()
    one.readNullableString()
  })
  return { partition, errorCode, baseOffset, logAppendTimeMs, message: reader.readNullableString() }
}
