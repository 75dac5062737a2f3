/**
 * Defaults of a Flink cluster that contradict, one by one, what the job sets for itself
 * (src/flink/job/job-settings.ts), and the cluster restarted with them.
 */
import type { FileEdit, Stack } from '../../../deploy/stack/stack.ts'

export const HOSTILE_DEFAULTS: Readonly<Record<string, string>> = {
  'parallelism.default': '3',
  'execution.runtime-mode': 'BATCH',
  'execution.checkpointing.mode': 'AT_LEAST_ONCE',
  'execution.checkpointing.unaligned.enabled': 'true',
  'execution.checkpointing.unaligned.forced': 'true',
  'execution.checkpointing.unaligned.interruptible-timers.enabled': 'true',
  'execution.checkpointing.aligned-checkpoint-timeout': '1 ms',
  'execution.checkpointing.max-concurrent-checkpoints': '3',
  'execution.checkpointing.min-pause': '1 min',
  'execution.checkpointing.timeout': '11 s',
  'execution.checkpointing.checkpoints-after-tasks-finish': 'false',
  'execution.checkpointing.storage': 'jobmanager',
  'execution.checkpointing.create-subdir': 'false',
  'execution.checkpointing.file-merging.enabled': 'true',
  'execution.checkpointing.externalized-checkpoint-retention': 'DELETE_ON_CANCELLATION',
  'execution.checkpointing.num-retained': '1',
  'execution.checkpointing.interval': '10 min',
  'execution.checkpointing.interval-during-backlog': '0 ms',
  'execution.checkpointing.tolerable-failed-checkpoints': '0',
  'execution.state-recovery.claim-mode': 'CLAIM',
  'execution.state-recovery.ignore-unclaimed-state': 'true',
  'execution.state-recovery.approximate-local-recovery': 'true',
  'execution.state-recovery.from-local': 'true',
  'restart-strategy.type': 'none',
  'restart-strategy.exponential-delay.initial-backoff': '1 min',
  'restart-strategy.exponential-delay.max-backoff': '1 h',
  'restart-strategy.exponential-delay.backoff-multiplier': '9.0',
  'restart-strategy.exponential-delay.jitter-factor': '0.9',
  'restart-strategy.exponential-delay.reset-backoff-threshold': '1 d',
  'restart-strategy.exponential-delay.attempts-before-reset-backoff': '1',
  'execution.checkpointing.incremental': 'false',
  'state.changelog.enabled': 'true',
  'state.backend.rocksdb.memory.managed': 'false',
  'state.backend.rocksdb.memory.partitioned-index-filters': 'true',
  'state.backend.rocksdb.use-bloom-filter': 'false',
  'state.backend.rocksdb.bloom-filter.bits-per-key': '1.0',
  'state.backend.rocksdb.bloom-filter.block-based-mode': 'true',
  'state.backend.rocksdb.predefined-options': 'SPINNING_DISK_OPTIMIZED',
  'state.backend.rocksdb.compaction.style': 'FIFO',
  'state.backend.rocksdb.timer-service.factory': 'HEAP',
  'state.backend.rocksdb.metrics.estimate-num-keys': 'false',
  'state.backend.rocksdb.metrics.column-family-as-variable': 'true',
  'state.backend.type': 'hashmap',
  'table.exec.state.ttl': '1 s',
  'state.backend.rocksdb.compaction.filter.periodic-compaction-time': '1 s',
  'pipeline.max-parallelism': '7',
  'pipeline.operator-chaining.enabled': 'false',
  'pipeline.operator-chaining.chain-operators-with-different-max-parallelism': 'true',
  'pipeline.auto-generate-uids': 'false',
  'pipeline.force-kryo': 'true',
  'pipeline.force-avro': 'true',
  'pipeline.generic-types': 'false',
  'pipeline.object-reuse': 'false',
  'table.exec.resource.default-parallelism': '3',
  'table.exec.uid.generation': 'ALWAYS',
  'table.exec.mini-batch.enabled': 'true',
  'table.exec.async-state.enabled': 'true',
  'table.exec.source.cdc-events-duplicate': 'true',
  'table.optimizer.agg-phase-strategy': 'ONE_PHASE',
  'table.optimizer.distinct-agg.split.enabled': 'true',
  'table.optimizer.multi-join.enabled': 'true',
  'table.optimizer.reuse-sub-plan-enabled': 'false',
  'table.optimizer.reuse-source-enabled': 'false',
  'table.optimizer.reuse-sink-enabled': 'false',
  'table.optimizer.sql2rel.project-merge.enabled': 'true',
  'table.optimizer.union-all-as-breakpoint-enabled': 'false',
  'table.optimizer.reuse-optimize-block-with-digest-enabled': 'false',
  'table.local-time-zone': 'Asia/Tokyo',
  'table.exec.legacy-cast-behaviour': 'ENABLED',
  'pipeline.auto-watermark-interval': '0 ms',
  'table.exec.source.idle-timeout': '1 h',
  'table.dml-sync': 'true',
  'table.dynamic-table-options.enabled': 'false',
  'table.exec.iceberg.use-v2-sink': 'true',
  'table.exec.sink.not-null-enforcer': 'DROP',
  'table.exec.sink.type-length-enforcer': 'TRIM_PAD',
  'table.exec.sink.nested-constraint-enforcer': 'ERROR',
  'table.exec.sink.upsert-materialize': 'FORCE',
  'table.exec.sink.keyed-shuffle': 'FORCE',
  'table.exec.sink.rowtime-inserter': 'DISABLED',
}

const CONFIG = '/opt/flink/conf/config.yaml'
/** In the order of their start. */
const FLINK = ['jobmanager', 'taskmanager', 'sql-gateway']

const NAMED = new RegExp(
  `^(?:${Object.keys(HOSTILE_DEFAULTS)
    .map((key) => key.replaceAll('.', '\\.'))
    .join('|')})$`,
)

/** For `openSharedStack`: Flink's configuration file with these in place of what it says. */
export const HOSTILE_EDITS: readonly FileEdit[] = FLINK.map((service) => ({
  service,
  path: CONFIG,
  edit: (text) => {
    const others = text.split('\n').filter((line) => !NAMED.test(line.split(':')[0] ?? ''))
    const own = Object.entries(HOSTILE_DEFAULTS).map(([key, value]) => `${key}: "${value}"`)
    return [...others, ...own, ''].join('\n')
  },
}))

/** Flink's processes read their configuration when they start. */
export async function restartFlink(stack: Stack): Promise<void> {
  await stopFlink(stack)
  for (const service of FLINK) await stack.start(service)
}

export async function stopFlink(stack: Stack): Promise<void> {
  for (const service of FLINK.toReversed()) await stack.stop(service)
}
