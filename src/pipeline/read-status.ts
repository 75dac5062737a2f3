/** The status without a running process: from the tables, the log and `rejected/`, changing nothing. */
import { type Config, localPlaces } from '../config.ts'
import { readCheckpoint, resumeFrom, tableFigures } from '../job.ts'
import { inspectLog } from '../log.ts'
import { countRejected } from '../rejected.ts'
import { readLake } from '../table.ts'
import { type Status, statusOf } from './status.ts'

export async function readStatus(config: Config, nowUs: number): Promise<Status> {
  const { logDirectory } = localPlaces(config)
  const lake = await readLake(config)
  const kept = readCheckpoint(lake.events.summary)
  const found = await inspectLog(logDirectory)
  const log = found ?? { id: kept?.logId ?? '', start: 0, end: kept?.nextOffset ?? 0, bytes: 0 }
  const checkpoint = resumeFrom(kept, log, false)
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
    log,
    rejectedBefore: (await countRejected(config.rejectedDirectory)) - checkpoint.rejected,
    rejectedCountsOnly: false,
    waitingSinceUs: kept?.arrivedUs ?? nowUs,
    failure: null,
    nowUs,
    rssBytes: 0,
  })
}
