/**
 * The log: events are durable here before their sender is answered, and the job reads them from here, live and after a restart.
 *
 * One folder of segments, each a preallocated file of frames; a frame is what one group commit wrote. Lines have offsets, counted
 * from 0 without gaps. One process writes (lock); readers may be in other threads of it.
 *
 * Or a topic of Kafka, whose partitions have their own offsets; any number of processes write to it. `EventLog` and `EventReader`
 * are what both give the collector and the job.
 */

export { LogError, type LogErrorCode, type LogErrorFacts } from './log/error.ts'
export type { EventLog, EventLogStats } from './log/event-log.ts'
export type { EventReader, LogExtent, ReadFrom } from './log/event-reader.ts'
export { diskFiles, type LogFiles } from './log/files.ts'
export type { Frame, FrameOrigin } from './log/frame.ts'
export type { Lines } from './log/group.ts'
export { inspectLog, type LogInspection } from './log/inspect.ts'
export type { ConsumerLag } from './log/kafka/consumer-lag.ts'
export type { RecordPlace, RecordSource } from './log/kafka/record-source.ts'
export type { TopicReport } from './log/kafka/topic.ts'
export {
  countWaiting,
  openKafkaLog,
  openRecordSource,
  readConsumerLag,
  readTopicExtent,
  setUpTopic,
} from './log/kafka.ts'
export { type Log, type LogOptions, type LogStats, openLog, type Recovered } from './log/open.ts'
export { type EventReaderOptions, openEventReader } from './log/open-event-reader.ts'
export type { KafkaPlace, LogPlace } from './log/place.ts'
export { type LogReader, type LogReaderOptions, openLogReader } from './log/reader.ts'
export type { TornTail } from './log/recovery.ts'
export { LOG_STEPS, type LogStep } from './log/step.ts'
