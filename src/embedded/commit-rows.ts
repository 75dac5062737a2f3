/**
 * Carries out one commit of the job: raw files, metrics files, both pointers; again while the
 * failure may pass by itself.
 */
import { KEEPS_ALL_US, type WindowDelta } from '../event.ts'
import { freeBytes, settleAll } from '../runtime.ts'
import {
  type Change,
  type DataFile,
  isTransient,
  TableError,
  type TimeRange,
  type Windows,
} from '../table.ts'
import { positionOf, writeCheckpoint } from './checkpoint.ts'
import type { DayRows, Slice } from './day-backlog.ts'
import { JobError } from './error.ts'

export type CommitParts = Readonly<{
  /** The start of the first day that both tables keep whole; null while nothing was dropped. */
  wholeFromUs: () => number | null
  nowUs: () => number
  windows: Pick<Windows, 'amend'>
  writeEventsFile: (rows: DayRows['rows'], dedupe: TimeRange) => Promise<DataFile>
  /**
   * Nothing else commits meanwhile: the metrics files that a commit replaces are chosen inside.
   */
  exclusively: Mutex
  commit: (change: Change) => Promise<void>
  /** Removes files that were written and are in no table. */
  discard: (files: readonly DataFile[]) => Promise<void>
  pause: (durationMs: number) => Promise<unknown>
  /** Why commits fail for now (a full disk, a service that is away). They are tried again. */
  onStall: (message: string) => void
}>

/** Files of other days are written side by side. */
const WRITES_AT_ONCE = 8
/** Between a failed commit and the next try. */
const RETRY_PAUSE_MS = 1_000

/** Returns the raw files that were committed. Retries while `goesOn`. */
export async function commitRows(
  parts: CommitParts,
  slice: Slice,
  goesOn: () => boolean,
): Promise<readonly DataFile[]> {
  let added = await tryCommit(parts, slice, goesOn)
  while (added === null) {
    await parts.pause(RETRY_PAUSE_MS)
    added = await tryCommit(parts, slice, goesOn)
  }
  freePages(slice)
  return added
}

/**
 * Null after a failure that may pass, when nothing was committed: the same rows are then written
 * again.
 */
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
    // Another program has replaced a metrics file: the windows are amended in what is there now.
    const isStale = error instanceof TableError && error.code === 'missing-file'
    if (!isStale && (!isTransient(error) || !goesOn())) throw error
    await parts.discard(unused)
    if (!isStale) parts.onStall(error.message)
    return null
  }
}

/**
 * A window is never changed once rows of it are gone: its sums could no longer be compared with its
 * events (F26). Events of such days are rejected when they are read, and days are dropped only when
 * none of their events can be under way; so this does not happen.
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

export type Mutex = <T>(work: () => Promise<T>) => Promise<T>

/** Runs work in the order it came, one at a time. */
export function openMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work, work)
    last = mine.catch(() => {})
    return mine
  }
}
