/** Carries out one commit of the job: raw files, metrics files, both pointers; again for as long as the failure may pass. */
import type { WindowDelta } from '../event.ts'
import { KEEPS_ALL_US } from '../event.ts'
import { freeBytes, settleAll } from '../runtime.ts'
import type { Windows } from '../table.ts'
import { type Change, type DataFile, isTransient, type TimeRange } from '../table.ts'
import { positionOf, writeCheckpoint } from './checkpoint.ts'
import type { DayRows, Slice } from './day-backlog.ts'
import { JobError } from './error.ts'

export type CommitParts = Readonly<{
  /** The start of the first day that both tables keep whole; null while nothing was dropped. */
  wholeFromUs: () => number | null
  nowUs: () => number
  windows: Pick<Windows, 'amend'>
  writeEventsFile: (rows: DayRows['rows'], dedupe: TimeRange) => Promise<DataFile>
  /** Runs nothing else that commits meanwhile: the metrics files a commit replaces are chosen inside. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>
  commit: (change: Change) => Promise<void>
  /** Removes files that were written and are in no table. */
  discard: (files: readonly DataFile[]) => Promise<void>
  pause: (durationMs: number) => Promise<unknown>
  /** Commits are held up, by a full disk or a service that is away, and tried again: why. */
  onHeldUp: (message: string) => void
}>

/** Files of other days are written side by side. */
const WRITES_AT_ONCE = 8
/** After a failure that may pass, until the commit is tried again. */
const HELD_UP_PAUSE_MS = 1_000

/** The raw files that were committed. Tries again while `goesOn`. */
export async function commitRows(
  parts: CommitParts,
  slice: Slice,
  goesOn: () => boolean,
): Promise<readonly DataFile[]> {
  let added = await tryCommit(parts, slice, goesOn)
  while (added === null) {
    await parts.pause(HELD_UP_PAUSE_MS)
    added = await tryCommit(parts, slice, goesOn)
  }
  freePages(slice)
  return added
}

/** Null after a failure that may pass, a full disk or a service that is away, when nothing was: the same rows are written again. */
async function tryCommit(
  parts: CommitParts,
  slice: Slice,
  goesOn: () => boolean,
): Promise<readonly DataFile[] | null> {
  const { checkpoint } = slice
  const written = await settleAll(slice.days, WRITES_AT_ONCE, ({ rows, dedupe }) =>
    parts.writeEventsFile(rows, dedupe),
  )
  const rawFiles = written.flatMap((file) => (file.status === 'fulfilled' ? [file.value] : []))
  let unused = rawFiles
  try {
    for (const file of written) if (file.status === 'rejected') throw file.reason
    await parts.exclusively(async () => {
      refuseDropped(slice.windows, parts.wholeFromUs())
      const metrics = await parts.windows.amend(slice.windows, parts.nowUs())
      unused = [...rawFiles, ...metrics.add]
      await parts.commit({
        commitId: `${checkpoint.logId}-${positionOf(checkpoint)}`,
        summary: writeCheckpoint(checkpoint),
        events: { add: rawFiles, remove: [] },
        metrics,
      })
    })
    return rawFiles
  } catch (error) {
    if (!isTransient(error) || !goesOn()) throw error
    await parts.discard(unused)
    parts.onHeldUp(error.message)
    return null
  }
}

/**
 * A window is never changed once rows of it are gone: its sums could not be held against its events any more (F26). Events of such days
 * are rejected when they are read, and days are dropped only when none of their events can be under way; so this does not happen.
 */
function refuseDropped(windows: readonly WindowDelta[], wholeFromUs: number | null): void {
  const dropped = windows.find(({ windowStartUs }) => windowStartUs < (wholeFromUs ?? KEEPS_ALL_US))
  if (dropped === undefined) return
  throw new JobError('day-dropped', { windowStartUs: dropped.windowStartUs })
}

function freePages({ days }: Slice): void {
  for (const { rows } of days) {
    for (const { pages } of rows.columns) for (const { bytes } of pages) freeBytes(bytes)
  }
}
