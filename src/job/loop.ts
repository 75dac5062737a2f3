/**
 * The job's loop: read frames, feed the engine, commit. The same way live and after a restart.
 *
 *   reading    frames from the checkpoint's offset into the row batch
 *   due        the batch is older than the commit interval, or holds COMMIT_BYTES, or the dedup generation ends
 *   commit     rows taken from the engine -> data files -> metrics files -> both pointers in one transaction
 *
 * While a commit writes, the next batch is already being read; there is never more than one commit under way.
 */
import type { RowBatch, TakenBatch } from '../engine.ts'
import { KEEPS_ALL_US, type RejectionReason } from '../event.ts'
import { freeBytes } from '../free-bytes.ts'
import type { Frame } from '../log.ts'
import { settleAll } from '../settle-all.ts'
import { type Change, type DataFile, mayPass, type TimeRange } from '../table.ts'
import type { Checkpoint } from './checkpoint.ts'
import { writeCheckpoint } from './checkpoint.ts'
import { generationOf } from './dedup-memory.ts'
import type { DedupeClock } from './dedupe-clock.ts'
import { JobError } from './error.ts'
import type { Feed } from './feed.ts'
import type { Windows } from './windows.ts'

/** Raw bytes in a batch past which it is committed before its time. */
const COMMIT_BYTES = 64 * 1024 * 1024
/** Commits take at most this share of the time: a backfill over hundreds of windows commits in larger steps. */
const COMMIT_TIME_SHARE = 0.5
const COMMIT_INTERVAL_MS_MAX = 30_000
/** Files of other days are written side by side. */
const WRITES_AT_ONCE = 8
/** From here on maintenance steps back. */
const BUSY_EVENTS_PER_SECOND = 100_000
/** So long after the last commit it is no longer busy. */
const BUSY_MS = 5_000
/** After a failure that may pass, until the commit is tried again. */
const HELD_UP_PAUSE_MS = 1_000
/** At a stop: no frame for so long, and none known of, means that there is none. */
const QUIET_MS = 1_000
/** How long one read waits for events, at most. */
const READ_WAIT_MS = 200

export type Rejected = Readonly<{
  bytes: Uint8Array
  reason: RejectionReason
  arrivalUs: number
  /** Of a topic. */
  partition?: number
  offset: number
}>

export type LoopParts = Readonly<{
  checkpoint: Checkpoint
  commitIntervalMs: number
  horizonUs: number
  /** The start of the oldest day that the tables keep, for an event with this arrival. */
  keptFromUs: (arrivalUs: number) => number
  /** The start of the first day that both tables keep whole; null while nothing was dropped. */
  wholeFromUs: () => number | null
  nowUs: () => number
  /** A clock that never steps back, for intervals. */
  steadyMs: () => number
  readFrame: (fromOffset: number, waitMs: number) => Promise<Frame | null>
  /** After the last line that is known to be in the log: what stands behind the last frame may turn out to be no lines. */
  logEnd: () => number
  batch: RowBatch
  windows: Pick<Windows, 'amend'>
  dedupeClock: Pick<DedupeClock, 'advance' | 'idle'>
  feed: Pick<Feed, 'took' | 'commitBegun' | 'committed'>
  keepRejected: (records: readonly Rejected[]) => Promise<void>
  writeEventsFile: (rows: TakenBatch['days'][number], dedupe: TimeRange) => Promise<DataFile>
  /** Runs nothing else that commits meanwhile: the metrics files a commit replaces are chosen inside. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>
  commit: (change: Change) => Promise<void>
  /** Removes files that were written and are in no table. */
  discard: (files: readonly DataFile[]) => Promise<void>
  pause: (durationMs: number) => Promise<unknown>
  /** Commits are held up, by a full disk or a service that is away, and tried again: why. */
  onHeldUp: (message: string) => void
  onCommit: (checkpoint: Checkpoint, durationMs: number) => void
}>

export type Loop = {
  /** Ends when stopped, with everything that was read committed; or throws what stopped it. */
  run(): Promise<void>
  /** Reads what is in the log up to `untilOffset`, commits and ends; reads for `readingMs` at most. */
  stop(untilOffset: number, readingMs: number): void
  /** Events come so fast that the processors are wanted here. */
  isBusy(): boolean
}

