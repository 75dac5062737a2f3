/** What the amendments need to know of both tables, from their metadata. */
import type { SnapshotIds } from '../../query.ts'
import {
  COUNT_KEYS,
  changedSpans,
  eventTimes,
  FLINK_SUMMARY_KEYS,
  newestValue,
  newestWith,
  SUMMARY_KEYS,
  type TableView,
  wholeFromUs,
  windowStarts,
} from '../../table.ts'
import { FIRST_US } from '../job/retention.ts'
import type { AmendInput, Marks } from './amend-plan.ts'

/** Both tables as of one moment. */
export type AmendView = Omit<AmendInput, 'marks' | 'windowUs'> &
  Readonly<{
    snapshots: SnapshotIds
    /** Of the last run, as far as a commit could keep them. */
    marks: Marks
  }>

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
      changed: changedSpans(events.properties),
    },
    metrics: {
      checkpoint: closingCheckpoint(metrics),
      closedUntilUs: closedUntilUs(metrics, windowUs),
    },
    keptFromUs: wholeFromUs(metrics) ?? FIRST_US,
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
    [SUMMARY_KEYS.amendedSequence]: String(sequence),
    ...(untilUs === null ? {} : { [SUMMARY_KEYS.amendedUntilUs]: String(untilUs) }),
  }
}

function marksIn(metrics: TableView): Marks {
  const summary = newestWith(metrics, SUMMARY_KEYS.amendedSequence)?.summary ?? {}
  const untilUs = summary[SUMMARY_KEYS.amendedUntilUs]
  return {
    sequence: Number(summary[SUMMARY_KEYS.amendedSequence] ?? 0),
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
      summary[FLINK_SUMMARY_KEYS.checkpointId] !== undefined &&
      summary[COUNT_KEYS.addedRows] !== undefined,
  )
  const text = closing?.summary[FLINK_SUMMARY_KEYS.checkpointId]
  return text === undefined ? checkpointOf(metrics) : Number(text)
}

function checkpointOf(view: TableView): number | null {
  const text = newestValue(view, FLINK_SUMMARY_KEYS.checkpointId)
  return text === undefined ? null : Number(text)
}
