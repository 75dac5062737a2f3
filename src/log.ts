/**
 * The log: events are durable here before their sender is answered, and the job reads them from
 * here, live and after a restart.
 *
 * One folder of segments, each a preallocated file of frames; a frame is what one group commit
 * wrote. Lines have offsets, counted from 0 without gaps. One process writes (it holds a lock);
 * readers may be in other threads of it.
 *
 * Or a topic of Kafka, whose partitions have their own offsets; any number of processes write to
 * it. `EventLog` and `EventReader` are the contract that both keep for the collector and the job.
 */

export { LogError, type LogErrorCode } from './log/error.ts'
export type {
  EventLog,
  EventLogStats,
  EventReader,
  EventReaderOptions,
  KafkaPlace,
  LogExtent,
  LogPlace,
  ReadFrom,
} from './log/event-log.ts'
export { diskFiles, LOG_STEPS, type LogFiles, type LogStep } from './log/files.ts'
export type { Frame, FrameOrigin } from './log/frame.ts'
export type { Lines } from './log/group.ts'
export { inspectLog, type LogInspection } from './log/inspect.ts'
export {
  type ConsumerLag,
  countWaiting,
  openKafkaLog,
  openRecordSource,
  type RecordPlace,
  type RecordSource,
  readConsumerLag,
  readTopicExtent,
  setUpTopic,
  type TopicReport,
} from './log/kafka.ts'
export { type Log, type LogOptions, type LogStats, openLog, type Recovered } from './log/open.ts'
export {
  type LogReader,
  type LogReaderOptions,
  openEventReader,
  openLogReader,
} from './log/reader.ts'
export type { TornTail } from './log/recovery.ts'
