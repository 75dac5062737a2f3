/**
 * The topic as this program needs it, found or made.
 *
 *   message.timestamp.type  LogAppendTime: the broker sets the arrival, so a replay decides alike
 *   cleanup.policy          delete: compaction keeps the last event of an id, but the first counts
 *   max.message.bytes       takes a whole batch of ours
 *   retention.ms            7 days when created here: the tables keep the events, and the topic
 *                           outlives an outage. Another retention may be set; a shorter one is
 *                           remarked on, not refused.
 */
import {
  ConfigResourceTypes,
  type Connection,
  createTopicsV7,
  describeConfigsV4,
} from '@platformatic/kafka'
import { LogError } from '../error.ts'
import type { KafkaPlace } from '../event-log.ts'
import { type Cluster, logIdOf, requireTopic, withCluster } from './cluster.ts'
import { explainKafka } from './error.ts'
import { BATCH_BYTES_MAX } from './outboxes.ts'

const DAY_MS = 86_400_000
const RETENTION_MS = 7 * DAY_MS
/** Kafka's default. */
const MESSAGE_BYTES_MAX = 1_048_588
const MESSAGE_BYTES_MIN = BATCH_BYTES_MAX + 64 * 1024
const CREATE_TIMEOUT_MS = 8_000
const CONFIGS = {
  'message.timestamp.type': 'LogAppendTime',
  'cleanup.policy': 'delete',
  'max.message.bytes': String(MESSAGE_BYTES_MAX),
  'retention.ms': String(RETENTION_MS),
} as const

export type TopicReport = Readonly<{
  /** `missing`: and not made, because only looking was asked for. */
  outcome: 'found' | 'made' | 'missing' | 'unfit'
  /** `kafka:<cluster>/<topic id>`; null while there is no topic. */
  logId: string | null
  partitions: number
  replication: number
  /** What must be changed, each with the command that does it; none unless `unfit`. */
  faults: readonly string[]
  /** What should be looked at. */
  remarks: readonly string[]
}>

export function setUpTopic(place: KafkaPlace, mode: 'make' | 'look'): Promise<TopicReport> {
  return withCluster(place, async (cluster) => {
    if (cluster.view().topic !== null) return await report(cluster, 'found')
    const { partitions, replication } = place
    if (mode === 'look') {
      return { outcome: 'missing', logId: null, partitions, replication, faults: [], remarks: [] }
    }
    await makeTopic(cluster)
    return await report(cluster, 'made')
  })
}

/**
 * Throws `topic-unfit`; passes where the user may not read the topic's settings: each batch is
 * looked at anyway.
 */
export async function requireFit(cluster: Cluster): Promise<void> {
  const configs = await readConfigs(cluster)
  const faults = configs === null ? [] : faultsOf(cluster.place, configs)
  if (faults.length === 0) return
  const { topic } = cluster.place
  const what = `the topic ${topic} does not have the settings that it needs`
  throw new LogError('topic-unfit', { what, todo: faults.join(' '), topic })
}

/**
 * What is wrong with the topic's settings, in one sentence; null when nothing, or when this user may
 * not read them. Throws LogError.
 */
export async function readTopicChange(cluster: Cluster): Promise<string | null> {
  const configs = await readConfigs(cluster)
  const faults = configs === null ? [] : faultsOf(cluster.place, configs)
  if (faults.length === 0) return null
  const { topic } = cluster.place
  return (
    `the topic ${topic} was changed: ${faults.join(' ')} Records that carry their sender's time ` +
    'are rejected (sender-time) and kept'
  )
}

async function report(cluster: Cluster, outcome: 'found' | 'made'): Promise<TopicReport> {
  const view = cluster.view()
  const topic = requireTopic(view, cluster.place)
  const configs = await readConfigs(cluster)
  const faults = configs === null ? [] : faultsOf(cluster.place, configs)
  return {
    outcome: faults.length === 0 ? outcome : 'unfit',
    logId: logIdOf(view, topic),
    partitions: topic.leaders.length,
    replication: topic.replication,
    faults,
    remarks: [
      ...(configs === null
        ? ['the settings of the topic cannot be read: DESCRIBE_CONFIGS on it is not allowed']
        : remarksOf(configs)),
      ...(topic.replication === 1 && view.brokers.size > 1
        ? ['the topic is on one broker only: what it holds is lost with that broker']
        : []),
    ],
  }
}

type Configs = ReadonlyMap<string, string>

function faultsOf({ topic }: KafkaPlace, configs: Configs): string[] {
  const fault = (name: keyof typeof CONFIGS, why: string) =>
    `${name} is ${configs.get(name)}, ${why}; set it: kafka-configs.sh --alter --topic ${topic} ` +
    `--add-config ${name}=${CONFIGS[name]}.`
  const faults: string[] = []
  if (configs.get('message.timestamp.type') !== 'LogAppendTime') {
    faults.push(fault('message.timestamp.type', 'and must be LogAppendTime'))
  }
  if (configs.get('cleanup.policy')?.includes('compact')) {
    faults.push(fault('cleanup.policy', 'which would remove events'))
  }
  if (Number(configs.get('max.message.bytes') ?? MESSAGE_BYTES_MAX) < MESSAGE_BYTES_MIN) {
    faults.push(fault('max.message.bytes', `less than ${MESSAGE_BYTES_MIN}`))
  }
  return faults
}

function remarksOf(configs: Configs): string[] {
  const retentionMs = Number(configs.get('retention.ms') ?? RETENTION_MS)
  if (retentionMs === -1 || retentionMs >= RETENTION_MS) return []
  const days = (retentionMs / DAY_MS).toFixed(1)
  return [
    `retention.ms is ${days} days: events are lost when they are not in the tables by then ` +
      `(${RETENTION_MS / DAY_MS} days outlive most outages)`,
  ]
}

/** Null when this user may not read them. */
async function readConfigs(cluster: Cluster): Promise<Configs | null> {
  const { place } = cluster
  try {
    const connection = await anyBroker(cluster)
    const answer = await describeConfigsV4.api.async(connection, [
      {
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName: place.topic,
        configurationKeys: Object.keys(CONFIGS),
      },
    ])
    const configs = answer.results[0]?.configs ?? []
    return new Map(configs.map(({ name, value }) => [name, value ?? '']))
  } catch (error) {
    const known = explainKafka(`the settings of ${place.topic} cannot be read`, place, error)
    if (known.code === 'denied') return null
    throw known
  }
}

async function makeTopic(cluster: Cluster): Promise<void> {
  const { place } = cluster
  const { partitions: numPartitions, replication: replicationFactor, topic: name } = place
  const configs = Object.entries(CONFIGS).map(([config, value]) => ({ name: config, value }))
  const topic = { name, numPartitions, replicationFactor, assignments: [], configs }
  try {
    await createTopicsV7.api.async(await anyBroker(cluster), [topic], CREATE_TIMEOUT_MS, false)
  } catch (error) {
    throw explainKafka(`the topic ${name} cannot be made`, place, error)
  }
  const deadline = AbortSignal.timeout(CREATE_TIMEOUT_MS)
  while (!deadline.aborted) {
    const { topic: made } = await cluster.refresh()
    if (made?.leaders.every((leader) => leader >= 0)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const what = `the topic ${name} was made, but has no leaders yet`
  const todo = 'Look at the brokers, then run setup again.'
  throw new LogError('unavailable', { what, todo, topic: name })
}

function anyBroker(cluster: Cluster): Promise<Connection> {
  const { brokers, controller } = cluster.view()
  return cluster.to(brokers.has(controller) ? controller : ([...brokers.keys()][0] ?? -1))
}
