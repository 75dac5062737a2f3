/**
 * The settings that are submitted with the job. What it relies on is set here, whatever the cluster
 * has as its default: a platform team that switches unaligned checkpoints on for everybody must not
 * make windows count twice. Why each is what it is: docs/decisions/flink-settings.md.
 */
import { FLINK_PARALLELISM_MAX } from '../../config.ts'

export type JobSettingsInput = Readonly<{
  parallelism: number
  checkpointIntervalMs: number
  idleTimeoutMs: number
  dedupeHorizonMs: number
  stateBackend: 'hashmap' | 'rocksdb'
}>

/**
 * For how many horizons Flink remembers an id: a record may wait as long as those beyond the first.
 */
export const REMEMBERED_HORIZONS = 2

/** Files of RocksDB that are older than this are rewritten, which removes ids that have expired. */
const COMPACTION_MS_MIN = 3_600_000

/** In the order in which they are set. */
export function jobSettings(
  name: string,
  input: JobSettingsInput,
): Readonly<Record<string, string>> {
  return {
    'pipeline.name': name,
    'parallelism.default': String(input.parallelism),
    ...CHECKPOINTS,
    // A checkpoint is a commit: its interval is the freshness of the tables.
    'execution.checkpointing.interval': ms(input.checkpointIntervalMs),
    'execution.checkpointing.interval-during-backlog': ms(input.checkpointIntervalMs),
    ...RECOVERY,
    ...STATE,
    'state.backend.type': input.stateBackend,
    // How long an event_id is remembered, from when it came: longer than the horizon, since it ages
    // while the job does not run. A repeat does not prolong it.
    'table.exec.state.ttl': ms(remembered(input)),
    'state.backend.rocksdb.compaction.filter.periodic-compaction-time': ms(
      Math.max(remembered(input), COMPACTION_MS_MIN),
    ),
    ...OPERATOR_IDS,
    ...TIME_AND_VALUES,
    // A partition without events holds no window open for longer than this.
    'table.exec.source.idle-timeout': ms(input.idleTimeoutMs),
    ...SINKS,
  }
}

/** The tables are exact only on aligned checkpoints, which are kept when the job ends. */
const CHECKPOINTS = {
  'execution.runtime-mode': 'STREAMING',
  'execution.checkpointing.mode': 'EXACTLY_ONCE',
  'execution.checkpointing.unaligned.enabled': 'false',
  'execution.checkpointing.unaligned.forced': 'false',
  'execution.checkpointing.unaligned.interruptible-timers.enabled': 'false',
  'execution.checkpointing.aligned-checkpoint-timeout': '0 ms',
  'execution.checkpointing.max-concurrent-checkpoints': '1',
  'execution.checkpointing.min-pause': '0 ms',
  'execution.checkpointing.timeout': '3 min',
  'execution.checkpointing.checkpoints-after-tasks-finish': 'true',
  'execution.checkpointing.storage': 'filesystem',
  'execution.checkpointing.create-subdir': 'true',
  'execution.checkpointing.file-merging.enabled': 'false',
  'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
  'execution.checkpointing.num-retained': '3',
} as const

/**
 * A lost task manager takes a while to come back, and an outage of S3 or PostgreSQL may last: never
 * give up, and never go on without a part of the state.
 */
const RECOVERY = {
  'execution.checkpointing.tolerable-failed-checkpoints': '1000000',
  'execution.state-recovery.claim-mode': 'NO_CLAIM',
  'execution.state-recovery.ignore-unclaimed-state': 'false',
  'execution.state-recovery.approximate-local-recovery': 'false',
  'execution.state-recovery.from-local': 'false',
  'restart-strategy.type': 'exponential-delay',
  'restart-strategy.exponential-delay.initial-backoff': '1 s',
  'restart-strategy.exponential-delay.max-backoff': '20 s',
  'restart-strategy.exponential-delay.backoff-multiplier': '1.5',
  'restart-strategy.exponential-delay.jitter-factor': '0.1',
  'restart-strategy.exponential-delay.reset-backoff-threshold': '5 min',
  'restart-strategy.exponential-delay.attempts-before-reset-backoff': '2147483647',
} as const

