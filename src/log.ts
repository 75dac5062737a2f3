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
export type { EventLog, EventReader, KafkaPlace, LogExtent, LogPlace } from './log/event-log.ts'
export { diskFiles, LOG_STEPS, type LogFiles } from './log/files.ts'
export { type Frame, type FrameRecord, recordsOf } from './log/frame.ts'
export { inspectLog } from './log/inspect.ts'
export {
  beginAt,
  type ConsumerLag,
  countArrived,
  countWaiting,
  type EventCount,
  type EventCounter,
  findOffsetsAt,
  HEARTBEAT_TYPE,
  type Heartbeat,
  type HeartbeatWriter,
  openEventCounter,
  openHeartbeatWriter,
  openKafkaLog,
  openPassedOver,
  openRangeReader,
  openRecordSource,
  readConsumerLag,
  readTopicExtent,
  setUpTopic,
} from './log/kafka.ts'
export { type Log, type LogOptions, openLog } from './log/open.ts'
export { type LogReader, openEventReader, openLogReader } from './log/reader.ts'
