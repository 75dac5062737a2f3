/**
 * Deduplication: which event ids were stored within the horizon, and the time by which they age.
 *
 * Dedupe time is cut into generations as long as the horizon H: generation = floor(dedupe time /
 * H). Ids live in the set of the generation they came in; sets of the current generation and the
 * one before it are asked, older ones are dropped.
 *
 *        g-1            g            g+1
 *   |------a-------|-----------|-----------|      a is found until the end of g:
 *          |<---- H ---->|                        at least H, at most 2 H after it came
 *
 * So within the horizon a repeat is always a duplicate and past twice the horizon it is new,
 * however sparse the traffic, and a restart rebuilds the same sets: no raw file holds events of two
 * generations (see `generationOf`). Duplicates and rejected events never enter a set, so they never
 * refresh or occupy an id.
 *
 * Memory is at most `bytesMax`, in SETS_MAX sets. When they are full the oldest goes early, and the
 * true horizon, how far back every stored id is known, becomes shorter than the configured one;
 * `trueHorizonMs` says so.
 */
import { strict as assert } from 'node:assert'
import type { IdSet, RecentIds, RowBatch } from '../engine.ts'
import type { JobFigures } from '../job.ts'
import type { DataFile, Lake } from '../table.ts'

const SETS_MAX = 4

export type DedupeMemory = RecentIds & {
  /** Puts ids of a raw file back; `cameUs` is the largest dedupe time in that file. */
  remember(hashes: Uint8Array, rows: number, cameUs: number): void
  /** Whether ids that came at `cameUs` can still matter at `nowUs`. */
  covers(cameUs: number, nowUs: number): boolean
  stats(nowUs: number): NonNullable<JobFigures['dedupe']>
}

export type DedupeOptions = Readonly<{
  horizonUs: number
  bytesMax: number
  openSet: (options: { bytesMax: number }) => IdSet
}>

type Generation = { readonly number: number; readonly firstUs: number; readonly set: IdSet }

export function generationOf(dedupeUs: number, horizonUs: number): number {
  return Math.floor(dedupeUs / horizonUs)
}

export function openDedupeMemory(options: DedupeOptions): DedupeMemory {
  const { horizonUs, openSet } = options
  const setBytesMax = Math.floor(options.bytesMax / SETS_MAX)
  const sets: Generation[] = []
  /** Ids that came before this may have been forgotten, because memory was short. */
  let coveredFromUs = Number.NEGATIVE_INFINITY

  function newestFor(dedupeUs: number): Generation {
    const number = generationOf(dedupeUs, horizonUs)
    while (sets[0] !== undefined && sets[0].number < number - 1) sets.shift()
    const newest = sets.at(-1)
    if (newest !== undefined && newest.number >= number && !newest.set.full) return newest
    if (sets.length === SETS_MAX) {
      sets.shift()
      coveredFromUs = Math.max(coveredFromUs, sets[0]?.firstUs ?? dedupeUs)
    }
    const opened = {
      number: Math.max(number, newest?.number ?? number),
      firstUs: dedupeUs,
      set: openSet({ bytesMax: setBytesMax }),
    }
    sets.push(opened)
    return opened
  }

  function admit(hashes: Uint8Array, rows: number, mask: Uint8Array, dedupeUs: number): void {
    let newest = newestFor(dedupeUs)
    for (const older of sets) if (older !== newest) older.set.markPresent(hashes, rows, mask)
    let done = newest.set.insertNew(hashes, rows, mask)
    while (done < rows) {
      const full = newest
      newest = newestFor(dedupeUs)
      assert(newest !== full, 'a full set is followed by a new one')
      const rest = mask.subarray(done)
      full.set.markPresent(hashes.subarray(done * 16), rows - done, rest)
      done += newest.set.insertNew(hashes.subarray(done * 16), rows - done, rest)
    }
  }

  return {
    admit,
    remember(hashes, rows, cameUs): void {
      admit(hashes, rows, new Uint8Array(rows), cameUs)
    },
    covers(cameUs, nowUs): boolean {
      return generationOf(cameUs, horizonUs) >= generationOf(nowUs, horizonUs) - 1
    },
    stats(nowUs) {
      const coveredUs = Math.max(0, nowUs - coveredFromUs)
      return {
        horizonMs: horizonUs / 1000,
        trueHorizonMs: Math.floor(Math.min(horizonUs, coveredUs) / 1000),
        ids: sets.reduce((sum, { set }) => sum + set.size, 0),
        bytes: sets.reduce((sum, { set }) => sum + set.bytes, 0),
      }
    },
  }
}

