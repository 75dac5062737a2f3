/**
 * The cluster as one topic sees it: which broker leads each partition, and connections to them.
 * Every request to Kafka goes through here, so that a broker that moves or comes back is found
 * again in one place.
 */
import { type Connection, metadataV12, type Reader, type Writer } from '@platformatic/kafka'
import { LogError } from '../error.ts'
import type { KafkaPlace } from '../event-log.ts'
import { type BrokerAddress, brokerAddress, openConnections } from './connections.ts'
import { answerWithErrors, explainKafka } from './error.ts'

const TOPIC_MISSING = 3

/** What brokers say about the cluster and the topic. */
export type View = Readonly<{
  clusterId: string
  controller: number
  brokers: ReadonlyMap<number, BrokerAddress>
  /** Null when there is no such topic. */
  topic: TopicView | null
}>

export type TopicView = Readonly<{
  id: string
  /** By partition: the broker that leads it, -1 for none. */
  leaders: readonly number[]
  replication: number
}>

export type Cluster = {
  readonly place: KafkaPlace
  /** As it was last seen. */
  view(): View
  /** Asks the brokers again. Throws LogError `unavailable`, `denied`. */
  refresh(): Promise<View>
  to(node: number): Promise<Connection>
  close(): Promise<void>
}

/** Throws LogError `unavailable`, `denied`, `unsupported`. */
export async function openCluster(place: KafkaPlace): Promise<Cluster> {
  const connections = await openConnections(place)
  let view: View | null = null
  let refreshing: Promise<View> | null = null

  async function ask(): Promise<View> {
    const known = view === null ? [] : [...view.brokers.values()]
    let failure: unknown = new Error('no broker is known')
    for (const address of [...known, ...place.brokers.map(brokerAddress)]) {
      try {
        return await askBroker(await connections.to(address), place.topic)
      } catch (error) {
        failure = error
      }
    }
    throw explainKafka('no broker answers', place, failure)
  }

  async function refresh(): Promise<View> {
    refreshing ??= ask()
    try {
      view = await refreshing
      return view
    } finally {
      refreshing = null
    }
  }

  const cluster: Cluster = {
    place,
    view() {
      if (view === null) throw new TypeError('an open cluster has been asked')
      return view
    },
    refresh,
    to(node) {
      const address = view?.brokers.get(node)
      if (address !== undefined) return connections.to(address)
      const what = `broker ${node} is not part of the cluster (${place.brokers.join(', ')}) now`
      return Promise.reject(new LogError('unavailable', { what, todo: 'It is tried again.', node }))
    },
    close: () => connections.close(),
  }
  try {
    await refresh()
    return cluster
  } catch (error) {
    await connections.close()
    throw error
  }
}

/** A cluster that is open for this work only. */
export async function withCluster<T>(
  place: KafkaPlace,
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await openCluster(place)
  try {
    return await work(cluster)
  } finally {
    await cluster.close()
  }
}

/** The topic, or LogError `topic-missing`. */
export function requireTopic({ topic }: View, place: KafkaPlace): TopicView {
  if (topic !== null) return topic
  throw new LogError('topic-missing', { topic: place.topic, brokers: place.brokers.join(', ') })
}

/**
 * The topic while it is the log with this id; else LogError `topic-missing` or `topic-replaced`.
 */
export function requireSameTopic(view: View, place: KafkaPlace, logId: string): TopicView {
  const topic = requireTopic(view, place)
  const now = logIdOf(view, topic)
  if (now === logId) return topic
  throw new LogError('topic-replaced', { before: logId, now })
}

/** The identity of the log: another cluster, or a recreated topic, is another log (F11). */
export function logIdOf({ clusterId }: View, topic: TopicView): string {
  return `kafka:${clusterId}/${topic.id}`
}

/** Sends a request that this program encodes itself over a connection of the client. */
export function send<T>(
  connection: Connection,
  { key, version }: Readonly<{ key: number; version: number }>,
  request: Writer,
  read: (answer: Reader) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    connection.send(
      key,
      version,
      () => request,
      (_id, _key, _version, answer) => read(answer),
      true,
      true,
      (error, answer) => {
        if (error === null || error === undefined)
          resolve(answer as T) // given when there is no error
        else reject(error)
      },
    )
  })
}

async function askBroker(connection: Connection, topic: string): Promise<View> {
  const answer = await askMetadata(connection, topic)
  const [found] = answer.topics
  const isMissing = found === undefined || found.errorCode === TOPIC_MISSING
  if (!isMissing && found.partitions.length === 0) throw new Error(`topic error ${found.errorCode}`)
  return {
    clusterId: answer.clusterId ?? '',
    controller: answer.controllerId,
    brokers: new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
    topic: isMissing
      ? null
      : {
          id: found.topicId,
          leaders: found.partitions
            .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
            .map(({ leaderId }) => leaderId),
          replication: found.partitions[0]?.replicaNodes.length ?? 0,
        },
  }
}

type Answer = Awaited<ReturnType<typeof metadataV12.api.async>>

async function askMetadata(connection: Connection, topic: string): Promise<Answer> {
  try {
    return await metadataV12.api.async(connection, [topic], false)
  } catch (error) {
    // A topic that is missing or a partition without a leader is an answer.
    const answer = answerWithErrors<Answer>(error)
    const code = answer?.topics[0]?.errorCode
    if (answer === null || (code !== 0 && code !== TOPIC_MISSING)) throw error
    return answer
  }
}
