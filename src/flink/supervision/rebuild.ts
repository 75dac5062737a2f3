/**
 * Rebuilds the job's state where it cannot be taken over (`start --rebuild-state`): a job without
 * state reads the topic again, from one horizon before what the tables do not hold yet. What they
 * hold is read only to be remembered.
 *
 *   topic      ────────┬───────────────────┬────────────────┬──────► end
 *                      │ from              │ storedUntil    │ Flink's own offset, which may be ahead
 *                      └─── one horizon ───┘
 *   the job            remembers ids       stores, too
 *   windows    those that ended until `closedUntilUs` have rows; others are compared once they
 *              close, like all (upkeep)
 *
 * All of it is found out again from the tables and the topic, as often as it is asked for; nothing
 * is changed before the mark is written, in one commit.
 */
import { type Frame, findOffsetsAt, type KafkaPlace, openRangeReader } from '../../log.ts'
import type { DataFile } from '../../table.ts'
import { FlinkError } from '../error.ts'
import { REMEMBERED_HORIZONS } from '../job/job-settings.ts'
import type { Retention } from '../job/retention.ts'
import { type IdSet, newIdSet } from './id-set.ts'
import { openStoredOffsets } from './stored-offsets.ts'

export type RebuildParts = Readonly<{
  topic: KafkaPlace
  /** By partition: where Flink's group goes on; null where it has committed nothing. */
  taken: readonly (number | null)[]
  /** When Flink has last committed to the tables. */
  committedMs: number
  /** When a client of the REST catalog has last removed rows; null where none has. */
  removedMs: number | null
  horizonMs: number
  retention: Retention
  /** Raw files that were written since a time, and the ids in one. */
  filesSince: (ms: number) => Promise<readonly DataFile[]>
  readIds: (file: DataFile) => AsyncIterable<readonly Uint8Array[]>
  /** The user's consent where the topic does not reach far enough. */
  acceptRepeats: boolean
  /** Ends a reading that takes long. */
  signal: AbortSignal
  steadyMs: () => number
}>

export type Reach =
  | Readonly<{ kind: 'found'; from: readonly number[]; storedUntil: readonly number[] }>
  | Readonly<{ kind: 'refused'; why: string }>

/** By how much clocks may differ, and offsets be ahead of the tables. */
const SPARE_MS = 600_000
/** How long a record that is there is waited for. */
const READ_WAIT_MS = 60_000
const READ_STEP_MS = 1_000

/** Why it would go wrong, as far as that can be told at once; null if it would not. Throws LogError. */
export async function whyNotRebuilt(parts: RebuildParts): Promise<string | null> {
  return await whyNotFrom(parts, (await lackingMs(parts)) - parts.horizonMs - SPARE_MS)
}

async function whyNotFrom(parts: RebuildParts, fromMs: number): Promise<string | null> {
  if (parts.acceptRepeats) return null
  const { topic } = parts.topic
  const removed = whyRemoved(parts, fromMs)
  if (removed !== null) return removed
  const places = await findOffsetsAt(parts.topic, fromMs)
  const short = places.findIndex(({ start, at, end }) => start > 0 && at === start && end > at)
  if (short === -1) return null
  return (
    `The state cannot be rebuilt: that needs what reached the topic ${topic} since ` +
    `${new Date(fromMs).toISOString()}, one dedupe.horizon before what the tables lack, and ` +
    `partition ${short} begins later, at offset ${places[short]?.start}. Repeats of what is gone ` +
    'could not be recognised. If nothing was sent twice, or for good: ' +
    'campaign-metrics start --rebuild-state --accept-repeats'
  )
}

/** A row that is gone looks like an event that was never stored; what follows would be stored again. */
function whyRemoved({ removedMs, acceptRepeats }: RebuildParts, fromMs: number): string | null {
  if (acceptRepeats || removedMs === null || removedMs < fromMs) return null
  return (
    'The state cannot be rebuilt: a client of the REST catalog removed rows of campaign_events at ' +
    `${new Date(removedMs).toISOString()}, so ids no longer tell what is stored of the topic since ` +
    `${new Date(fromMs).toISOString()}. Fill new tables by naming another warehouse and catalog. If ` +
    'events may be stored twice, and removed ones again: ' +
    'campaign-metrics start --rebuild-state --accept-repeats'
  )
}