/**
 * Reads the ids of the last horizon back from the raw files after a restart: the table is the only
 * state there is. Oldest first, as the ids came in, so that memory which does not suffice forgets
 * the oldest. `fromUs` is the dedupe time from which the job goes on. Asks `goesOn` before each
 * page, and returns false once that was false: the memory is then incomplete, and nothing may be
 * admitted by it.
 */
export async function rebuildMemory(
  lake: Pick<Lake, 'events' | 'fileTimes' | 'readEventIds'>,
  hashIds: RowBatch['hashIds'],
  memory: DedupeMemory,
  fromUs: number,
  goesOn: () => boolean,
): Promise<boolean> {
  const needed: { file: DataFile; maxUs: number }[] = []
  for (const file of lake.events.files) {
    if (!goesOn()) return false
    const { maxUs } = (await lake.fileTimes(file)).dedupe
    if (memory.covers(maxUs, fromUs)) needed.push({ file, maxUs })
  }
  needed.sort((a, b) => a.maxUs - b.maxUs)
  for (const { file, maxUs } of needed) {
    for await (const ids of lake.readEventIds(file)) {
      if (!goesOn()) return false
      memory.remember(hashIds(ids), ids.length, maxUs)
    }
  }
  return true
}

/** The same for one file, which another program has added while the job runs. */
export async function rememberFile(
  lake: Pick<Lake, 'fileTimes' | 'readEventIds'>,
  hashIds: RowBatch['hashIds'],
  memory: DedupeMemory,
  file: DataFile,
): Promise<void> {
  const { maxUs } = (await lake.fileTimes(file)).dedupe
  for await (const ids of lake.readEventIds(file)) {
    memory.remember(hashIds(ids), ids.length, maxUs)
  }
}

/**
 * Dedupe time, in microseconds. It begins at the wall clock's time when a table is begun, and from
 * then on advances only as far as two clocks agree that time has passed:
 *
 *   steady    while the process runs; it stops while the machine is suspended, and cannot be set
 *   arrival   from one event to the next, by the wall clock
 *
 * So a wall clock that jumps ahead forgets no id early, nor does a job that reads hours of backlog
 * in minutes, and time in which the process does not run does not count. An id is remembered for
 * one horizon of dedupe time at least.
 */
export type DedupeClock = {
  /** The dedupe time of an event with this arrival. Never decreases. */
  advance(arrivalUs: number): number
  /** Every event that has arrived was read: time until the next one counts in full. */
  idle(): void
  /** The time now, provided that no event waits to be read. */
  now(): number
}

/**
 * How much steady time is credited to an event that may have waited, and how much is carried to the
 * next one. The wall clock ticks in milliseconds and events come more often, so some must be; not
 * more, so that a clock that jumps finds none to use.
 */
const CREDIT_US_MAX = 60_000_000

export function openDedupeClock(
  start: Readonly<{ dedupeUs: number; arrivedUs: number }>,
  clocks: Readonly<{ nowUs: () => number; steadyMs: () => number }>,
): DedupeClock {
  let { dedupeUs, arrivedUs } = start
  let steadyMs = clocks.steadyMs()
  /** Steady time that arrivals have not used yet. */
  let creditUs = 0

  function gain(maxUs: number): void {
    const nowMs = clocks.steadyMs()
    creditUs += Math.min((nowMs - steadyMs) * 1000, maxUs)
    steadyMs = nowMs
  }

  const agreedUs = (arrivalUs: number): number =>
    Math.max(0, Math.floor(Math.min(creditUs, arrivalUs - arrivedUs)))

  return {
    advance(arrivalUs) {
      gain(CREDIT_US_MAX)
      const passedUs = agreedUs(arrivalUs)
      creditUs = Math.min(creditUs - passedUs, CREDIT_US_MAX)
      // The first event of new tables begins the axis.
      dedupeUs = dedupeUs === 0 ? arrivalUs : dedupeUs + passedUs
      arrivedUs = arrivalUs
      return dedupeUs
    },
    idle: () => gain(Number.POSITIVE_INFINITY),
    now() {
      gain(Number.POSITIVE_INFINITY)
      return dedupeUs + agreedUs(clocks.nowUs())
    },
  }
}
