/**
 * One contract for every kind of log, a folder of this machine or a topic of Kafka: where it is,
 * what the collector writes to, and what the job reads from.
 */
import type { LogError } from './error.ts'
import type { Frame } from './frame.ts'
import type { Lines } from './group.ts'

export type EventLog = Readonly<{
  /** Another id is another log (F11). */
  id: string
  /** For the reader of this log, in any thread. */
  cursor: SharedArrayBuffer
  /**
   * Arrival time for the next append, in microseconds, by the wall clock, which may step back
   * (F17). Order is by offset.
   */
  stampUs(): number
  /**
   * Resolves when the events are durable. `lines`: `count` accepted events as NDJSON, each line
   * ended by LF; they must not be changed until the promise settles. Rejects with LogError; with
   * one that `canRetry`, the same events may be sent again.
   */
  append(lines: Lines, count: number, arrivalUs: number): Promise<unknown>
  /** First offset still there. */
  start(): number
  /** Offset after the last durable event. */
  end(): number
  /** Everything below `offset` is in the tables. */
  trim(offset: number): Promise<void>
  stats(): EventLogStats
  /** Makes durable what waits, then closes. Later appends are refused with `closed`. */
  close(): Promise<void>
}>

/** Sums since the start. */
export type CommitCounts = Readonly<{
  appends: number
  groups: number
  lines: number
  bytes: number
  /** Time from the start of a group's write until it was durable, summed over the groups. */
  commitUs: number
}>

export type EventLogStats = CommitCounts &
  Readonly<{
    /** On the disks of this machine; absent where the log is elsewhere. */
    bytesOnDisk?: number
    waitingBytes: number
    /** Why appends are refused for now: the disk is full, or the broker is away. */
    full: LogError | null
    /** Why the log has failed for good. */
    failed: LogError | null
    /** Why readers cannot read to the end, though appends go on; null when they can, or soon. */
    unreadable: string | null
    /** What someone has changed about the topic that the job needs otherwise; null when nothing. */
    changed: string | null
  }>

/** What the log holds. */
export type LogExtent = Readonly<{
  id: string
  /**
   * Offsets `[start, end)`; of a topic, whose partitions have their own, `end` counts what they
   * hold.
   */
  start: number
  end: number
  /** By partition of a topic; null for a folder. */
  partitions: readonly Readonly<{ start: number; end: number }>[] | null
}>

/** Where reading goes on. */
export type ReadFrom = Readonly<{
  /** Lines taken from this log before. */
  nextOffset: number
  /** By partition of a topic; null for a folder. */
  offsets: readonly number[] | null
}>

/**
 * Frames one after the other, live and after a restart. One caller at a time: `next` is not called
 * again before it has settled.
 */
export type EventReader = Readonly<{
  extent(): LogExtent
  /** Called once, before `next`. */
  begin(from: ReadFrom): void
  /**
   * The frame that holds the line with this offset. Waits up to `waitMs` for one, then gives null.
   * **`bytes` is valid until the next call.** A reader of a topic goes on where it is: `fromOffset`
   * is where its last frame ended. Throws LogError.
   */
  next(fromOffset: number, waitMs: number): Promise<Frame | null>
  /** After the last line that is known to be there. */
  end(): number
  /** A `next` that waits gives null. */
  close(): Promise<void>
}>

export type KafkaPlace = Readonly<{
  kind: 'kafka'
  /** host:port; each of them knows the others. */
  brokers: readonly string[]
  topic: string
  /** For a topic that `setup` creates; one that exists keeps its own. */
  partitions: number
  replication: number
  tls: Readonly<{
    caFile: string | null
    certFile: string | null
    keyFile: string | null
  }> | null
  sasl: Readonly<{
    mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
    username: string
    password: string
  }> | null
}>

export type LogPlace = Readonly<{ kind: 'folder'; path: string }> | KafkaPlace

export type EventReaderOptions = Readonly<{
  place: LogPlace
  /** `EventLog.cursor` of the log on the same place. */
  cursor: SharedArrayBuffer
  /** A clock that never steps back. */
  steadyMs: () => number
  /** Why nothing can be read for now; null when it goes on. */
  onStalled: (message: string | null) => void
}>
