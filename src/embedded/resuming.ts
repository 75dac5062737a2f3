/**
 * After a restart in the middle of a backlog (day-backlog.ts): events that are read again, some of which are in the tables. They are
 * taken all at once, since only for all of them together is it known what the tables hold.
 */
import { strict as assert } from 'node:assert'
import type { Checkpoint } from './checkpoint.ts'

export type Resuming = {
  /** Events are read again that are in the tables in part: nothing is to be committed. */
  isUnderWay(): boolean
  /** They were all read, and nothing after them. */
  isJustOver(read: Checkpoint, takenOffset: number): boolean
  /** From here on events are in the tables. */
  storedFromUs(): number
  /** The ledger with those that are in the tables already; `read` is after them. */
  count(read: Checkpoint, already: number): Checkpoint
}

const DAY_US = 86_400_000_000

export function openResuming({ nextOffset, partial }: Checkpoint): Resuming {
  const until = partial?.until ?? nextOffset
  let offset = nextOffset
  let total = 0

  return {
    isUnderWay: () => offset < until,
    isJustOver: (read, takenOffset) =>
      takenOffset < until && offset === until && read.nextOffset === until,
    storedFromUs: () =>
      offset < until ? (partial?.fromDay ?? 0) * DAY_US : Number.POSITIVE_INFINITY,
    count(read, already) {
      if (offset >= until) return read
      offset = read.nextOffset
      total += already
      assert(offset <= until, 'a backlog ends where a frame does')
      const counted = { ...read, stored: read.stored + already }
      if (offset < until) return counted
      const repeats = total - (partial?.stored ?? 0)
      const { partial: _, ...whole } = counted
      return { ...whole, stored: whole.stored - repeats, duplicates: whole.duplicates + repeats }
    },
  }
}
