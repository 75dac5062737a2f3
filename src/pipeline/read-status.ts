/** The status without a running process: from the tables, the log and `rejected/`, changing nothing. */
import type { Config } from '../config.ts'
import {
  type Checkpoint,
  type JobProgress,
  readCheckpoint,
  resumeFrom,
  tableFigures,
} from '../embedded.ts'
import { inspectLog, type LogExtent, type LogPlace, readTopicExtent } from '../log.ts'
import { countRejected } from '../rejected.ts'
import { readLake, wholeFromUs } from '../table.ts'
import { flinkSettings, openFlinkProgress } from './flink-progress.ts'
import { type LogFigures, type Status, statusOf } from './status.ts'

export async function readStatus(config: Config, nowUs: number): Promise<Status> {
  const { progress, log } =
    config.engine === 'flink' ? await ofFlink(config, nowUs) : await ofJob(config)
  const { checkpoint } = progress
  return statusOf({
    state: 'stopped',
    progress,
    log,
    rejectedBefore: (await countRejected(config.rejectedDirectory)) - checkpoint.rejected,
    rejectedCountsOnly: false,
    outlook: { clockSteps: [], disk: null },
    waitingSinceUs: checkpoint.arrivedUs === 0 ? nowUs : checkpoint.arrivedUs,
    failure: null,
    unreadable: null,
    advancedUs: null,
    noticed: [],
    nowUs,
    rssBytes: null,
  })
}

type Standing = Readonly<{ progress: Omit<JobProgress, 'state'>; log: LogFigures }>

async function ofFlink(config: Config, nowUs: number): Promise<Standing> {
  const settings = flinkSettings(config)
  const { id, start, partitions } = await readTopicExtent(settings.log)
  const end = (partitions ?? []).reduce((sum, one) => sum + one.end, 0)
  const progress = await openFlinkProgress(settings, () => nowUs).look({ id, end })
  return { progress, log: { id, start, end, bytes: 0 } }
}

async function ofJob(config: Config): Promise<Standing> {
  const { events, metrics } = await readLake(config)
  const kept = readCheckpoint(events.summary)
  const { extent, bytes } = await look(config.log, kept)
  const checkpoint = resumeFrom(kept, extent, false)
  const horizonMs = config.dedupe.horizonMs
  const { id, start } = extent
  return {
    progress: {
      checkpoint,
      dedupe: { horizonMs, trueHorizonMs: horizonMs, ids: 0, bytes: 0 },
      tables: { events: tableFigures(events), metrics: tableFigures(metrics) },
      wholeFromUs: wholeFromUs(events),
      bytesPerDay: null,
      rejectedCountsOnly: false,
      heldUp: null,
      lastCommit:
        events.timestampMs === null ? null : { atUs: events.timestampMs * 1000, durationMs: 0 },
    },
    log: { id, start, end: endOf(extent, checkpoint), bytes },
  }
}

async function look(
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
