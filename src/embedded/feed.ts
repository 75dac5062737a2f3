/**
 * Sends the feed: tells a reader in another thread which files the tables consist of, what each
 * commit added to the windows, and a few times a second what waits for the next commit.
 *
 *   attached ──► files ──► pending ──► pending ──► commit, with what came since ──► pending ──► …
 *                  └ again after maintenance
 *
 * The files sent last + the deltas of later commits + pending = everything the job has taken, each
 * event once, at every moment. A commit is in the tables a little before the loop knows it, so the
 * offset that the reader knows of is kept here (`sentOffset`), and everything is measured by it.
 * Costs nothing while no reader is attached.
 */
import type { MessagePort } from 'node:worker_threads'
import type { RowBatch } from '../engine.ts'
import type { WindowDelta } from '../event.ts'
import type { FeedMessage, LakeFile, MergedRawFile, Pending } from '../job.ts'
import type { DataFile } from '../table.ts'
import { type Checkpoint, positionOf } from './checkpoint.ts'
import { sumDeltas } from './day-backlog.ts'

/** Between two messages of what is pending. The one that goes with a commit does not wait. */
const PENDING_INTERVAL_MS = 250
/** With more than this a backfill is under way, and its commits are enough. */
const PENDING_WINDOWS_MAX = 10_000

export type FeedTables = Readonly<{
  /** Everything before it is in the tables. */
  nextOffset: number
  events: readonly DataFile[]
  metrics: readonly DataFile[]
  /** Rows that other programs have ever added to the tables or removed from them. */
  othersRows: number
}>

export type FeedParts = Readonly<{
  tables: () => FeedTables
  batch: Pick<RowBatch, 'peekWindows' | 'windows'>
  /** A clock that never steps back. */
  steadyMs: () => number
}>

export type Feed = {
  /**
   * Sends to this port from now on, beginning with what has been taken so far; the previous port is
   * closed.
   */
  attach(port: MessagePort): void
  /** Events up to this arrival were taken from the log into the batch. */
  took(arrivedUs: number): void
  /**
   * A commit has begun, which may take long; `left`: what was taken from the batch and waits for
   * later ones.
   */
  commitBegun(
    nextOffset: number,
    deltas: readonly WindowDelta[],
    left: readonly WindowDelta[],
  ): void
  /** That commit is in the tables. */
  committed(checkpoint: Checkpoint, added: readonly DataFile[]): void
  /**
   * The tables consist of other files: maintenance has `merged` some or removed some, or another
   * program has changed them.
   */
  filesChanged(merged: readonly MergedRawFile[]): void
  close(): void
}

export function openFeed(parts: FeedParts): Feed {
  const { batch, steadyMs } = parts
  let port: MessagePort | null = null
  let closed = false
  /** Up to here the reader knows that events are in the tables. */
  let sentOffset = 0
  /** Of the tables whose files were sent last. */
  let sentOthersRows = 0
  let arrivedUs = 0
  let underWay: Readonly<{ nextOffset: number; deltas: readonly WindowDelta[] }> | null = null
  /** Of what was taken from the batch, what later commits will bring. */
  let waiting: readonly WindowDelta[] = []
  /** What the reader was not told yet. */
  let merged: readonly MergedRawFile[] = []
  let pendingAtMs = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | null = null

  const send = (message: FeedMessage): void => port?.postMessage(message)

  /** What a message with a list of files says of these tables. */
  function listOf({ events, metrics, othersRows }: FeedTables) {
    const isRewritten = othersRows !== sentOthersRows
    sentOthersRows = othersRows
    const told = merged
    merged = []
    return { isRewritten, events: filesOf(events), metrics: filesOf(metrics), merged: told }
  }

  function sendFiles(tables: FeedTables): void {
    const { nextOffset } = tables
    sentOffset = nextOffset
    send({ kind: 'files', nextOffset, ...listOf(tables) })
  }

  /** The deltas of the commit under way, unless the reader knows it to be in the tables. */
  function underWayDeltas(): readonly WindowDelta[] {
    return underWay !== null && underWay.nextOffset > sentOffset ? underWay.deltas : []
  }

  /** Null when it is too much. */
  function readPending(): Pending | null {
    cancelTimer()
    pendingAtMs = steadyMs()
    const committing = underWayDeltas()
    const most = Math.max(committing.length, waiting.length, batch.windows)
    if (most > PENDING_WINDOWS_MAX) return null
    const deltas = sumDeltas([committing, waiting, batch.peekWindows()])
    return deltas.length > PENDING_WINDOWS_MAX ? null : { arrivedUs, deltas }
  }

  function pendingIfAny(): Pending | null {
    const count = batch.windows + waiting.length + underWayDeltas().length
    if (count > 0) return readPending()
    cancelTimer()
    return null
  }

  function sendPending(pending: Pending | null): void {
    if (pending !== null) send({ kind: 'pending', baseOffset: sentOffset, ...pending })
  }

  function cancelTimer(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
  }

  function detach(): void {
    cancelTimer()
    port?.close()
    port = null
  }

  return {
    attach(next): void {
      detach()
      if (closed) {
        next.close()
        return
      }
      port = next
      next.once('close', () => {
        if (port === next) detach()
      })
      sendFiles(parts.tables())
      sendPending(pendingIfAny())
    },
    took(untilUs): void {
      arrivedUs = untilUs
      if (port === null || timer !== null) return
      const waitMs = pendingAtMs + PENDING_INTERVAL_MS - steadyMs()
      timer = setTimeout(() => sendPending(readPending()), Math.max(0, waitMs))
    },
    commitBegun(nextOffset, deltas, left): void {
      underWay = { nextOffset, deltas }
      waiting = left
    },
    committed(checkpoint, added): void {
      const deltas = underWayDeltas()
      underWay = null
      if (port === null) return
      const nextOffset = positionOf(checkpoint)
      // A reader that came after the commit had landed, and before this was known, has these files
      // already.
      if (nextOffset > sentOffset) {
        sentOffset = nextOffset
        send({
          kind: 'commit',
          nextOffset,
          arrivedUs: checkpoint.arrivedUs,
          deltas,
          added: filesOf(added),
          ...listOf(parts.tables()),
          // In one message: between two, a reader's figures would fall.
          pending: pendingIfAny(),
        })
      } else sendPending(pendingIfAny())
    },
    filesChanged(files): void {
      if (port === null) return
      merged = [...merged, ...files]
      const tables = parts.tables()
      // A commit has landed meanwhile: its message follows, with these files.
      if (tables.nextOffset === sentOffset) sendFiles(tables)
    },
    close(): void {
      closed = true
      detach()
    },
  }
}

function filesOf(files: readonly DataFile[]): LakeFile[] {
  return files.map(({ path, day, rows }) => ({ path, day, rows }))
}
