/**
 * The dedup memory: which event ids were stored within the horizon.
 *
 * Dedupe time (dedupe-clock.ts) is cut into generations as long as the horizon H: generation = floor(dedupe time / H). Ids live in
 * the set of the generation they came in; sets of the current generation and the one before it are asked, older ones dropped.
 *
 *        g-1            g            g+1
 *   |------a-------|-----------|-----------|      a is found until the end of g:
 *          |<---- H ---->|                        at least H, at most 2 H after it came
 *
 * So within the horizon a repeat is always a duplicate and past twice the horizon it is new, however sparse the traffic,
 * and a restart rebuilds the same sets: no raw file holds events of two generations (see `generationOf`).
 * Duplicates and rejected events never enter a set, so they never refresh or occupy an id.
 *
 * Memory is at most `bytesMax`, in SETS_MAX sets. When they are full the oldest goes early, and the true horizon,
 * how far back every stored id is known, becomes shorter than the configured one; `trueHorizonMs` says so.
 */
import { strict as assert } from 'node:assert'
import type { IdSet, RecentIds } from '../engine.ts'

const SETS_MAX = 4

export type DedupMemory = RecentIds & {
  /** Puts ids of a raw file back; `cameUs` is the largest dedupe time in that file. */
  remember(hashes: Uint8Array, rows: number, cameUs: number): void
  /** Whether ids that came at `cameUs` can still matter at `nowUs`. */
  covers(cameUs: number, nowUs: number): boolean
  stats(nowUs: number): DedupStats
}

export type DedupStats = Readonly<{
  horizonMs: number
  trueHorizonMs: number
  ids: number
  bytes: number
}>

export type DedupOptions = Readonly<{
  horizonUs: number
  bytesMax: number
  openSet: (options: { bytesMax: number }) => IdSet
}>

type Generation = { readonly number: number; readonly firstUs: number; readonly set: IdSet }

export function generationOf(dedupeUs: number, horizonUs: number): number {
  return Math.floor(dedupeUs / horizonUs)
}

export function openDedupMemory(options: DedupOptions): DedupMemory {
  const { horizonUs, openSet } = options
  const setBytesMax = Math.floor(options.bytesMax / SETS_MAX)
  const sets: Generation[] = []
  /** Ids that came before this may have been forgotten for want of memory. */
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
    stats(nowUs): DedupStats {
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