export function openLoop(parts: LoopParts): Loop {
  const { batch, steadyMs } = parts
  let committed = parts.checkpoint
  let read = parts.checkpoint
  let batchSinceMs = 0
  /** Dedupe time of the first event in the batch. */
  let batchFromUs = 0
  let committedAtMs = steadyMs()
  /** Between the last two commits. */
  let eventsPerSecond = 0
  let intervalMs = parts.commitIntervalMs
  let committing: Promise<void> | null = null
  let failure: unknown
  let stopAt: { offset: number; deadlineMs: number } | null = null
  let frameAtMs = steadyMs()

  /** What the commits so far, the one under way included, have taken. */
  let takenOffset = read.nextOffset
  const isEmpty = (): boolean => read.nextOffset === takenOffset

  async function take(frame: Frame, dedupeUs: number): Promise<void> {
    const { arrivalUs } = frame
    if (isEmpty()) {
      batchSinceMs = steadyMs()
      batchFromUs = dedupeUs
    }
    const keptFromUs = parts.keptFromUs(arrivalUs)
    const result = batch.add(frame.bytes, { arrivalUs, keptFromUs, dedupeUs })
    parts.feed.took(arrivalUs)
    if (result.rejected.length > 0) {
      await parts.keepRejected(
        result.rejected.map(({ index, reason, start, end }) => ({
          bytes: frame.origin?.originalOf(index) ?? frame.bytes.slice(start, end),
          reason,
          arrivalUs,
          ...(frame.origin?.placeOf(index) ?? { offset: frame.firstOffset + index }),
        })),
      )
    }
    read = {
      ...read,
      nextOffset: frame.firstOffset + frame.count,
      arrivedUs: arrivalUs,
      dedupeUs,
      offsets: frame.origin?.offsets ?? read.offsets,
      stored: read.stored + result.stored,
      duplicates: read.duplicates + result.duplicates,
      rejected: read.rejected + result.rejected.length,
    }
    closeLedger(read)
  }

  async function writeCommit(
    taken: TakenBatch,
    checkpoint: Checkpoint,
    dedupe: TimeRange,
  ): Promise<void> {
    const startMs = steadyMs()
    let added = await tryCommit(taken, checkpoint, dedupe)
    while (added === null) {
      await parts.pause(HELD_UP_PAUSE_MS)
      added = await tryCommit(taken, checkpoint, dedupe)
    }
    parts.feed.committed(checkpoint, added)
    freePages(taken)
    const elapsedMs = steadyMs() - committedAtMs
    eventsPerSecond = ((checkpoint.nextOffset - committed.nextOffset) * 1000) / elapsedMs
    committedAtMs = steadyMs()
    committed = checkpoint
    const durationMs = steadyMs() - startMs
    intervalMs = nextIntervalMs(parts.commitIntervalMs, durationMs)
    parts.onCommit(committed, durationMs)
  }

  /**
   * The raw files that were committed; null after a failure that may pass, a full disk or a service that is away, when nothing
   * was: the same rows are written again.
   */
  async function tryCommit(
    taken: TakenBatch,
    checkpoint: Checkpoint,
    dedupe: TimeRange,
  ): Promise<readonly DataFile[] | null> {
    const written = await settleAll(taken.days, WRITES_AT_ONCE, (rows) =>
      parts.writeEventsFile(rows, dedupe),
    )
    const rawFiles = written.flatMap((file) => (file.status === 'fulfilled' ? [file.value] : []))
    let unused = rawFiles
    try {
      for (const file of written) if (file.status === 'rejected') throw file.reason
      await parts.exclusively(async () => {
        refuseDropped(taken, parts.wholeFromUs())
        const metrics = await parts.windows.amend(taken.windows, parts.nowUs())
        unused = [...rawFiles, ...metrics.add]
        await parts.commit({
          commitId: `${checkpoint.logId}-${checkpoint.nextOffset}`,
          summary: writeCheckpoint(checkpoint),
          events: { add: rawFiles, remove: [] },
          metrics,
        })
      })
      return rawFiles
    } catch (error) {
      if (!mayPass(error) || stopAt !== null) throw error
      await parts.discard(unused)
      parts.onHeldUp(error.message)
      return null
    }
  }

  function startCommit(): void {
    const checkpoint = read
    takenOffset = checkpoint.nextOffset
    const taken = batch.take()
    parts.feed.commitBegun(checkpoint.nextOffset, taken.windows)
    const dedupe = { minUs: batchFromUs, maxUs: checkpoint.dedupeUs }
    committing = writeCommit(taken, checkpoint, dedupe).then(
      () => {
        committing = null
      },
      (error: unknown) => {
        failure = error
        committing = null
      },
    )
  }

  async function commitNow(): Promise<void> {
    if (committing !== null) await committing
    if (failure !== undefined) throw failure
    if (!isEmpty()) startCommit()
  }

  const dueInMs = (): number =>
    isEmpty() ? READ_WAIT_MS : intervalMs - (steadyMs() - batchSinceMs)

  async function step(): Promise<void> {
    if (failure !== undefined) throw failure
    const large = batch.rawBytes >= COMMIT_BYTES || batch.full
    // A batch that is due waits for the commit under way while it may still grow; a large one makes reading wait.
    if (large || (!isEmpty() && dueInMs() <= 0 && committing === null)) await commitNow()
    const waitMs = committing !== null ? 5 : Math.max(0, Math.min(READ_WAIT_MS, dueInMs()))
    const frame = await parts.readFrame(read.nextOffset, waitMs)
    if (frame === null) {
      if (read.nextOffset >= parts.logEnd()) parts.dedupeClock.idle()
      return
    }
    frameAtMs = steadyMs()
    const dedupeUs = parts.dedupeClock.advance(frame.arrivalUs)
    // No raw file holds two generations, so that a restart rebuilds the same sets.
    if (!isEmpty() && generation(dedupeUs) > generation(read.dedupeUs)) await commitNow()
    await take(frame, dedupeUs)
  }

  const generation = (dedupeUs: number): number => generationOf(dedupeUs, parts.horizonUs)

  function isDone(): boolean {
    if (stopAt === null) return false
    if (read.nextOffset >= stopAt.offset || steadyMs() >= stopAt.deadlineMs) return true
    return read.nextOffset >= parts.logEnd() && steadyMs() - frameAtMs > QUIET_MS
  }

  return {
    async run(): Promise<void> {
      while (!isDone()) await step()
      await commitNow()
      if (committing !== null) await committing
      if (failure !== undefined) throw failure
    },
    stop(untilOffset, readingMs): void {
      frameAtMs = steadyMs()
      stopAt = { offset: untilOffset, deadlineMs: steadyMs() + readingMs }
    },
    isBusy: () => eventsPerSecond > BUSY_EVENTS_PER_SECOND && steadyMs() - committedAtMs < BUSY_MS,
  }
}

