/**
 * How far Flink has come, from Kafka, the tables and `rejected/`.
 *
 * In the ledger, `stored` is what the raw table holds, `waiting` the records between the topic's
 * ends and the offsets of Flink's last checkpoint, and duplicates are what remains: Flink does not
 * count them.
 */
import { type JobFigures, tableFigures } from '../job.ts'
import { type ConsumerLag, readConsumerLag } from '../log.ts'
import { countRejected } from '../rejected.ts'
import {
  COUNT_KEYS,
  type LogProgress,
  newestValue,
  readLakeIfMade,
  SUMMARY_KEYS,
  type TableView,
  wholeFromUs,
} from '../table.ts'
import { consumerGroups } from './job/job-sql.ts'
import type { FlinkSettings } from './leader.ts'
import { flinkJobOptions } from './supervision/configured-job.ts'

/**
 * How many readings a record may count as taken before its row is in the table, without counting as
 * a duplicate.
 */
const SPARE_READINGS = 10
/** An hour of readings. */
const ENDS_MAX = 1_800

export type FlinkProgress = Readonly<{
  /** `end`: where the topic ends now, in records of all partitions. */
  read(topic: Readonly<{ end: number }>): Promise<JobFigures>
  /** As of the last reading. */
  logProgress(): LogProgress | null
}>

/** What is remembered from one reading to the next. */
type Memory = {
  /**
   * Records taken that are neither stored nor rejected. A checkpoint's offsets are in Kafka while
   * its rows are still being committed, so only what stays for a while are duplicates; until then
   * it waits.
   */
  spare: number[]
  /** Where the topic ended at which time, oldest first: gives the age of what waits. */
  ends: { atUs: number; end: number }[]
  lag: ConsumerLag | null
}

export function openFlinkProgress(settings: FlinkSettings, nowUs: () => number): FlinkProgress {
  const memory: Memory = { spare: [], ends: [], lag: null }
  return {
    read: ({ end }) => readFigures(settings, end, memory, nowUs()),
    logProgress: () => (memory.lag === null ? null : progressOf(memory.lag)),
  }
}

async function readFigures(
  settings: FlinkSettings,
  logEnd: number,
  memory: Memory,
  nowUs: number,
): Promise<JobFigures> {
  const { spare, ends } = memory
  const { events: group } = consumerGroups(flinkJobOptions(settings))
  const lag = await readConsumerLag(settings.log, group)
  memory.lag = lag
  const tables = await readLakeIfMade(settings)
  const stored = storedIn(tables?.events ?? null)
  const rejected = await countRejected(settings.rejectedDirectory, 'job')
  spare.push(Math.max(0, Math.min(logEnd, takenOf(lag)) - stored - rejected))
  if (spare.length > SPARE_READINGS) spare.shift()
  const duplicates = Math.min(...spare)
  const nextOffset = stored + rejected + duplicates
  ends.push({ atUs: nowUs, end: logEnd })
  while (ends.length > ENDS_MAX || (ends[1]?.end ?? Number.POSITIVE_INFINITY) <= nextOffset)
    ends.shift()
  const [oldest] = ends
  const commitMs = tables?.events.timestampMs ?? null
  return {
    nextOffset,
    // The tables stay with their topic.
    logBase: 0,
    stored,
    duplicates,
    rejected,
    committedUntilUs: oldest !== undefined && oldest.end <= nextOffset ? oldest.atUs : null,
    tables: {
      events: tables === null ? NO_TABLE : tableFigures(tables.events),
      metrics: tables === null ? NO_TABLE : tableFigures(tables.metrics),
    },
    wholeFromUs: tables === null ? null : wholeFromUs(tables.events),
    lastCommit: commitMs === null ? null : { atUs: commitMs * 1000 },
  }
}

const NO_TABLE: JobFigures['tables']['events'] = { rows: 0, files: 0, bytes: 0, snapshotId: null }

/** Rows of the raw table, and those that retention has taken from it. */
function storedIn(events: TableView | null): number {
  if (events === null) return 0
  const dropped = newestValue(events, SUMMARY_KEYS.droppedRows)
  return Number(events.summary[COUNT_KEYS.totalRows] ?? 0) + Number(dropped ?? 0)
}

function progressOf({ partitions }: ConsumerLag): LogProgress {
  return {
    ends: partitions.map(({ end }) => end),
    taken: partitions.map(({ committed, start }) => committed ?? start),
  }
}

/** Records of the topic that Flink's checkpoints hold. */
function takenOf({ partitions }: ConsumerLag): number {
  return partitions.reduce((sum, { committed, start }) => sum + (committed ?? start), 0)
}
