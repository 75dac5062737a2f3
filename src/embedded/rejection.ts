/** What the job rejects: how old an event may be, and how rejected ones are kept. */
import { setTimeout as sleep } from 'node:timers/promises'
import { KEEPS_ALL_US, keptFromUs } from '../event.ts'
import { keptPlaces, RejectedError, type RejectedStore } from '../rejected.ts'
import { systemCode } from '../runtime.ts'
import { type Lake, wholeFromUs } from '../table.ts'
import { type Checkpoint, rejectedKeptUntil } from './checkpoint.ts'
import type { Rejected } from './loop.ts'
import type { JobSettings } from './message.ts'

export type KeepRejectedParts = Readonly<{
  store: RejectedStore
  /** What an earlier run has kept is read again after a crash, and is not kept twice. */
  keptUntil: (partition: number | undefined) => number
  onStall: (message: string) => void
  /** Whether to go on waiting. */
  goesOn: () => boolean
}>

const PAUSE_MS = 1_000
/**
 * Something else is where the folder should be: a mistake that a person has to correct, not a state
 * of the disk.
 */
const MISTAKES: ReadonlySet<string | null> = new Set(['EEXIST', 'ENOTDIR'])
const MS_PER_DAY = 86_400_000
const SPARE_DAYS = 1

/**
 * Keeps rejected events, and waits where that cannot be done for now: an event counts as taken once
 * it is kept. Throws RejectedError where waiting does not help, or has ended.
 */
export async function keepRejected(
  { store, keptUntil, onStall, goesOn }: KeepRejectedParts,
  records: readonly Rejected[],
): Promise<void> {
  const fresh = records.filter((one) => one.offset > keptUntil(one.partition))
  for (;;) {
    try {
      await store.keep(fresh)
      return
    } catch (error) {
      if (!(error instanceof RejectedError && mayPass(error) && goesOn())) throw error
      onStall(error.message)
    }
    await sleep(PAUSE_MS)
  }
}

function mayPass({ canRetry, cause }: RejectedError): boolean {
  return canRetry && !MISTAKES.has(systemCode(cause))
}

/**
 * Up to which offset of a partition (0 of a folder) an earlier run has kept rejected events that it
 * could not commit.
 */
export async function keptBeyond(
  directory: string,
  store: RejectedStore,
  checkpoint: Checkpoint,
): Promise<KeepRejectedParts['keptUntil']> {
  if (checkpoint.offsets === null) {
    const until = rejectedKeptUntil(checkpoint, store.stats())
    return () => until
  }
  const places = await keptPlaces(directory, 'job', checkpoint.rejected)
  return (partition = 0) => places.get(partition) ?? -1
}

/**
 * The retention of both tables in days, 0 for ever. A topic may hold events that the collector let
 * in on the day before they reached it: their day is kept one day longer.
 */
export function retentionDaysOf(
  settings: JobSettings,
): Readonly<{ events: number; metrics: number }> {
  const spareDays = settings.log.kind === 'kafka' ? SPARE_DAYS : 0
  const daysOf = (ms: number): number => (ms === 0 ? 0 : ms / MS_PER_DAY + spareDays)
  const { eventsMs, metricsMs } = settings.retention
  return { events: daysOf(eventsMs), metrics: daysOf(metricsMs) }
}

/**
 * The start of the oldest day that is kept, by arrival. The collector has judged what the folder
 * holds, and what it accepted is stored. A topic also holds what others wrote past the collector:
 * that is judged here, if it arrived since this start, so that a changed setting rejects no event
 * that was accepted under another. No event goes into a day that is no longer whole.
 */
export function openKeptFrom(
  settings: JobSettings,
  lake: Pick<Lake, 'events'>,
  startedUs: number,
): (arrivalUs: number) => number {
  const { events, metrics } = retentionDaysOf(settings)
  const isJudged = settings.log.kind === 'kafka'
  return (arrivalUs) => {
    const wholeUs = wholeFromUs(lake.events) ?? KEEPS_ALL_US
    if (!isJudged || arrivalUs < startedUs) return wholeUs
    return Math.max(wholeUs, keptFromUs(arrivalUs, events, metrics))
  }
}