/** Every event read is stored, a duplicate or rejected; anything else is a defect that must not be committed. */
function closeLedger(at: Checkpoint): void {
  const taken = at.stored + at.duplicates + at.rejected
  if (taken !== at.logBase + at.nextOffset) {
    throw new JobError('ledger-open', { taken, nextOffset: at.nextOffset, logBase: at.logBase })
  }
}

/**
 * A window is never changed once rows of it are gone: its sums could not be held against its events any more (F26). Events of such days
 * are rejected when they are read, and days are dropped only when none of their events can be under way; so this does not happen.
 */
function refuseDropped({ windows }: TakenBatch, wholeFromUs: number | null): void {
  const dropped = windows.find(({ windowStartUs }) => windowStartUs < (wholeFromUs ?? KEEPS_ALL_US))
  if (dropped === undefined) return
  throw new JobError('day-dropped', { windowStartUs: dropped.windowStartUs })
}

function freePages(taken: TakenBatch): void {
  for (const { columns } of taken.days) {
    for (const { pages } of columns) for (const { bytes } of pages) freeBytes(bytes)
  }
}

function nextIntervalMs(configuredMs: number, durationMs: number): number {
  const shareMs = durationMs / COMMIT_TIME_SHARE
  return Math.min(Math.max(configuredMs, shareMs), Math.max(configuredMs, COMMIT_INTERVAL_MS_MAX))
}
