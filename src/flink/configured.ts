/** What the job is made from, as a configuration says it. */
import { strict as assert } from 'node:assert'
import type { FlinkJobOptions, KafkaPlace } from './options.ts'

type Settings = Readonly<{
  log: Readonly<{ kind: 'folder' }> | (Readonly<{ kind: 'kafka' }> & KafkaPlace)
  warehouse:
    | Readonly<{ kind: 'folder' }>
    | (Readonly<{ kind: 's3' }> & FlinkJobOptions['warehouse'])
  catalog:
    | Readonly<{ kind: 'sqlite' }>
    | (Readonly<{ kind: 'postgresql' }> & FlinkJobOptions['catalog'])
  dedupe: Readonly<{ horizonMs: number }>
  windowUs: number
  flink: Pick<
    FlinkJobOptions,
    | 'parallelism'
    | 'checkpointIntervalMs'
    | 'watermarkDelayMs'
    | 'idleTimeoutMs'
    | 'stateBackend'
    | 'rejectedDirectory'
  >
}>

/** A configuration with Flink as the engine names Kafka, S3 and PostgreSQL, or was refused. */
export function flinkJobOptions(settings: Settings): FlinkJobOptions {
  const { log, warehouse, catalog, dedupe, windowUs, flink } = settings
  assert(log.kind === 'kafka' && warehouse.kind === 's3' && catalog.kind === 'postgresql')
  return {
    kafka: log,
    warehouse,
    catalog,
    parallelism: flink.parallelism,
    checkpointIntervalMs: flink.checkpointIntervalMs,
    watermarkDelayMs: flink.watermarkDelayMs,
    idleTimeoutMs: flink.idleTimeoutMs,
    dedupeHorizonMs: dedupe.horizonMs,
    windowUs,
    stateBackend: flink.stateBackend,
    rejectedDirectory: flink.rejectedDirectory,
  }
}