/** While no job writes. Throws LogError, TableError. */
export async function findReach(parts: RebuildParts): Promise<Reach> {
  const { topic, taken, horizonMs } = parts
  const untilMs = await lackingMs(parts)
  const why = await whyNotFrom(parts, untilMs - horizonMs - SPARE_MS)
  if (why !== null) return { kind: 'refused', why }
  for (let backMs = horizonMs + SPARE_MS; ; backMs *= 2) {
    const fromMs = untilMs - backMs
    // Further back more may have been removed.
    const removed = whyRemoved(parts, fromMs)
    if (removed !== null) return { kind: 'refused', why: removed }
    const places = await findOffsetsAt(topic, fromMs)
    const from = places.map(({ at }, partition) => Math.min(at, taken[partition] ?? at))
    const stored = await readStoredIds(parts, fromMs)
    if (stored === null) return { kind: 'refused', why: tooMany() }
    const storedUntil = await findStored(parts, from, stored)
    // Where Flink has read on and nothing of that is stored, what came before may not be, either.
    const isEnough = places.every(({ start }, partition) => {
      const begin = from[partition] ?? start
      return storedUntil[partition] !== begin || begin >= (taken[partition] ?? 0) || begin === start
    })
    if (isEnough) return { kind: 'found', from, storedUntil }
  }
}

/** What reached the topic before it is in the tables, as far as times tell. */
async function lackingMs(parts: RebuildParts): Promise<number> {
  const places = await findOffsetsAt(parts.topic, 0)
  const from = places.map(({ start }, partition) =>
    Math.max(start, parts.taken[partition] ?? start),
  )
  for await (const { arrivalUs } of framesFrom(parts, from)) {
    return Math.min(parts.committedMs, arrivalUs / 1000)
  }
  return parts.committedMs
}

/** To the end of the topic. */
async function* framesFrom(
  { topic, signal, steadyMs }: RebuildParts,
  from: readonly number[],
): AsyncGenerator<Frame> {
  const reader = await openRangeReader(topic, from, steadyMs)
  try {
    let read = 0
    let readMs = steadyMs()
    while (reader.end() > read) {
      signal.throwIfAborted()
      const frame = await reader.next(read, READ_STEP_MS)
      if (frame !== null) {
        yield frame
        read = frame.firstOffset + frame.count
        readMs = steadyMs()
      } else if (steadyMs() - readMs > READ_WAIT_MS) {
        const why = `the topic ${topic.topic} has records that cannot be read now`
        throw new FlinkError('state', { why })
      }
    }
  } finally {
    await reader.close()
  }
}

/**
 * Whatever the job had in mind while it read records that came since: two horizons before them.
 * Null where memory does not suffice.
 */
async function readStoredIds(parts: RebuildParts, fromMs: number): Promise<IdSet | null> {
  const stored = newIdSet()
  const sinceMs = fromMs - REMEMBERED_HORIZONS * parts.horizonMs - SPARE_MS
  for (const file of await parts.filesSince(sinceMs)) {
    parts.signal.throwIfAborted()
    for await (const ids of parts.readIds(file)) {
      for (const id of ids) {
        if (!stored.add(id)) return null
      }
    }
  }
  return stored
}

async function findStored(
  parts: RebuildParts,
  from: readonly number[],
  stored: IdSet,
): Promise<readonly number[]> {
  const found = openStoredOffsets(stored, from, parts.retention)
  for await (const frame of framesFrom(parts, from)) {
    // What came after the last commit is not stored.
    if (frame.arrivalUs / 1000 > parts.committedMs + SPARE_MS) break
    found.take(frame)
    if (found.isDone()) break
  }
  return found.offsets()
}

function tooMany(): string {
  return (
    'The state cannot be rebuilt: the files that were written since hold more event ids than fit ' +
    'into memory. Fill new tables by naming another warehouse and catalog.'
  )
}
