/** Writes heartbeats: one to each partition, at once. */
import { LogError } from '../error.ts'
import type { KafkaPlace } from '../event-log.ts'
import { openCluster, requireSameTopic } from './cluster.ts'
import { explainKafka } from './error.ts'
import { isHeartbeatAlone } from './event-count.ts'
import { fetchBatches } from './fetch.ts'
import { HEARTBEAT_VALUE } from './heartbeat.ts'
import { listEnds, partitionsByLeader } from './offsets.ts'
import { type Produced, produce } from './produce.ts'
import { batchHeader, CODECS, readBatch } from './record-batch.ts'
import { RecordWriter } from './record-writer.ts'

export type Heartbeat = Readonly<{
  partition: number
  offset: number
  /** When the broker appended it, by its own clock. */
  appendedMs: number
}>

export type HeartbeatWriter = Readonly<{
  /** Where the partitions end now. Throws LogError. */
  ends(): Promise<readonly number[]>
  /**
   * Whether nothing but heartbeats came to the topic after it ended at `from` and until it ends at
   * `to`, whoever wrote them. Where much came it is not looked at. Throws LogError.
   */
  areHeartbeats(from: readonly number[], to: readonly number[]): Promise<boolean>
  /** Throws LogError: where a partition did not take one, others may have. */
  write(): Promise<readonly Heartbeat[]>
  close(): Promise<void>
}>

const BROKER_TIMEOUT_MS = 5_000
/** Offsets of one partition; several processes may have written at once. */
const LOOKED_AT_MAX = 8
/** A single batch is given whole, however large. */
const FETCH = { waitMs: 0, bytesMax: 65_536, partitionBytesMax: 4_096 } as const
/** TOPIC_AUTHORIZATION_FAILED */
const DENIED = 29
/** A producer without an identity: a heartbeat that is there twice does no harm. */
const NOBODY = { producerId: -1n, producerEpoch: -1, baseSequence: -1 } as const

/** `logId`: a topic that was made anew gets none. Throws LogError. */
export async function openHeartbeatWriter(
  place: KafkaPlace,
  logId: string,
  nowMs: () => number,
): Promise<HeartbeatWriter> {
  const cluster = await openCluster(place)
  return {
    async ends() {
      requireSameTopic(await cluster.refresh(), place, logId)
      return await listEnds(cluster)
    },
    async areHeartbeats(from, to) {
      const came = [...to.entries()]
        .map(([partition, end]) => ({ partition, offset: from[partition] ?? 0, end }))
        .filter(({ offset, end }) => offset !== end)
      const isLittle = came.every(
        ({ offset, end }) => end > offset && end - offset <= LOOKED_AT_MAX,
      )
      if (came.length === 0 || !isLittle) return came.length === 0
      const { id, leaders } = requireSameTopic(cluster.view(), place, logId)
      try {
        for (const [node, partitions] of partitionsByLeader(leaders)) {
          const wanted = came.filter(({ partition }) => partitions.includes(partition))
          if (wanted.length === 0) continue
          const answer = await fetchBatches(await cluster.to(node), id, wanted, FETCH)
          for (const { partition, offset, end } of wanted) {
            const found = answer.partitions.find((one) => one.partition === partition)
            const isRead = found !== undefined && found.errorCode === 0
            if (!isRead || !holdsHeartbeats(found.records, offset, end)) return false
          }
        }
        return true
      } catch (error) {
        throw explainKafka(`what came to ${place.topic} cannot be read`, place, error)
      }
    },
    async write() {
      const { leaders } = requireSameTopic(await cluster.refresh(), place, logId)
      try {
        const written: Heartbeat[] = []
        for (const [node, partitions] of partitionsByLeader(leaders)) {
          const batch = heartbeatBatch(nowMs())
          const batches = partitions.map((partition) => ({ partition, batch }))
          const connection = await cluster.to(node)
          const answers = await produce(connection, place.topic, batches, BROKER_TIMEOUT_MS)
          written.push(...answers.map((answer) => heartbeatIn(answer, place.topic)))
        }
        return written
      } catch (error) {
        throw explainKafka(`heartbeats cannot be written to ${place.topic}`, place, error)
      }
    },
    close: () => cluster.close(),
  }
}

/** A batch of its own, so that it can be told from events without reading those. */
export function heartbeatBatch(timestampMs: number): readonly Buffer[] {
  const records = new RecordWriter()
  records.add(Buffer.alloc(0), 0, 0, HEARTBEAT_VALUE, 0, HEARTBEAT_VALUE.length)
  const head = { codec: CODECS.none, timestampMs, recordCount: 1, ...NOBODY }
  return [batchHeader(head, records.bytes), records.bytes]
}

/** Whether the batches from `from` to `to` are all there, and are heartbeats. */
export function holdsHeartbeats(records: Buffer, from: number, to: number): boolean {
  let until = from
  let at = 0
  while (until < to) {
    const batch = readBatch(records, at)
    if (batch === null || typeof batch === 'string' || !('baseOffset' in batch)) return false
    at += batch.sizeBytes
    if (batch.endOffset <= until) continue
    if (!isHeartbeatAlone(batch)) return false
    until = batch.endOffset
  }
  return true
}

function heartbeatIn(
  { partition, errorCode, baseOffset, logAppendTimeMs, message }: Produced,
  topic: string,
): Heartbeat {
  if (errorCode === DENIED) {
    const what = `this user may not write to ${topic}`
    throw new LogError('denied', { what, todo: 'Give it the right to WRITE it.', topic })
  }
  if (errorCode !== 0) {
    throw new Error(`error ${errorCode}${message === null ? '' : ` (${message})`}`)
  }
  if (logAppendTimeMs < 0) {
    const what = `the topic ${topic} does not have message.timestamp.type=LogAppendTime`
    throw new LogError('topic-unfit', { what, todo: 'Set it again.', topic })
  }
  return { partition, offset: baseOffset, appendedMs: logAppendTimeMs }
}
