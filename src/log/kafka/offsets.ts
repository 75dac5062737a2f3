/** Where the partitions of the topic begin and end. */
import { listOffsetsV7 } from '@platformatic/kafka'
import type { Cluster } from './cluster.ts'
import { explainKafka } from './error.ts'

/** Kafka's timestamps for the first offset still there and for the offset after the last one. */
const EARLIEST = -2n
const LATEST = -1n
/** 0: after the last record written; 1: before the first record of an open transaction. */
const ISOLATION = { written: 0, committed: 1 } as const

type PartitionExtent = Readonly<{ start: number; end: number }>

/** By partition. Throws LogError `unavailable`, `denied`. */
export async function listExtents(cluster: Cluster): Promise<readonly PartitionExtent[]> {
  const [starts, ends] = await Promise.all([
    listOffsets(cluster, EARLIEST, 'written'),
    listOffsets(cluster, LATEST, 'written'),
  ])
  return starts.map((start, partition) => ({ start, end: ends[partition] ?? start }))
}

export function listEnds(cluster: Cluster): Promise<readonly number[]> {
  return listOffsets(cluster, LATEST, 'written')
}

/**
 * The ends that a reader of committed records reaches: before the first record of a transaction
 * that is open.
 */
export function listReadableEnds(cluster: Cluster): Promise<readonly number[]> {
  return listOffsets(cluster, LATEST, 'committed')
}

export function listStarts(cluster: Cluster): Promise<readonly number[]> {
  return listOffsets(cluster, EARLIEST, 'written')
}

/**
 * The first offset that reached the topic at a time (milliseconds since the epoch) or later; -1
 * where none did.
 */
export function listOffsetsAt(cluster: Cluster, ms: number): Promise<readonly number[]> {
  return listOffsets(cluster, BigInt(Math.ceil(ms)), 'committed')
}

async function listOffsets(
  cluster: Cluster,
  timestamp: bigint,
  isolation: keyof typeof ISOLATION,
): Promise<readonly number[]> {
  const leaders = cluster.view().topic?.leaders ?? []
  const offsets = new Array<number>(leaders.length).fill(0)
  try {
    for (const [node, partitions] of partitionsByLeader(leaders)) {
      const connection = await cluster.to(node)
      const answer = await listOffsetsV7.api.async(connection, -1, ISOLATION[isolation], [
        {
          name: cluster.place.topic,
          partitions: partitions.map((partitionIndex) => ({
            partitionIndex,
            currentLeaderEpoch: -1,
            timestamp,
          })),
        },
      ])
      for (const { partitionIndex, offset } of answer.topics[0]?.partitions ?? []) {
        offsets[partitionIndex] = Number(offset)
      }
    }
  } catch (error) {
    throw explainKafka(`the offsets of ${cluster.place.topic} cannot be read`, cluster.place, error)
  }
  return offsets
}

export function partitionsByLeader(leaders: readonly number[]): Map<number, number[]> {
  return Map.groupBy(leaders.keys(), (partition) => leaders[partition] ?? -1)
}

/** Over the partitions. */
export function sumOf(offsets: readonly number[]): number {
  return offsets.reduce((total, offset) => total + offset, 0)
}
