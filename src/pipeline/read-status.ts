/** The status without a running process: from the tables, the log and `rejected/`, changing nothing. */
import type { Config } from '../config.ts'
import { type Checkpoint, readCheckpoint, resumeFrom, tableFigures } from '../job.ts'
import { inspectLog, type LogExtent, type LogPlace, readTopicExtent } from '../log.ts'
import { countRejected } from '../rejected.ts'
import { readLake } from '../table.ts'
import { type Status, statusOf } from './status.ts'

export async function readStatus(config: Config, nowUs: number): Promise<Status> {
  const lake = await readLake(config)
  const kept = readCheckpoint(lake.events.summary)
  const { extent, bytes } = await look(config.log, kept)
  const checkpoint = resumeFrom(kept, extent, false)
  const horizonMs = config.dedupe.horizonMs
  return statusOf({
    state: 'stopped',
    progress: {
      checkpoint,
      dedupe: { horizonMs, trueHorizonMs: horizonMs, ids: 0, bytes: 0 },
      tables: { events: tableFigures(lake.events), metrics: tableFigures(lake.metrics) },
      rejectedCountsOnly: false,
      heldUp: null,
      lastCommit:
        lake.events.timestampMs === null
          ? null
          : { atUs: lake.events.timestampMs * 1000, durationMs: 0 },
    },
    log: { id: extent.id, start: extent.start, end: endOf(extent, checkpoint), bytes },
    rejectedBefore: (await countRejected(config.rejectedDirectory)) - checkpoint.rejected,
    rejectedCountsOnly: false,
    waitingSinceUs: kept?.arrivedUs ?? nowUs,
    failure: null,
    nowUs,
    rssBytes: 0,
  })
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
