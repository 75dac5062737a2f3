/**
 * Snapshots that expiry must leave where Flink writes into the same tables, because they say how far a writer came.
 *
 * Flink's sink looks for its last committed checkpoint when it is restored: from the current snapshot along the parents, to the
 * first whose summary names its job and operator. What it finds nowhere it commits again (apache/iceberg#17925, F10), and the
 * walk ends at a parent that has expired. So every snapshot from the current one back to Flink's newest stays. Behind
 * it the newest of each earlier job, and of each log that our own keys name, stay alone: nobody walks to them, but what they
 * say can be found (`historyOf`) as long as any outage that we support.
 */
import { chainOf } from './history.ts'
import { FLINK_SUMMARY_KEYS, SUMMARY_KEYS } from './keys.ts'
import { isOwn, type Snapshot } from './snapshot.ts'
import type { TableMetadata } from './table-metadata.ts'

/** As long as an outage may last. */
const PINNED_MS = 7 * 24 * 3_600_000
/** Of jobs and logs; each submission is a job. */
const PINS_MAX = 32

export function pinnedSnapshots(
  metadata: Pick<TableMetadata, 'current' | 'snapshots'>,
  nowMs: number,
): ReadonlySet<bigint> {
  const newestFirst = metadata.snapshots.toReversed()
  const newest = new Map<string, Snapshot>()
  for (const snapshot of newestFirst) {
    for (const name of writersOf(snapshot)) if (!newest.has(name)) newest.set(name, snapshot)
  }
  const young = [...newest.values()].filter(({ timestampMs }) => nowMs - timestampMs < PINNED_MS)
  const always = [newestFirst.find(isOwn), newestFirst.find(isOfFlink)].filter(
    (snapshot) => snapshot !== undefined,
  )
  const chain = chainOf(metadata)
  const unbroken = chain.slice(0, chain.findIndex(isOfFlink) + 1)
  return new Set([...always, ...unbroken, ...young.slice(0, PINS_MAX)].map(({ id }) => id))
}

function isOfFlink({ summary }: Snapshot): boolean {
  return summary[FLINK_SUMMARY_KEYS.jobId] !== undefined
}

/** The job and the log that a snapshot is of. */
function writersOf({ summary }: Snapshot): readonly string[] {
  const job = summary[FLINK_SUMMARY_KEYS.jobId]
  const operator = summary[FLINK_SUMMARY_KEYS.operatorId]
  const log = summary[SUMMARY_KEYS.logId]
  return [
    ...(job === undefined ? [] : [`job ${job} ${operator ?? ''}`]),
    ...(log === undefined ? [] : [`log ${log}`]),
  ]
}
