/** What every kind of log gives the collector and the status: one contract, whether it is a folder or a topic of Kafka. */
import type { LogError } from './error.ts'
import type { Lines } from './group.ts'

export type EventLog = Readonly<{
  /** Another id is another log (F11). */
  id: string
  /** For the reader of this log, in any thread. */
  cursor: SharedArrayBuffer
  /** Arrival time for the next append, in microseconds, by the wall clock. */
  stampUs(): number
  /**
   * Resolves when the events are durable. `lines`: `count` accepted events as NDJSON, each line ended by LF; they must not be
   * changed until the promise settles. Rejects with LogError; with one that `canRetry`, the same events may be sent again.
   */
  append(lines: Lines, count: number, arrivalUs: number): Promise<unknown>
  /** First offset still held. */
  start(): number
  /** Offset after the last durable event. */
  end(): number
  /** Everything below `offset` is in the tables. */
  trim(offset: number): Promise<void>
  stats(): EventLogStats
  /** Makes durable what waits, then closes. Later appends are refused with `closed`. */
  close(): Promise<void>
}>

export type EventLogStats = Readonly<{
  /** Sums since the start. */
  appends: number
  groups: number
  lines: number
  bytes: number
  /** On the way to being durable, summed over the groups. */
  commitUs: number
  /** On the disks of this machine. */
  bytesOnDisk: number
  waitingBytes: number
  /** Why appends are refused for now: the disk is full, or the broker away. */
  full: LogError | null
  /** Why the log has failed for good. */
  failed: LogError | null
  /** Why readers cannot read to the end, though appends go on; null when they can, or soon. */
  unreadable: string | null
}>
