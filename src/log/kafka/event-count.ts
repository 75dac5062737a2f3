/**
 * Tells events from offsets for an engine that reads the topic elsewhere, such as Flink: transaction
 * markers, aborted records, heartbeats and what retention took before the engine began have offsets
 * too, and would look like events that wait, or like duplicates.
 *
 * Only the headers of batches are looked at, and batches of one record, which may be a heartbeat.
 * Reading follows the offsets that the engine has taken, and goes on past them over what holds no
 * event, since no event there will ever move the engine's own offset:
 *
 *   offset   0                 100          140 141                           300
 *            │ events          │ aborted    │ M │ events                      │ end
 *                              └─ taken         └─ until
 */
import type { KafkaPlace } from '../event-log.ts'
import { openAbortedFilter } from './aborted-filter.ts'
import { openCluster, requireTopic } from './cluster.ts'
import { explainKafka } from './error.ts'
import { type Fetched, fetchBatches } from './fetch.ts'
import { listStarts, partitionsByLeader } from './offsets.ts'
import { decompress, type RecordBatch, readBatch } from './record-batch.ts'
import { recordLines } from './record-lines.ts'

/** Of one partition. */
export type EventCount = Readonly<{
  /** Counted up to here. */
  until: number
  /** Offsets below `until` that hold no event. */
  withoutEvent: number
}>

export type EventCounter = Readonly<{
  /**
   * By partition: `counts` as far as they go now. `taken`: the offset at which the engine goes on
   * reading; null where it has begun nowhere yet. Throws LogError.
   */
  advance(
    counts: readonly EventCount[],
    taken: readonly (number | null)[],
  ): Promise<readonly EventCount[]>
  close(): Promise<void>
}>

const FETCH = { waitMs: 0, bytesMax: 16 * 1024 * 1024, partitionBytesMax: 2 * 1024 * 1024 } as const
/** More than one takes in any codec. */
const HEARTBEAT_BATCH_BYTES_MAX = 512
/** What is left is counted at the next call. */
const ADVANCE_MS_MAX = 2_000

export async function openEventCounter(
  place: KafkaPlace,
  steadyMs: () => number,
): Promise<EventCounter> {
  const cluster = await openCluster(place)
  /** By partition: the end of the batch of events that was met past what is taken. */
  const metEnds = new Map<number, number>()

  async function round(
    counts: EventCount[],
    taken: readonly (number | null)[],
    topicId: string,
  ): Promise<boolean> {
    let hasAdvanced = false
    for (const [node, partitions] of partitionsByLeader(cluster.view().topic?.leaders ?? [])) {
      const wanted = partitions
        .filter((partition) => (taken[partition] ?? 0) >= (metEnds.get(partition) ?? 0))
        .map((partition) => ({ partition, offset: counts[partition]?.until ?? 0 }))
      if (wanted.length === 0) continue
      const answer = await fetchBatches(await cluster.to(node), topicId, wanted, FETCH)
      for (const fetched of answer.partitions) {
        const { partition, errorCode } = fetched
        const before = counts[partition]
        if (before === undefined || errorCode !== 0) continue
        const { count, metEnd } = countBatches(fetched, before, taken[partition] ?? 0)
        counts[partition] = count
        if (metEnd === null) metEnds.delete(partition)
        else metEnds.set(partition, metEnd)
        if (count.until > before.until) hasAdvanced = true
      }
    }
    return hasAdvanced
  }

  async function advance(
    given: readonly EventCount[],
    taken: readonly (number | null)[],
  ): Promise<readonly EventCount[]> {
    const { id } = requireTopic(await cluster.refresh(), place)
    const starts = await listStarts(cluster)
    const counts = starts.map((start, partition) =>
      beginning(given[partition] ?? null, taken[partition] ?? null, start),
    )
    const untilMs = steadyMs() + ADVANCE_MS_MAX
    while ((await round(counts, taken, id)) && steadyMs() < untilMs);
    return counts
  }

  return {
    async advance(counts, taken) {
      try {
        return await advance(counts, taken)
      } catch (error) {
        throw explainKafka(`the records of ${place.topic} cannot be counted`, place, error)
      }
    },
    close: () => cluster.close(),
  }
}

/**
 * Where counting goes on. What retention took before the engine took anything was never for it;
 * what it took after the engine had read it were events, as far as anybody knows.
 */
export function beginning(
  count: EventCount | null,
  taken: number | null,
  start: number,
): EventCount {
  if (count === null && taken === null) return { until: start, withoutEvent: start }
  const { until, withoutEvent } = count ?? { until: 0, withoutEvent: 0 }
  return { until: Math.max(until, Math.min(start, taken ?? 0)), withoutEvent }
}

/** `metEnd`: the end of the first batch with events that are not all taken; null where none was. */
export function countBatches(
  { records, aborted }: Pick<Fetched, 'records' | 'aborted'>,
  { until, withoutEvent }: EventCount,
  taken: number,
): Readonly<{ count: EventCount; metEnd: number | null }> {
  const holdsEvents = openAbortedFilter(aborted)
  let count: EventCount = { until, withoutEvent }
  let at = 0
  for (let next = readBatch(records, at); next !== null; next = readBatch(records, at)) {
    // Damage is reported by the engine that reads it.
    if (typeof next === 'string' || !('baseOffset' in next)) break
    at += next.sizeBytes
    const events = holdsEvents(next) && !isHeartbeatAlone(next) ? next.recordCount : 0
    if (next.endOffset <= count.until) continue
    if (events > 0 && next.endOffset > taken) return { count, metEnd: next.endOffset }
    const offsets = next.endOffset - count.until
    count = {
      until: next.endOffset,
      withoutEvent: count.withoutEvent + Math.max(0, offsets - events),
    }
  }
  return { count, metEnd: null }
}

/** What cannot be read is no heartbeat, and is reported by the engine that reads it. */
export function isHeartbeatAlone({ recordCount, sizeBytes, codec, records }: RecordBatch): boolean {
  if (recordCount !== 1 || sizeBytes > HEARTBEAT_BATCH_BYTES_MAX) return false
  try {
    const decompressed = decompress(codec, records)
    // A copy, since it is written over.
    return decompressed !== null && recordLines(Buffer.from(decompressed), 1)?.count === 0
  } catch {
    return false
  }
}
