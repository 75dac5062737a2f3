/**
 * How far Flink has come, from Kafka, the tables and `rejected/`.
 *
 * In the ledger, `stored` is what the raw table holds of the topic's events, `waiting` those between
 * the topic's ends and the offsets of Flink's last checkpoint, and duplicates are what remains: Flink
 * does not count them. Offsets that hold no event are counted by the leader (topic-watch.ts).
 */
import { type JobFigures, tableFigures } from '../job.ts'
import { type ConsumerLag, type EventCount, readConsumerLag } from '../log.ts'
import { countRejected } from '../rejected.ts'
import {
  COUNT_KEYS,
  clientRows,
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
import { openCountedNote, sumWithoutEvent, takenOffsets } from './supervision/counted-offsets.ts'
import { amendedIn, closedUntilUs } from './upkeep/amend-view.ts'

/**
 * How many readings a record may count as taken before its row is in the table, without counting as
 * a duplicate.
 */
const SPARE_READINGS = 10
/** An hour of readings. */
const ENDS_MAX = 1_800

export type FlinkProgress = Readonly<{
  /**
   * `endOf`: how many events the topic has ever held, in all partitions, given how many of its
   * offsets hold none.
   */
  read(endOf: (withoutEvent: number) => number): Promise<JobFigures>
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
  counts: readonly EventCount[]
}

export function openFlinkProgress(settings: FlinkSettings, nowUs: () => number): FlinkProgress {
  const memory: Memory = { spare: [], ends: [], lag: null, counts: [] }
  return {
    read: (endOf) => readFigures(settings, endOf, memory, nowUs()),
    logProgress: () => (memory.lag === null ? null : progressOf(memory.lag, memory.counts)),
  }
}

async function readFigures(
  settings: FlinkSettings,
  endOf: (withoutEvent: number) => number,
  memory: Memory,
  nowUs: number,
): Promise<JobFigures> {
  const { spare, ends } = memory
  const { events: group } = consumerGroups(flinkJobOptions(settings))
  const lag = await readConsumerLag(settings.log, group)
  memory.lag = lag
  memory.counts = await openCountedNote(settings.rejectedDirectory, settings.log.topic).read()
  const logEnd = endOf(sumWithoutEvent(memory.counts))
  const tables = await readLakeIfMade(settings)
  const stored = storedIn(tables?.events ?? null)
  const rejected = await countRejected(settings.rejectedDirectory, 'job')
  spare.push(Math.max(0, Math.min(logEnd, takenOf(lag, memory.counts)) - stored - rejected))
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
    others: {
      events: clientRows(tables?.events.properties ?? {}),
      metrics: { addedRows: 0, removedRows: 0 },
    },
    wholeFromUs: tables === null ? null : wholeFromUs(tables.events),
    windows: windowsIn(tables?.metrics ?? null, settings.windowUs),
    lastCommit: commitMs === null ? null : { atUs: commitMs * 1000 },
  }
}

const NO_TABLE: JobFigures['tables']['events'] = { rows: 0, files: 0, bytes: 0, snapshotId: null }

function windowsIn(metrics: TableView | null, windowUs: number): JobFigures['windows'] {
  if (metrics === null) return undefined
  const { windows: amended, lateEvents } = amendedIn(metrics)
  const closedUs = closedUntilUs(metrics, windowUs)
  return { closed: tableFigures(metrics).rows, closedUntilUs: closedUs, amended, lateEvents }
}

/** Rows of the raw table, without what clients have changed, and those that retention has taken. */
function storedIn(events: TableView | null): number {
  if (events === null) return 0
  const dropped = newestValue(events, SUMMARY_KEYS.droppedRows)
  const { addedRows, removedRows } = clientRows(events.properties)
  const rows = Number(events.summary[COUNT_KEYS.totalRows] ?? 0)
  return rows + Number(dropped ?? 0) + removedRows - addedRows
}

function progressOf(lag: ConsumerLag, counts: readonly EventCount[]): LogProgress {
  return { ends: lag.partitions.map(({ end }) => end), taken: takenOffsets(lag, counts) }
}

/** Events of the topic that Flink's checkpoints hold. */
function takenOf(lag: ConsumerLag, counts: readonly EventCount[]): number {
  const offsets = takenOffsets(lag, counts).reduce((sum, offset) => sum + offset, 0)
  return offsets - sumWithoutEvent(counts)
}
