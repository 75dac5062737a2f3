/** What the amendments need to know of both tables, from their metadata. */
import type { SnapshotIds } from '../../query.ts'
import {
  COUNT_KEYS,
  changedSpans,
  eventTimes,
  FLINK_SUMMARY_KEYS,
  newestValue,
  newestWith,
  type SnapshotView,
  SUMMARY_KEYS,
  type TableView,
  wholeFromUs,
  windowStarts,
} from '../../table.ts'
import { FIRST_US } from '../job/retention.ts'
import {
  isPast,
  newestFlinkCommit,
  type RebuildMark,
  rebuildMark,
} from '../supervision/rebuild-mark.ts'
import type { AmendInput, Marks } from './amend-plan.ts'

/** Both tables as of one moment. */
export type AmendView = Omit<AmendInput, 'marks' | 'windowUs'> &
  Readonly<{
    snapshots: SnapshotIds
    /** Of the last run, as far as a commit could keep them. */
    marks: Marks
  }>

/** Windows that were written again, and the events that they did not count before. */
export type Amended = Readonly<{ windows: number; lateEvents: number }>

/**
 * Null while a table is empty. `heartbeatsUntilUs`: until when a heartbeat has closed windows, with
 * rows or without, as of earlier snapshots than these.
 */
export function amendView(
  { events, metrics }: Readonly<{ events: TableView; metrics: TableView }>,
  windowUs: number,
  heartbeatsUntilUs: number | null = null,
): AmendView | null {
  if (events.snapshotId === null || metrics.snapshotId === null) return null
  const mark = rebuildMark(metrics)
  return {
    snapshots: { eventsId: events.snapshotId, metricsId: metrics.snapshotId },
    raw: {
      sequence: events.sequenceNumber,
      checkpoint: checkpointOf(events, mark),
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
      checkpoint: closingCheckpoint(metrics, mark),
      closedUntilUs: latest(closedUntilUs(metrics, windowUs), heartbeatsUntilUs),
    },
    keptFromUs: wholeFromUs(metrics) ?? FIRST_US,
    marks: marksIn(metrics),
  }
}

/**
 * Until when windows are closed, as far as the table tells: the end of the last one that Flink has
 * committed, or of what was amended; null where that is nothing.
 */
export function closedUntilUs(metrics: TableView, windowUs: number): number | null {
  const { untilUs } = marksIn(metrics)
  if (metrics.files.length === 0) return untilUs
  const starts = metrics.files.map((file) => windowStarts(file).lastUs)
  return latest(Math.max(...starts) + windowUs, untilUs)
}

function latest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other)
}

export function marksSummary({ sequence, untilUs }: Marks): Record<string, string> {
  return {
    [SUMMARY_KEYS.amendedSequence]: String(sequence),
    ...(untilUs === null ? {} : { [SUMMARY_KEYS.amendedUntilUs]: String(untilUs) }),
  }
}

/** What was ever amended. */
export function amendedIn(metrics: TableView): Amended {
  const numberOf = (key: string): number => Number(newestValue(metrics, key) ?? 0)
  return {
    windows: numberOf(SUMMARY_KEYS.amendedWindows),
    lateEvents: numberOf(SUMMARY_KEYS.lateEvents),
  }
}

/** For the commit that amends more. */
export function amendedSummary(before: Amended, more: Amended): Record<string, string> {
  return {
    [SUMMARY_KEYS.amendedWindows]: String(before.windows + more.windows),
    [SUMMARY_KEYS.lateEvents]: String(before.lateEvents + more.lateEvents),
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
function closingCheckpoint(metrics: TableView, mark: RebuildMark | null): number | null {
  const closing = metrics.history.find(
    ({ summary }) =>
      summary[FLINK_SUMMARY_KEYS.checkpointId] !== undefined &&
      summary[COUNT_KEYS.addedRows] !== undefined,
  )
  return closing === undefined || isPast(closing, mark)
    ? checkpointOf(metrics, mark)
    : checkpointIn(closing)
}

function checkpointOf(view: TableView, mark: RebuildMark | null): number | null {
  const newest = newestFlinkCommit(view, mark)
  return newest === null ? null : checkpointIn(newest)
}

function checkpointIn({ summary }: SnapshotView): number {
  return Number(summary[FLINK_SUMMARY_KEYS.checkpointId])
}
