/**
 * Rows taken from the engine that are not in the tables yet. Each day needs files of its own in
 * both tables, so a body that reaches back ten years is thousands of files. They are committed in
 * slices, the newest days first, and what has arrived since goes along:
 *
 *              day ▲                  ┌────────┐
 *                  │  in the tables   │ joins  │
 *          fromDay ├──────────────────┴────────┤
 *                  │  next slice               │
 *                  ├───────────────────────────┤
 *                  │  waits                    │
 *                  └───────────────────────────┴──► offset
 *                  nextOffset        until    until
 *
 * So one line tells at any time which rows of these offsets are in the tables: the days from
 * `fromDay` on. The checkpoint has it (`partial`), and a restart continues there. What would bring
 * too many days above the line waits until the rest is done.
 */

import { strict as assert } from 'node:assert'
import type { TakenBatch } from '../engine.ts'
import { keyOf, type WindowDelta } from '../event.ts'
import type { TimeRange } from '../table.ts'
import type { Checkpoint } from './checkpoint.ts'

/** What was taken from the engine at once. */
export type Taken = Readonly<{
  rows: TakenBatch
  /** After the last of its events. */
  checkpoint: Checkpoint
  /** Dedupe times of its events. */
  dedupe: TimeRange
  rawBytes: number
}>

export type DayRows = Readonly<{ rows: TakenBatch['days'][number]; dedupe: TimeRange }>

/** What one commit writes, and the checkpoint after it. */
export type Slice = Readonly<{
  days: readonly DayRows[]
  windows: readonly WindowDelta[]
  checkpoint: Checkpoint
}>

export type DayBacklog = {
  /** Nothing waits. */
  readonly isEmpty: boolean
  /** Whether more may be put in. */
  readonly hasRoom: boolean
  put(taken: Taken): void
  /** Takes the newest days out. */
  next(): Slice
  /** What the windows will gain from what waits. */
  windows(): readonly WindowDelta[]
}

export type DayBacklogOptions = Readonly<{
  checkpoint: Checkpoint
  /** Days of one slice. */
  daysMax: number
  /** A restart takes everything that is in the tables in part at once: the limit on that. */
  rawBytesMax: number
  /** Rows of two generations are never in one slice. */
  generation: (dedupeUs: number) => number
}>

type Day = Readonly<{ rows: DayRows[]; windows: (readonly WindowDelta[])[] }>

const DAY_US = 86_400_000_000

export function openDayBacklog(options: DayBacklogOptions): DayBacklog {
  const { rawBytesMax, generation } = options
  /** What the tables hold, as of the last slice. */
  let { checkpoint } = options
  /** What they hold after all slices. */
  let until = checkpoint
  let days = new Map<number, Day>()
  let rawBytes = 0
  let ahead: Taken | null = null

  // The partitions of a topic are not read again in the same order, so a line over its offsets
  // would mean nothing.
  const daysMax = checkpoint.offsets === null ? options.daysMax : Number.POSITIVE_INFINITY
  const fromDay = (): number => checkpoint.partial?.fromDay ?? Number.POSITIVE_INFINITY

  function mayJoin(taken: Taken): boolean {
    if (days.size === 0) return true
    const joining = taken.rows.days.filter(({ day }) => day >= fromDay())
    return (
      joining.length <= daysMax / 2 &&
      rawBytes + taken.rawBytes <= rawBytesMax &&
      generation(taken.checkpoint.dedupeUs) === generation(until.dedupeUs)
    )
  }

  function join({ rows, dedupe, ...taken }: Taken): void {
    until = taken.checkpoint
    rawBytes += taken.rawBytes
    const windows = Map.groupBy(rows.windows, dayOf)
    for (const each of rows.days) {
      const day: Day = days.get(each.day) ?? { rows: [], windows: [] }
      day.rows.push({ rows: each, dedupe })
      day.windows.push(windows.get(each.day) ?? [])
      days.set(each.day, day)
    }
  }

  function afterSlice(written: readonly DayRows[], oldestDay: number): Checkpoint {
    if (days.size === 0) return until
    const { partial } = checkpoint
    const rows = written.reduce((sum, each) => sum + each.rows.rows, 0)
    return {
      ...checkpoint,
      partial: {
        until: until.nextOffset,
        fromDay: Math.min(fromDay(), oldestDay),
        stored: (partial?.stored ?? 0) + rows,
        commits: (partial?.commits ?? 0) + 1,
      },
    }
  }

  return {
    get isEmpty() {
      return days.size === 0 && ahead === null
    },
    get hasRoom() {
      return ahead === null
    },
    put(taken) {
      ahead = taken
    },
    next() {
      if (ahead !== null && mayJoin(ahead)) {
        join(ahead)
        ahead = null
      }
      const newest = [...days].toSorted(([a], [b]) => b - a)
      const joined = newest.filter(([day]) => day >= fromDay()).length
      const slice = newest.slice(0, Math.max(joined, daysMax))
      days = new Map(newest.slice(slice.length))
      if (days.size === 0) rawBytes = 0
      const written = slice.flatMap(([, { rows }]) => rows)
      const windows = slice.flatMap(([, day]) => sumDeltas(day.windows))
      checkpoint = afterSlice(written, slice.at(-1)?.[0] ?? Number.POSITIVE_INFINITY)
      return { days: written, windows, checkpoint }
    },
    windows() {
      const waiting = [...days.values()].flatMap(({ windows }) => sumDeltas(windows))
      return ahead === null ? waiting : sumDeltas([waiting, ahead.rows.windows])
    },
  }
}

function dayOf({ windowStartUs }: WindowDelta): number {
  return Math.floor(windowStartUs / DAY_US)
}

/**
 * After a restart in the middle of a backlog: events that are read again, some of which are in the
 * tables. They are taken all at once, since only for all of them together is it known what the
 * tables hold.
 */
export type Resuming = {
  /** Events are read again that are in the tables in part: nothing is to be committed. */
  isUnderWay(): boolean
  /** All of them were read, and nothing after them. */
  isJustOver(read: Checkpoint, takenOffset: number): boolean
  /** From here on events are in the tables. */
  storedFromUs(): number
  /** The ledger with those that are in the tables already; `read` is after them. */
  count(read: Checkpoint, already: number): Checkpoint
}

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

/**
 * What windows gain, from several lists together: each window once, as it already is in each of the
 * lists.
 */
export function sumDeltas(lists: readonly (readonly WindowDelta[])[]): readonly WindowDelta[] {
  const [first = [], ...others] = lists.filter((list) => list.length > 0)
  if (others.length === 0) return first
  const sums = new Map(first.map((delta) => [keyOf(delta), delta]))
  for (const delta of others.flat()) {
    const key = keyOf(delta)
    const sum = sums.get(key)
    sums.set(key, sum === undefined ? delta : addDelta(sum, delta))
  }
  return [...sums.values()]
}

function addDelta(a: WindowDelta, b: WindowDelta): WindowDelta {
  return {
    ...a,
    impressions: a.impressions + b.impressions,
    clicks: a.clicks + b.clicks,
    conversions: a.conversions + b.conversions,
    revenueMillionths: a.revenueMillionths + b.revenueMillionths,
  }
}
