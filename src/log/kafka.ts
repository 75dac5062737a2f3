/** Kafka as the log, loaded only where it is used: the client takes half a second to load. */
import type { EventLog, EventReader, KafkaPlace, LogExtent } from './event-log.ts'
import type { ConsumerLag } from './kafka/consumer-lag.ts'
import type { EventCounter } from './kafka/event-count.ts'
import type { HeartbeatWriter } from './kafka/heartbeat-writer.ts'
import type { KafkaLogOptions } from './kafka/kafka-log.ts'
import type { KafkaReaderOptions } from './kafka/kafka-reader.ts'
import { newPassedOverMemory } from './kafka/passed-over.ts'
import type { RecordSource } from './kafka/record-source.ts'
import type { TopicReport } from './kafka/topic.ts'

export type { ConsumerLag } from './kafka/consumer-lag.ts'
export type { EventCount, EventCounter } from './kafka/event-count.ts'
export { HEARTBEAT_TYPE } from './kafka/heartbeat.ts'
export type { Heartbeat, HeartbeatWriter } from './kafka/heartbeat-writer.ts'
export { openPassedOver } from './kafka/passed-over.ts'

/**
 * Waits a while for the brokers. Throws LogError `unavailable`, `denied`, `unsupported`,
 * `topic-missing`, `topic-unfit`.
 */
export async function openKafkaLog(place: KafkaPlace, options: KafkaLogOptions): Promise<EventLog> {
  return await (await import('./kafka/kafka-log.ts')).openKafkaLog(place, options)
}

/** Waits a while for the brokers. Throws LogError as above, but for `topic-unfit`. */
export async function openKafkaReader(
  place: KafkaPlace,
  options: KafkaReaderOptions,
): Promise<EventReader> {
  return await (await import('./kafka/kafka-reader.ts')).openKafkaReader(place, options)
}

/** What the topic holds, by partition. Throws LogError. */
export async function readTopicExtent(place: KafkaPlace): Promise<LogExtent> {
  return await (await import('./kafka/kafka-reader.ts')).readExtent(place)
}

/**
 * Makes the topic where there is none, unless `look`. Changes nothing of one that exists. Throws
 * LogError.
 */
export async function setUpTopic(place: KafkaPlace, mode: 'make' | 'look'): Promise<TopicReport> {
  return await (await import('./kafka/topic.ts')).setUpTopic(place, mode)
}

/** Records of the topic by their place. Throws LogError. */
export async function openRecordSource(place: KafkaPlace): Promise<RecordSource> {
  return await (await import('./kafka/record-source.ts')).openRecordSource(place)
}

/** How far a consumer group has come, as it has committed it itself. Throws LogError. */
export async function readConsumerLag(place: KafkaPlace, group: string): Promise<ConsumerLag> {
  return await (await import('./kafka/consumer-lag.ts')).readConsumerLag(place, group)
}

/**
 * Records that reached the topic since a time, in milliseconds since the epoch, and are still there.
 * Throws LogError.
 */
export async function countArrived(place: KafkaPlace, sinceMs: number): Promise<number> {
  return await (await import('./kafka/consumer-lag.ts')).countArrived(place, sinceMs)
}

/**
 * Of what the group has yet to read, the records that reached the topic before a time, in
 * milliseconds since the epoch. `passed`: by partition, the offset up to which no event waits.
 * Throws LogError.
 */
export async function countWaiting(
  place: KafkaPlace,
  group: string,
  beforeMs: number,
  passed?: readonly number[],
): Promise<number> {
  const { countWaiting: count } = await import('./kafka/consumer-lag.ts')
  return await count(place, group, beforeMs, passed)
}

/**
 * Has a group without members go on at these offsets, by partition, and at the beginning of every
 * other partition. Returns the offsets. Throws LogError.
 */
export async function beginAt(
  place: KafkaPlace,
  group: string,
  offsets: readonly number[],
): Promise<readonly number[]> {
  return await (await import('./kafka/consumer-lag.ts')).beginAt(place, group, offsets)
}

/** Reads committed records from these offsets on, beside the job. Throws LogError. */
export async function openRangeReader(
  place: KafkaPlace,
  offsets: readonly number[],
  steadyMs: () => number,
): Promise<Pick<EventReader, 'next' | 'end' | 'close'>> {
  const cursor = newPassedOverMemory()
  const reader = await openKafkaReader(place, { cursor, steadyMs, onStalled() {} })
  reader.begin({ nextOffset: 0, offsets })
  return reader
}

/** By partition: its ends, and the first offset that reached it since a time. Throws LogError. */
export async function findOffsetsAt(
  place: KafkaPlace,
  ms: number,
): Promise<readonly Readonly<{ start: number; at: number; end: number }>[]> {
  return await (await import('./kafka/consumer-lag.ts')).findOffsetsAt(place, ms)
}

/** Counts the offsets that hold no event, behind a reader elsewhere. Throws LogError. */
export async function openEventCounter(
  place: KafkaPlace,
  steadyMs: () => number,
): Promise<EventCounter> {
  return await (await import('./kafka/event-count.ts')).openEventCounter(place, steadyMs)
}

/** Writes heartbeats to the topic while it is this log. Throws LogError. */
export async function openHeartbeatWriter(
  place: KafkaPlace,
  logId: string,
  nowMs: () => number,
): Promise<HeartbeatWriter> {
  return await (await import('./kafka/heartbeat-writer.ts')).openHeartbeatWriter(
    place,
    logId,
    nowMs,
  )
}
