/** Keeps what the job rejects, and waits where that cannot be done for now: an event is taken once it is kept. */
import { setTimeout as sleep } from 'node:timers/promises'
import { keptPlaces, RejectedError, type RejectedStore } from '../rejected.ts'
import { type Checkpoint, rejectedKeptUntil } from './checkpoint.ts'
import type { Rejected } from './loop.ts'

export type KeepRejectedParts = Readonly<{
  store: RejectedStore
  /** What a run before this one has kept already is read again after a crash, not kept again. */
  keptUntil: (partition: number | undefined) => number
  onHeldUp: (message: string) => void
  /** Whether to go on waiting. */
  goesOn: () => boolean
}>

const PAUSE_MS = 1_000
/** Something else stands where the folder should be: a mistake that a person has to mend, and no state of the disk. */
const MISTAKES: ReadonlySet<unknown> = new Set(['EEXIST', 'ENOTDIR'])

/** Throws RejectedError where no waiting helps, or nothing is waited for any more. */
export async function keepRejected(
  { store, keptUntil, onHeldUp, goesOn }: KeepRejectedParts,
  records: readonly Rejected[],
): Promise<void> {
  const fresh = records.filter((one) => one.offset > keptUntil(one.partition))
  for (;;) {
    try {
      await store.keep(fresh)
      return
    } catch (error) {
      if (!(error instanceof RejectedError && mayPass(error) && goesOn())) throw error
      onHeldUp(error.message)
    }
    await sleep(PAUSE_MS)
  }
}

function mayPass({ canRetry, cause }: RejectedError): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null
  return canRetry && !MISTAKES.has(code)
}

/** Up to which offset of a partition (0 of a folder) a run before this one has kept what it rejected, and could not commit it. */
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