/**
 * Most lookups are for an id that never came: a Bloom filter answers them without a read. Filters
 * are whole, since one in parts is looked up twice; those of 25 million ids take 31 MB.
 */
const STATE = {
  'execution.checkpointing.incremental': 'true',
  'state.changelog.enabled': 'false',
  'state.backend.rocksdb.memory.managed': 'true',
  'state.backend.rocksdb.memory.partitioned-index-filters': 'false',
  'state.backend.rocksdb.use-bloom-filter': 'true',
  'state.backend.rocksdb.bloom-filter.bits-per-key': '10',
  'state.backend.rocksdb.bloom-filter.block-based-mode': 'false',
  'state.backend.rocksdb.predefined-options': 'DEFAULT',
  'state.backend.rocksdb.compaction.style': 'UNIVERSAL',
  'state.backend.rocksdb.timer-service.factory': 'ROCKSDB',
  // How many ids are remembered, for `status`: an estimate that RocksDB keeps in any case.
  'state.backend.rocksdb.metrics.estimate-num-keys': 'true',
  'state.backend.rocksdb.metrics.column-family-as-variable': 'false',
} as const

/**
 * State belongs to an operator by an id that Flink derives from the plan and from what is chained.
 * The committer of Iceberg's sink runs once, so at parallelism 1 it would be chained to the writer,
 * and at any other not: operators of different maxima are never chained here.
 */
const OPERATOR_IDS = {
  'pipeline.max-parallelism': String(FLINK_PARALLELISM_MAX),
  'pipeline.operator-chaining.enabled': 'true',
  'pipeline.operator-chaining.chain-operators-with-different-max-parallelism': 'false',
  'pipeline.auto-generate-uids': 'true',
  'pipeline.force-kryo': 'false',
  'pipeline.force-avro': 'false',
  'pipeline.generic-types': 'true',
  // No operator here keeps a row that it was handed, so none needs to be copied for the next.
  'pipeline.object-reuse': 'true',
  'table.exec.resource.default-parallelism': '-1',
  'table.exec.uid.generation': 'PLAN_ONLY',
  'table.exec.mini-batch.enabled': 'false',
  'table.exec.async-state.enabled': 'false',
  'table.exec.source.cdc-events-duplicate': 'false',
  'table.optimizer.agg-phase-strategy': 'AUTO',
  'table.optimizer.distinct-agg.split.enabled': 'false',
  'table.optimizer.multi-join.enabled': 'false',
  'table.optimizer.reuse-sub-plan-enabled': 'true',
  'table.optimizer.reuse-source-enabled': 'true',
  'table.optimizer.reuse-sink-enabled': 'true',
  'table.optimizer.sql2rel.project-merge.enabled': 'false',
  'table.optimizer.union-all-as-breakpoint-enabled': 'true',
  // Without this each INSERT would read, judge and deduplicate for itself.
  'table.optimizer.reuse-optimize-block-with-digest-enabled': 'true',
} as const

/** What decides which window an event is in, and what a cast makes of it. */
const TIME_AND_VALUES = {
  'table.local-time-zone': 'UTC',
  'table.exec.legacy-cast-behaviour': 'DISABLED',
  'pipeline.auto-watermark-interval': '200 ms',
} as const

/** Rows reach the tables as the job makes them, and the statement returns once it is submitted. */
const SINKS = {
  'table.dml-sync': 'false',
  'table.dynamic-table-options.enabled': 'true',
  'table.exec.iceberg.use-v2-sink': 'false',
  'table.exec.sink.not-null-enforcer': 'ERROR',
  'table.exec.sink.type-length-enforcer': 'IGNORE',
  'table.exec.sink.nested-constraint-enforcer': 'IGNORE',
  'table.exec.sink.upsert-materialize': 'NONE',
  'table.exec.sink.keyed-shuffle': 'NONE',
  'table.exec.sink.rowtime-inserter': 'ENABLED',
} as const

function remembered({ dedupeHorizonMs }: JobSettingsInput): number {
  return REMEMBERED_HORIZONS * dedupeHorizonMs
}

function ms(duration: number): string {
  return `${duration} ms`
}
