/** The embedded engine: the job in a thread of this process. */
import type { Config } from '../config.ts'
import {
  type Job,
  type JobEngine,
  type JobFigures,
  type JobProgress,
  type JobStanding,
  type JobStart,
  tableFigures,
  type VerifyRequest,
} from '../job.ts'
import { inspectLog, type LogExtent, type LogPlace, readTopicExtent } from '../log.ts'
import type { Verification } from '../query.ts'
import { readLake, wholeFromUs } from '../table.ts'
import { type Checkpoint, checkpointOf, resumeFrom } from './checkpoint.ts'
import { JobError } from './error.ts'
import { heldFaults, otherNotices, othersFigures } from './held-tables.ts'
import { startJob, type ThreadProgress } from './thread.ts'

export const EMBEDDED_ENGINE: JobEngine = { start, readProgress, verify }

/** What is not committed by then waits, durable, in the log for the next start. */
const CLOSE_COMMIT_MS = 10_000

async function start(options: JobStart): Promise<Job> {
  const { config, log, acceptNewLog, killAt, onProgress, onWarning } = options
  const settings = { ...config, logCursor: log.cursor, acceptNewLog, killAt }
  const thread = await startJob(settings, {
    onWarning,
    onProgress(progress) {
      onProgress(progressOf(progress))
      log.trim(progress.checkpoint.nextOffset).catch((error: Error) => onWarning(error.message))
    },
  })
  return {
    progress: () => progressOf(thread.progress()),
    failed: thread.failed,
    page: { kind: 'live', feed: thread.feed },
    lakeWriter: thread.lakeWriter,
    close: () => thread.close(log.end(), CLOSE_COMMIT_MS),
  }
}

function progressOf({ checkpoint, ...progress }: ThreadProgress): JobProgress {
  return { ...countsOf(checkpoint), ...progress }
}

type Counts = Pick<
  JobFigures,
  'nextOffset' | 'logBase' | 'stored' | 'duplicates' | 'rejected' | 'committedUntilUs'
>

function countsOf(checkpoint: Checkpoint): Counts {
  const { nextOffset, logBase, stored, duplicates, rejected, arrivedUs } = checkpoint
  const committedUntilUs = arrivedUs === 0 ? null : arrivedUs
  return { nextOffset, logBase, stored, duplicates, rejected, committedUntilUs }
}

async function readProgress(config: Config): Promise<JobStanding> {
  const tables = await readLake(config)
  const { events, metrics } = tables
  const kept = checkpointOf(events)
  const { extent, bytes } = await readExtent(config.log, kept)
  const checkpoint = resumeFrom(kept, extent, false)
  const { id, start } = extent
  const changes = heldFaults(tables).join('; ')
  return {
    problems: changes === '' ? [] : [new JobError('tables-changed', { changes }).message],
    figures: {
      ...countsOf(checkpoint),
      tables: { events: tableFigures(events), metrics: tableFigures(metrics) },
      wholeFromUs: wholeFromUs(events),
      others: othersFigures(tables),
      notices: changes === '' ? otherNotices(tables) : [],
      lastCommit: events.timestampMs === null ? null : { atUs: events.timestampMs * 1000 },
    },
    log: { id, start, end: endOf(extent, checkpoint), bytes },
  }
}

async function readExtent(
  place: LogPlace,
  kept: Checkpoint | null,
): Promise<Readonly<{ extent: LogExtent; bytes: number }>> {
  if (place.kind === 'kafka') return { extent: await readTopicExtent(place), bytes: 0 }
  const found = await inspectLog(place.path)
  const { bytes, ...extent } = found ?? {
    id: kept?.logId ?? '',
    start: 0,
    end: kept?.nextOffset ?? 0,
    bytes: 0,
  }
  return { extent: { ...extent, partitions: null }, bytes }
}

/** Of a topic: what was taken, and what its partitions hold beyond. */
function endOf({ end, partitions }: LogExtent, { nextOffset, offsets }: Checkpoint): number {
  if (partitions === null || offsets === null) return end
  return partitions.reduce((sum, one, at) => sum + one.end - (offsets[at] ?? one.end), nextOffset)
}

/** The snapshots of both tables are of one commit: no window waits for its late events. */
async function verify(request: VerifyRequest): Promise<Verification | null> {
  const { horizonUs, fromUs, differencesMax } = request
  const { events, metrics } = await request.readTables()
  if (events.snapshotId === null || metrics.snapshotId === null) return null
  const snapshots = { eventsId: events.snapshotId, metricsId: metrics.snapshotId }
  return await request.verify({ snapshots, horizonUs, fromUs, untilUs: null, differencesMax })
}
