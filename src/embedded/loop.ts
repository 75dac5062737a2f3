/**
 * The job's loop: read frames, feed the engine, commit. The same way live and after a restart.
 *
 *   reading    frames from the checkpoint's offset into the row batch
 *   due        the batch is older than the commit interval, or holds COMMIT_BYTES, or the
 *              dedupe generation ends
 *   backlog    rows taken from the engine, of which one commit takes so many days (day-backlog.ts)
 *   commit     data files -> metrics files -> both pointers in one transaction (commit-rows.ts)
 *
 * While a commit writes, the next batch is already being read; there is never more than one commit
 * under way.
 */
import type { RowBatch } from '../engine.ts'
import type { RejectionReason } from '../event.ts'
import { type Frame, recordsOf } from '../log.ts'
import { type Checkpoint, positionOf } from './checkpoint.ts'
import { type CommitParts, commitRows } from './commit-rows.ts'
import { openDayBacklog, openResuming, type Slice, type Taken } from './day-backlog.ts'
import { type DedupeClock, generationOf } from './dedupe.ts'
import { JobError } from './error.ts'
import type { Feed } from './feed.ts'

/** A batch with more raw bytes is committed early. */
const COMMIT_BYTES = 64 * 1024 * 1024
/** Days in a commit: each takes two files, some milliseconds. */
const COMMIT_DAYS = 256
/** Raw bytes of batches that are in the tables in part: a restart takes them at once. */
const PARTIAL_BYTES_MAX = 2 * COMMIT_BYTES
/**
 * Commits take at most this share of the time: a backfill over hundreds of windows commits in
 * larger steps.
 */
const COMMIT_TIME_SHARE = 0.5
const COMMIT_INTERVAL_MS_MAX = 30_000
/** Above this rate maintenance waits. */
const BUSY_EVENTS_PER_SECOND = 100_000
/** A job without a commit for this long is not busy. */
const BUSY_MS = 5_000
/** At a stop: after this time without a frame the log counts as read to its end. */
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

export type LoopParts = CommitParts &
  Readonly<{
    checkpoint: Checkpoint
    commitIntervalMs: number
    /** Days in a commit; COMMIT_DAYS unless given. */
    commitDays?: number
    horizonUs: number
    /** The start of the oldest day that the tables keep, for an event with this arrival. */
    keptFromUs: (arrivalUs: number) => number
    /** A clock that never steps back, for intervals. */
    steadyMs: () => number
    readFrame: (fromOffset: number, waitMs: number) => Promise<Frame | null>
    /**
     * The end of the last line that is known to be in the log: what is behind the last frame may
     * turn out not to be lines.
     */
    logEnd: () => number
    batch: RowBatch
    /**
     * Waits for other programs that are about to commit: time that our commits have not taken. Does
     * not reject.
     */
    giveWay: () => Promise<void>
    dedupeClock: Pick<DedupeClock, 'advance' | 'idle'>
    feed: Pick<Feed, 'took' | 'commitBegun' | 'committed'>
    keepRejected: (records: readonly Rejected[]) => Promise<void>
    onCommit: (checkpoint: Checkpoint, durationMs: number) => void
  }>

