/** What every kind of log gives the job: frames one after the other, live and after a restart. */
import type { Frame } from './frame.ts'

/** What the log holds. */
export type LogExtent = Readonly<{
  id: string
  /** Offsets `[start, end)`; of a topic, whose partitions have their own, `end` counts what they hold. */
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

/** One caller at a time: `next` is not called again before it has settled. */
export type EventReader = Readonly<{
  extent(): LogExtent
  /** Called once, before `next`. */
  begin(from: ReadFrom): void
  /**
   * The frame that holds the line with this offset. Waits up to `waitMs` for one, then gives null. **`bytes` is valid until the
   * next call.** A reader of a topic goes on where it is: `fromOffset` is where its last frame ended. Throws LogError.
   */
  next(fromOffset: number, waitMs: number): Promise<Frame | null>
  /** After the last line that is known to be there. */
  end(): number
  /** A `next` that waits gives null. */
  close(): Promise<void>
}>
