/**
 * How far Flink has come, as Kafka, the tables and `rejected/` tell it.
 *
 * In the ledger, `stored` is what the raw table holds, `waiting` the records between the topic's ends and the offsets of Flink's last
 * checkpoint, and duplicates are what remains: Flink does not count them.
 */
import { strict as assert } from 'node:assert'
import type { Config, FlinkConfig, KafkaLog, TrinoConfig } from '../config.ts'
import { type JobProgress, tableFigures } from '../embedded.ts'
import { consumerGroups, flinkJobOptions } from '../flink.ts'
import { type ConsumerLag, readConsumerLag } from '../log.ts'
import { countRejected } from '../rejected.ts'
import {
  COUNT_KEYS,
  type LakeSnapshot,
  type LogProgress,
  newestValue,
  readLake,
  SUMMARY_KEYS,
  TableError,
  type TableView,
  wholeFromUs,
} from '../table.ts'

export type FlinkSettings = Config &
  Readonly<{ flink: FlinkConfig; trino: TrinoConfig; log: KafkaLog }>

/** How many looks a record may be noted as taken before its row is in the table, without counting as a duplicate. */
const SPARE_LOOKS = 10
/** An hour of looks. */
const ENDS_MAX = 1_800

/** A configuration with Flink as the engine names all of it, or was refused. */
export function flinkSettings(config: Config): FlinkSettings {
  const { flink, trino, log } = config
  assert(flink !== null && trino !== null && log.kind === 'kafka')
  return { ...config, flink, trino, log }
}

export type FlinkProgress = Readonly<{
  /** `log`: the topic, and where it ends now. */
  look(log: Readonly<{ id: string; end: number }>): Promise<JobProgress>
  /** As of the last look. */
  logProgress(): LogProgress | null
}>

/** What is remembered from one look to the next. */
type Memory = {
  /** Records taken that are neither stored nor rejected. A checkpoint's offsets stand in Kafka while its rows are still being committed, so
   * only what stays over for a while are duplicates; until then it waits. */
  spare: number[]
  /** Where the topic ended when, oldest first: tells since when what waits has been waiting. */
  ends: { atUs: number; end: number }[]
  lag: ConsumerLag | null
}

export function openFlinkProgress(config: FlinkSettings, nowUs: () => number): FlinkProgress {
  const memory: Memory = { spare: [], ends: [], lag: null }
  return {
    look: (log) => look(config, log, memory, nowUs()),
    logProgress: () => (memory.lag === null ? null : progressOf(memory.lag)),
  }
}

async function look(
  config: FlinkSettings,
  log: Readonly<{ id: string; end: number }>,
  memory: Memory,
  nowUs: number,
): Promise<JobProgress> {
  const { spare, ends } = memory
  const lag = await readConsumerLag(config.log, consumerGroups(flinkJobOptions(config)).events)
  memory.lag = lag
  const tables = await readTables(config)
  const stored = storedIn(tables?.events ?? null)
  const rejected = await countRejected(config.rejectedDirectory, 'job')
  spare.push(Math.max(0, Math.min(log.end, takenOf(lag)) - stored - rejected))
  if (spare.length > SPARE_LOOKS) spare.shift()
  const duplicates = Math.min(...spare)
  const nextOffset = stored + rejected + duplicates
  ends.push({ atUs: nowUs, end: log.end })
  while (ends.length > ENDS_MAX || (ends[1]?.end ?? Number.POSITIVE_INFINITY) <= nextOffset)
    ends.shift()
  const horizonMs = config.dedupe.horizonMs
  const commitMs = tables?.events.timestampMs ?? null
  return {
    checkpoint: {
      logId: log.id,
      nextOffset,
      logBase: 0,
      arrivedUs: (ends[0]?.end ?? 0) <= nextOffset ? (ends[0]?.atUs ?? 0) : 0,
      dedupeUs: 0,
      stored,
      duplicates,
      rejected,
      offsets: lag.partitions.map(({ committed, start }) => committed ?? start),
    },
    state: 'running',
    dedupe: { horizonMs, trueHorizonMs: horizonMs, ids: 0, bytes: 0 },
    tables: {
      events: tables === null ? NO_TABLE : tableFigures(tables.events),
      metrics: tables === null ? NO_TABLE : tableFigures(tables.metrics),
    },
    wholeFromUs: tables === null ? null : wholeFromUs(tables.events),
    bytesPerDay: null,
    rejectedCountsOnly: false,
    heldUp: null,
    lastCommit: commitMs === null ? null : { atUs: commitMs * 1000, durationMs: 0 },
  }
}

const NO_TABLE: JobProgress['tables']['events'] = { rows: 0, files: 0, bytes: 0, snapshotId: null }

/** Null before there are any. */
async function readTables(config: FlinkSettings): Promise<LakeSnapshot | null> {
  try {
    return await readLake(config)
  } catch (error) {
    if (error instanceof TableError && error.code === 'catalog-missing') return null
    throw error
  }
}

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