export type Loop = {
  /**
   * Ends when stopped, with everything that was read committed, or as much of very many days as the
   * time for reading allowed; or throws what stopped it.
   */
  run(): Promise<void>
  /**
   * Reads what is in the log up to `untilOffset`, commits and ends; reads for `readingMs` at most.
   */
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

  const backlog = openDayBacklog({
    checkpoint: parts.checkpoint,
    daysMax: parts.commitDays ?? COMMIT_DAYS,
    rawBytesMax: PARTIAL_BYTES_MAX,
    generation: (dedupeUs) => generation(dedupeUs),
  })
  const resuming = openResuming(parts.checkpoint)

  /** What was taken from the batch ends here. */
  let takenOffset = read.nextOffset
  const isEmpty = (): boolean => read.nextOffset === takenOffset

  function noteBegin(dedupeUs: number): void {
    if (!isEmpty()) return
    batchSinceMs = steadyMs()
    batchFromUs = dedupeUs
  }

  /** Records whose arrival is not known cannot be judged, whatever they hold. */
  async function refuse(frame: Frame): Promise<void> {
    noteBegin(read.dedupeUs)
    await parts.keepRejected(refused(frame, parts.nowUs()))
    read = {
      ...read,
      nextOffset: frame.firstOffset + frame.count,
      offsets: frame.origin?.offsets ?? read.offsets,
      rejected: read.rejected + frame.count,
    }
    read = resuming.count(read, 0)
    closeLedger(read)
  }

  async function take(frame: Frame, dedupeUs: number): Promise<void> {
    const { arrivalUs } = frame
    noteBegin(dedupeUs)
    const keptFromUs = parts.keptFromUs(arrivalUs)
    const storedFromUs = resuming.storedFromUs()
    const result = batch.add(frame.bytes, { arrivalUs, keptFromUs, dedupeUs, storedFromUs })
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
    read = resuming.count(read, result.already)
    closeLedger(read)
  }

  async function writeCommit(slice: Slice): Promise<void> {
    await parts.giveWay()
    const startMs = steadyMs()
    const { checkpoint } = slice
    const added = await commitRows(parts, slice, () => stopAt === null)
    parts.feed.committed(checkpoint, added)
    const elapsedMs = steadyMs() - committedAtMs
    eventsPerSecond = ((checkpoint.nextOffset - committed.nextOffset) * 1000) / elapsedMs
    committedAtMs = steadyMs()
    committed = checkpoint
    const durationMs = steadyMs() - startMs
    intervalMs = nextIntervalMs(parts.commitIntervalMs, durationMs)
    parts.onCommit(committed, durationMs)
  }

  function takeBatch(): Taken {
    takenOffset = read.nextOffset
    const dedupe = { minUs: batchFromUs, maxUs: read.dedupeUs }
    const { rawBytes } = batch
    return { rows: batch.take(), checkpoint: read, dedupe, rawBytes }
  }

  function startCommit(): void {
    if (!isEmpty() && backlog.hasRoom) backlog.put(takeBatch())
    const slice = backlog.next()
    parts.feed.commitBegun(positionOf(slice.checkpoint), slice.windows, backlog.windows())
    committing = writeCommit(slice).then(
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
    if (!isEmpty() || !backlog.isEmpty) startCommit()
  }

  /** Reading waits until the batch is taken. */
  const isLarge = (): boolean =>
    batch.rawBytes >= COMMIT_BYTES || batch.full || resuming.isJustOver(read, takenOffset)

  function dueInMs(): number {
    if (!backlog.isEmpty) return 0
    return isEmpty() ? READ_WAIT_MS : intervalMs - (steadyMs() - batchSinceMs)
  }

  async function step(): Promise<void> {
    if (failure !== undefined) throw failure
    // A batch that is due waits for the commit under way while it may still grow; a large one makes
    // reading wait.
    if (!resuming.isUnderWay()) {
      if (dueInMs() <= 0 && committing === null) await commitNow()
      while (isLarge()) await commitNow()
    }
    const waitMs = committing !== null ? 5 : Math.max(0, Math.min(READ_WAIT_MS, dueInMs()))
    const frame = await parts.readFrame(read.nextOffset, waitMs)
    if (frame === null) {
      if (read.nextOffset >= parts.logEnd()) parts.dedupeClock.idle()
      return
    }
    frameAtMs = steadyMs()
    if (frame.hasSenderTime === true) return await refuse(frame)
    const dedupeUs = parts.dedupeClock.advance(frame.arrivalUs)
    // No raw file holds two generations, so that a restart rebuilds the same sets.
    while (isNextGeneration(dedupeUs)) await commitNow()
    await take(frame, dedupeUs)
  }

  const generation = (dedupeUs: number): number => generationOf(dedupeUs, parts.horizonUs)

  function isNextGeneration(dedupeUs: number): boolean {
    if (isEmpty() || resuming.isUnderWay()) return false
    return generation(dedupeUs) > generation(read.dedupeUs)
  }

  /**
   * What is not committed by the deadline waits in the log; the checkpoint tells what of it is in
   * the tables.
   */
  async function commitRest(): Promise<void> {
    if (resuming.isUnderWay()) return
    do await commitNow()
    while (!backlog.isEmpty && steadyMs() < (stopAt?.deadlineMs ?? 0))
  }

  function isDone(): boolean {
    if (stopAt === null) return false
    if (read.nextOffset >= stopAt.offset || steadyMs() >= stopAt.deadlineMs) return true
    return read.nextOffset >= parts.logEnd() && steadyMs() - frameAtMs > QUIET_MS
  }

  return {
    async run(): Promise<void> {
      while (!isDone()) await step()
      await commitRest()
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

/** All records of the frame; `readUs`: when they were read. */
function refused(frame: Frame, readUs: number): Rejected[] {
  return [...recordsOf(frame)].map(({ bytes, ...place }) => ({
    bytes: bytes.slice(),
    reason: 'sender-time',
    arrivalUs: readUs,
    ...place,
  }))
}

/**
 * Every event read is stored, a duplicate or rejected; anything else is a defect that must not be
 * committed.
 */
function closeLedger(at: Checkpoint): void {
  const taken = at.stored + at.duplicates + at.rejected
  if (taken !== at.logBase + at.nextOffset) {
    throw new JobError('ledger-open', { taken, nextOffset: at.nextOffset, logBase: at.logBase })
  }
}

function nextIntervalMs(configuredMs: number, durationMs: number): number {
  const shareMs = durationMs / COMMIT_TIME_SHARE
  return Math.min(Math.max(configuredMs, shareMs), Math.max(configuredMs, COMMIT_INTERVAL_MS_MAX))
}
