/**
 * How far a consumer group lags behind the ends of the topic: for engines that keep their offsets
 * with Kafka, such as Flink.
 */
import {
  type Connection,
  findCoordinatorV4,
  offsetCommitV8,
  offsetFetchV8,
} from '@platformatic/kafka'
import type { KafkaPlace } from '../event-log.ts'
import { type Cluster, requireTopic, withCluster } from './cluster.ts'
import { explainKafka, retryFor } from './error.ts'
import { listEnds, listOffsetsAt, listStarts } from './offsets.ts'

const GROUP_KEY = 0
/** Of a commit by nobody in the group. */
const NO_GENERATION = -1
/** A new broker makes the topic of its groups when it is first asked for one. */
const WAIT_MS = 20_000

export type ConsumerLag = Readonly<{
  /**
   * `committed`: the offset at which the group goes on reading; null where it has committed nothing
   * yet.
   */
  partitions: readonly Readonly<{ start: number; committed: number | null; end: number }>[]
  /** Records between the two; where nothing is committed, all that the partition has. */
  waiting: number
}>

/** Waits a while for the group's coordinator, which a new cluster has yet to choose. */
export function readConsumerLag(place: KafkaPlace, group: string): Promise<ConsumerLag> {
  return askTopic(place, (cluster) => readLag(cluster, group))
}

/** `passed`: by partition, the offset up to which no event waits, if any is known. */
export async function countWaiting(
  place: KafkaPlace,
  group: string,
  beforeMs: number,
  passed: readonly number[] = [],
): Promise<number> {
  const { partitions } = await readConsumerLag(place, group)
  const younger = await askTopic(place, (cluster) => listOffsetsAt(cluster, beforeMs))
  return partitions.reduce((sum, { start, committed, end }, partition) => {
    const from = younger[partition] ?? -1
    const taken = Math.max(committed ?? start, passed[partition] ?? 0)
    return sum + Math.max(0, (from === -1 ? end : from) - taken)
  }, 0)
}

/**
 * Has a group without members go on at these offsets, and at the beginning of every other
 * partition. Returns the offsets.
 */
export function beginAt(
  place: KafkaPlace,
  group: string,
  offsets: readonly number[],
): Promise<readonly number[]> {
  return askTopic(place, async (cluster) => {
    const starts = (await listStarts(cluster)).map((start, partition) =>
      Math.max(start, offsets[partition] ?? start),
    )
    const partitions = starts.map((start, partitionIndex) => ({
      partitionIndex,
      committedOffset: BigInt(start),
      committedLeaderEpoch: -1,
    }))
    try {
      const coordinator = await coordinatorOf(cluster, group)
      const topics = [{ name: place.topic, partitions }]
      await offsetCommitV8.api.async(coordinator, group, NO_GENERATION, '', null, topics)
      return starts
    } catch (error) {
      throw explainKafka(`the offsets of the group ${group} cannot be written`, place, error)
    }
  })
}

/** By partition: its ends, and the first offset that reached it at a time or later, if any did. */
export async function findOffsetsAt(
  place: KafkaPlace,
  ms: number,
): Promise<readonly Readonly<{ start: number; at: number; end: number }>[]> {
  const [starts, ends, found] = await askTopic(place, (cluster) =>
    Promise.all([listStarts(cluster), listEnds(cluster), listOffsetsAt(cluster, ms)]),
  )
  return ends.map((end, partition) => {
    const at = found[partition] ?? -1
    return { start: starts[partition] ?? 0, at: at === -1 ? end : at, end }
  })
}

/** Records that have reached the topic since a time, and are still there. */
export async function countArrived(place: KafkaPlace, sinceMs: number): Promise<number> {
  const [ends, younger] = await askTopic(place, (cluster) =>
    Promise.all([listEnds(cluster), listOffsetsAt(cluster, sinceMs)]),
  )
  return ends.reduce((sum, end, partition) => {
    const from = younger[partition] ?? -1
    return sum + (from === -1 ? 0 : end - from)
  }, 0)
}

function askTopic<T>(place: KafkaPlace, ask: (cluster: Cluster) => Promise<T>): Promise<T> {
  const askOnce = async (cluster: Cluster): Promise<T> => {
    requireTopic(cluster.view(), place)
    return await ask(cluster)
  }
  return retryFor(WAIT_MS, () => withCluster(place, askOnce))
}

async function readLag(cluster: Cluster, group: string): Promise<ConsumerLag> {
  const [starts, ends, committed] = await Promise.all([
    listStarts(cluster),
    listEnds(cluster),
    readCommitted(cluster, group),
  ])
  const partitions = ends.map((end, partition) => ({
    start: starts[partition] ?? 0,
    committed: committed.get(partition) ?? null,
    end,
  }))
  const waiting = partitions.reduce(
    (sum, one) => sum + Math.max(0, one.end - (one.committed ?? one.start)),
    0,
  )
  return { partitions, waiting }
}

async function readCommitted(
  cluster: Cluster,
  group: string,
): Promise<ReadonlyMap<number, number>> {
  const { place } = cluster
  const partitions = cluster.view().topic?.leaders.length ?? 0
  try {
    const coordinator = await coordinatorOf(cluster, group)
    const topics = [{ name: place.topic, partitionIndexes: [...Array(partitions).keys()] }]
    const answer = await offsetFetchV8.api.async(
      coordinator,
      [{ groupId: group, memberId: null, memberEpoch: -1, topics }],
      false,
    )
    const offsets = answer.groups[0]?.topics[0]?.partitions ?? []
    return new Map(
      offsets
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]),
    )
  } catch (error) {
    throw explainKafka(`the offsets of the group ${group} cannot be read`, place, error)
  }
}

async function coordinatorOf(cluster: Cluster, group: string): Promise<Connection> {
  const [node = -1] = cluster.view().brokers.keys()
  const found = await findCoordinatorV4.api.async(await cluster.to(node), GROUP_KEY, [group])
  return await cluster.to(found.coordinators[0]?.nodeId ?? -1)
}
