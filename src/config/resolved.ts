/**
 * From settings as written in the file to what the program takes: each service with everything
 * needed to reach it.
 */

import { resolve } from 'node:path'
import { WEEKDAYS, type Weekday } from '../dashboard-definition.ts'
import type { Config, FlinkConfig, KafkaLog, SupersetConfig, TrinoConfig } from './config.ts'
import type { Environment } from './environment.ts'
import { keysOf } from './keys-file.ts'
import type { Settings } from './schema.ts'
import type { KafkaSettings } from './services.ts'

type Absolute = (path: string) => string

const US_PER_MS = 1000
/** Where rejected events go when the tables are not in a folder. */
const REJECTED_FOLDER = './data/rejected'

/** `absolute` turns a path of the file into an absolute one. */
export function resolveSettings(
  settings: Settings,
  file: string | null,
  absolute: Absolute,
  environment: Environment,
): Config {
  const { dedupe, retention, logRetention, cache } = settings
  return {
    file,
    listen: settings.listen,
    log: logOf(settings, absolute),
    warehouse: warehouseOf(settings, absolute),
    catalog: catalogOf(settings, absolute, environment),
    rejectedDirectory: rejectedDirectoryOf(settings, absolute),
    engine: settings.engine,
    flink: settings.engine === 'flink' ? flinkOf(settings, absolute) : null,
    trino: trinoOf(settings),
    superset: supersetOf(settings),
    windowUs: settings.window * US_PER_MS,
    timezone: settings.timezone,
    weekStart: weekStartOf(settings),
    currency: orNull(settings.currency),
    campaignNames: settings.campaignNames === '' ? null : absolute(settings.campaignNames),
    commitIntervalMs: settings.commitInterval,
    dedupe: { horizonMs: dedupe.horizon, memoryMaxBytes: dedupe.memoryMax },
    keys: keysOf(settings, absolute),
    page: settings.page,
    bots: settings.bots,
    cors: settings.cors,
    redirects: settings.redirects,
    publicUrl: settings.publicUrl === '' ? null : settings.publicUrl,
    proxy: settings.proxy,
    retention: {
      eventsMs: retention.events,
      metricsMs: retention.metrics,
      readersMs: retention.readers,
      readersMaxBytes: retention.readersMax,
    },
    logRetention: { timeMs: logRetention.time, sizeBytes: logRetention.size },
    diskReserveBytes: settings.diskReserve,
    rejectedMaxBytes: settings.rejectedMax,
    cache: { directory: absolute(cache.folder), sizeBytes: cache.size },
  }
}

function weekStartOf({ weekStart }: Settings): Weekday | null {
  return weekStart === '' ? null : ((WEEKDAYS.indexOf(weekStart) + 1) as Weekday) // Monday is 1
}

function logOf({ log, kafka }: Settings, absolute: Absolute): Config['log'] {
  if (log.kind === 'folder') return { kind: 'folder', path: absolute(log.path) }
  const { partitions, replication } = kafka
  return { ...log, partitions, replication, tls: tlsOf(kafka, absolute), sasl: saslOf(kafka) }
}

function warehouseOf({ warehouse, s3 }: Settings, absolute: Absolute): Config['warehouse'] {
  if (warehouse.kind === 'folder') return { kind: 'folder', path: absolute(warehouse.path) }
  const { endpoint, region, pathStyle } = s3
  return { ...warehouse, endpoint: orNull(endpoint), region, pathStyle }
}

/** PGPASSWORD is what every PostgreSQL client looks for. */
function catalogOf(
  { catalog }: Settings,
  absolute: Absolute,
  environment: Environment,
): Config['catalog'] {
  if (catalog.kind === 'sqlite') return { kind: 'sqlite', path: absolute(catalog.path) }
  return { ...catalog, password: catalog.password ?? orNull(environment.PGPASSWORD ?? '') }
}

function rejectedDirectoryOf(settings: Settings, absolute: Absolute): string {
  if (settings.rejected !== '') return absolute(settings.rejected)
  return settings.warehouse.kind === 'folder'
    ? resolve(absolute(settings.warehouse.path), 'rejected')
    : absolute(REJECTED_FOLDER)
}

function flinkOf({ flink }: Settings, absolute: Absolute): FlinkConfig {
  return {
    gateway: flink.gateway,
    rest: flink.rest,
    parallelism: flink.parallelism,
    checkpointIntervalMs: flink.checkpointInterval,
    watermarkDelayMs: flink.watermarkDelay,
    idleTimeoutMs: flink.idleTimeout,
    stateBackend: flink.stateBackend,
    rejectedDirectory: absolute(flink.rejectedDirectory),
  }
}

function trinoOf({ trino }: Settings): TrinoConfig | null {
  return trino.url === '' ? null : { ...trino, password: orNull(trino.password) }
}

function supersetOf({ superset, trino }: Settings): SupersetConfig | null {
  const { url, trinoUrl, publicUrl } = superset
  if (url === '') return null
  return { ...superset, trinoUrl: trinoUrl || trino.url, publicUrl: publicUrl || url }
}

function tlsOf(kafka: KafkaSettings, absolute: Absolute): KafkaLog['tls'] {
  if (!kafka.tls) return null
  const file = (path: string): string | null => (path === '' ? null : absolute(path))
  return {
    caFile: file(kafka.caFile),
    certFile: file(kafka.certFile),
    keyFile: file(kafka.keyFile),
  }
}

function saslOf({ sasl, username, password }: KafkaSettings): KafkaLog['sasl'] {
  return sasl === 'none' ? null : { mechanism: sasl, username, password }
}

function orNull(text: string): string | null {
  return text === '' ? null : text
}
