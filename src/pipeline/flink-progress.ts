/**
 * How far Flink has come, as Kafka, the tables and `rejected/` tell it.
 *
 * In the ledger, `stored` is what the raw table holds, `waiting` the records between the topic's ends and the offsets of Flink's last
 * checkpoint, and duplicates are what remains: Flink does not count them.
 */
import { strict as assert } from 'node:assert'
import type { Config, FlinkConfig, KafkaLog, TrinoConfig } from '../config.ts'
import { consumerGroups, flinkJobOptions } from '../flink.ts'
import { type JobProgress, tableFigures } from '../job.ts'
import { type ConsumerLag, readConsumerLag } from '../log.ts'
import { countRejected } from '../rejected.ts'
import { readLake } from '../table.ts'

export type FlinkSettings = Config &
  Readonly<{ flink: FlinkConfig; trino: TrinoConfig; log: KafkaLog }>

/** How many looks a record may be noted as taken before its row is in the table, without counting as a duplicate. */
const SPARE_LOOKS = 10

/** A configuration with Flink as the engine names all of it, or was refused. */
export function flinkSettings(config: Config): FlinkSettings {
  const { flink, trino, log } = config
  assert(flink !== null && trino !== null && log.kind === 'kafka')
  return { ...config, flink, trino, log }
}

/**
 * `spare` is kept from look to look: records taken that are neither stored nor rejected. A checkpoint's offsets stand in Kafka while its
 * rows are still being committed, so only what stays over for a while are duplicates; until then it waits.
 */
export async function readFlinkProgress(
  config: FlinkSettings,
  log: Readonly<{ id: string; end: number }>,
  spare: number[],
): Promise<JobProgress> {
  const lag = await readConsumerLag(config.log, consumerGroups(flinkJobOptions(config)).events)
  const { events, metrics } = await readLake(config)
  const stored = Number(events.summary['total-records'] ?? 0)
  const rejected = await countRejected(config.rejectedDirectory, 'job')
  spare.push(Math.max(0, Math.min(log.end, takenOf(lag)) - stored - rejected))
  if (spare.length > SPARE_LOOKS) spare.shift()
  const duplicates = Math.min(...spare)
  const horizonMs = config.dedupe.horizonMs
  return {
    checkpoint: {
      logId: log.id,
      nextOffset: stored + rejected + duplicates,
      logBase: 0,
      arrivedUs: 0,
      stored,
      duplicates,
      rejected,
      offsets: lag.partitions.map(({ committed, start }) => committed ?? start),
    },
    state: 'running',
    dedupe: { horizonMs, trueHorizonMs: horizonMs, ids: 0, bytes: 0 },
    tables: { events: tableFigures(events), metrics: tableFigures(metrics) },
    rejectedCountsOnly: false,
    heldUp: null,
    lastCommit:
      events.timestampMs === null ? null : { atUs: events.timestampMs * 1000, durationMs: 0 },
  }
}

/** Records of the topic that Flink's checkpoints hold. */
function takenOf({ partitions }: ConsumerLag): number {
  return partitions.reduce((sum, { committed, start }) => sum + (committed ?? start), 0)
}
