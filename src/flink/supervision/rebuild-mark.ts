/**
 * The mark of a rebuilt state, kept in the tables: where a job without state begins to read, and
 * what was stored by then. Every later submission goes by it, until a newer one.
 *
 *   Flink's commits   ──J1──J1──J1──┬──J2──J2──►
 *                                   │ mark: J1 is past, no checkpoint of it is gone on from
 *
 * Numbers of checkpoints begin anew behind a mark, so commits of the jobs before it must not be
 * compared with later ones.
 */
import {
  FLINK_SUMMARY_KEYS,
  type Lake,
  newestValue,
  newestWith,
  type SnapshotView,
  SUMMARY_KEYS,
  type TableView,
} from '../../table.ts'
import type { Rebuilt } from '../job/job-sql.ts'

export type RebuildMark = Rebuilt &
  Readonly<{
    id: string
    /** The jobs that had made the newest commits of the two tables. */
    pastJobs: readonly string[]
    /** By partition: the offset at which a job without a checkpoint begins. */
    from: readonly number[]
  }>

type Views = Readonly<{ events: TableView; metrics: TableView }>

/** Null where the state was never rebuilt. */
export function rebuildMark(metrics: TableView): RebuildMark | null {
  const text = newestValue(metrics, SUMMARY_KEYS.flinkRebuilt)
  return text === undefined ? null : JSON.parse(text)
}

export async function writeRebuildMark(lake: Lake, mark: RebuildMark): Promise<void> {
  await lake.commit({
    metrics: { add: [], remove: [] },
    summary: { [SUMMARY_KEYS.flinkRebuilt]: JSON.stringify(mark) },
    commitId: mark.id,
  })
}

/** Whether a job before the mark made the commit. */
export function isPast(
  { summary }: Pick<SnapshotView, 'summary'>,
  mark: RebuildMark | null,
): boolean {
  return mark?.pastJobs.includes(summary[FLINK_SUMMARY_KEYS.jobId] ?? '') ?? false
}

/** The newest commit of a job after the mark, in one of the tables. */
export function newestFlinkCommit(view: TableView, mark: RebuildMark | null): SnapshotView | null {
  const newest = newestWith(view, FLINK_SUMMARY_KEYS.checkpointId)
  return newest === null || isPast(newest, mark) ? null : newest
}

/** The jobs that a new mark makes past. */
export function jobsOf({ events, metrics }: Views): readonly string[] {
  const ids = [events, metrics].flatMap((view) => {
    const newest = newestWith(view, FLINK_SUMMARY_KEYS.checkpointId)
    return newest?.summary[FLINK_SUMMARY_KEYS.jobId] ?? []
  })
  return [...new Set(ids)]
}
