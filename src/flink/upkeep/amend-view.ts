/** What the amendments need to know of both tables, from their metadata. */
import type { SnapshotIds } from '../../query.ts'
import { eventTimes, newestWith, type TableView, wholeFromUs, windowStarts } from '../../table.ts'
import type { AmendInput, Marks } from './amend-plan.ts'

/** Both tables as of one moment. */
export type AmendView = Omit<AmendInput, 'marks' | 'windowUs'> &
  Readonly<{
    snapshots: SnapshotIds
    /** Of the last run, as far as a commit could keep them. */
    marks: Marks
  }>

const CHECKPOINT_KEY = 'flink.max-committed-checkpoint-id'
/** In the summaries of our snapshots. */
const SEQUENCE_KEY = 'campaign-metrics.amended-sequence'
const UNTIL_KEY = 'campaign-metrics.amended-until'
/** No event is older. */
const FIRST_DAY_US = Date.UTC(2000, 0, 1) * 1000

/** Null while a table is empty. */
export function amendView(
  { events, metrics }: Readonly<{ events: TableView; metrics: TableView }>,
  windowUs: number,
): AmendView | null {
  if (events.snapshotId === null || metrics.snapshotId === null) return null
  return {
    snapshots: { eventsId: events.snapshotId, metricsId: metrics.snapshotId },
    raw: {
      sequence: events.sequenceNumber,
      checkpoint: checkpointOf(events),
      files: events.entries.map(({ file, sequenceNumber }) => ({
        path: file.path,
        firstUs: eventTimes(file).firstUs,
        // A rewrite keeps that of the newest rows in it, so that what was checked is not checked
        // again.
        sequence: sequenceNumber,
      })),
    },
    metrics: {
      checkpoint: closingCheckpoint(metrics),
      closedUntilUs: closedUntilUs(metrics, windowUs),
    },
    keptFromUs: wholeFromUs(metrics) ?? FIRST_DAY_US,
    marks: marksIn(metrics),
  }
}

/**
 * Until when windows are closed: the end of the last one that Flink has committed; null where it
 * has committed none.
 */
export function closedUntilUs(metrics: TableView, windowUs: number): number | null {
  if (metrics.files.length === 0) return null
  return Math.max(...metrics.files.map((file) => windowStarts(file).lastUs)) + windowUs
}

export function marksSummary({ sequence, untilUs }: Marks): Record<string, string> {
  return {
    [SEQUENCE_KEY]: String(sequence),
    ...(untilUs === null ? {} : { [UNTIL_KEY]: String(untilUs) }),
  }
}

function marksIn(metrics: TableView): Marks {
  const summary = newestWith(metrics, SEQUENCE_KEY)?.summary ?? {}
  const untilUs = summary[UNTIL_KEY]
  return {
    sequence: Number(summary[SEQUENCE_KEY] ?? 0),
    untilUs: untilUs === undefined ? null : Number(untilUs),
  }
}

/**
 * Of the newest commit of windows. Later ones without any tell nothing about what is closed, and
 * the raw table need not wait for them.
 */
function closingCheckpoint(metrics: TableView): number | null {
  const closing = metrics.history.find(
    ({ summary }) =>
      summary[CHECKPOINT_KEY] !== undefined && summary['added-records'] !== undefined,
  )
  const text = closing?.summary[CHECKPOINT_KEY]
  return text === undefined ? checkpointOf(metrics) : Number(text)
}

function checkpointOf(view: TableView): number | null {
  const text = newestWith(view, CHECKPOINT_KEY)?.summary[CHECKPOINT_KEY]
  return text === undefined ? null : Number(text)
}
