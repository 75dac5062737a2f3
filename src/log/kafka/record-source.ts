/**
 * Single records of the topic by their place, for a reader that knows only partition and offset.
 */
import type { KafkaPlace } from '../event-log.ts'
import { linesIn } from '../frame.ts'
import { openCluster, requireTopic } from './cluster.ts'
import { explainKafka } from './error.ts'
import { fetchBatches } from './fetch.ts'
import { type BatchLines, PartitionQueue } from './partition-queue.ts'

export type RecordPlace = Readonly<{ partition: number; offset: number }>

export type RecordSource = Readonly<{
  /** The value as it is in the topic; null where it is no longer there. Throws LogError. */
  read(place: RecordPlace): Promise<Uint8Array | null>
  close(): Promise<void>
}>

const FETCH = { waitMs: 1_000, bytesMax: 2 ** 20, partitionBytesMax: 2 ** 20 } as const
const OFFSET_OUT_OF_RANGE = 1

export async function openRecordSource(place: KafkaPlace): Promise<RecordSource> {
  const cluster = await openCluster(place)
  /** The batch that was read last, since neighbouring records are read one after the other. */
  let lastRead: { partition: number; values: ReadonlyMap<number, Uint8Array> } | null = null

  async function fetchAround({ partition, offset }: RecordPlace): Promise<void> {
    const topic = requireTopic(await cluster.refresh(), place)
    const connection = await cluster.to(topic.leaders[partition] ?? -1)
    const answer = await fetchBatches(connection, topic.id, [{ partition, offset }], FETCH)
    const [found] = answer.partitions
    const isGone = found === undefined || found.errorCode === OFFSET_OUT_OF_RANGE
    const errorCode = answer.errorCode || (isGone ? 0 : found.errorCode)
    if (errorCode !== 0) throw new Error(`error ${errorCode}`)
    const queue = new PartitionQueue(place.topic, partition, offset, offset)
    if (!isGone) queue.put(found)
    const lines = queue.take(offset)
    lastRead = { partition, values: lines === null ? new Map() : valuesOf(lines) }
  }

  return {
    async read(at) {
      const known = lastRead?.partition === at.partition && lastRead.values.get(at.offset)
      if (known) return known
      try {
        await fetchAround(at)
      } catch (error) {
        const what = `the record at offset ${at.offset} of partition ${at.partition} cannot be read`
        throw explainKafka(what, place, error)
      }
      return lastRead?.values.get(at.offset) ?? null
    },
    close: () => cluster.close(),
  }
}

function valuesOf(lines: BatchLines): Map<number, Uint8Array> {
  const { bytes, count, deltas, originals, baseOffset } = lines
  const values = [...linesIn(bytes, count)].map(
    (value, line) => [baseOffset + (deltas?.[line] ?? line), originals.get(line) ?? value] as const,
  )
  return new Map(values)
}
