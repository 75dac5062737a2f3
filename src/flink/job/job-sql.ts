/**
 * job.sql filled in from the configuration, and the fingerprint by which a running job is told from
 * the one that is wanted.
 *
 * The fingerprint is part of the job's name. It covers what is submitted except passwords, so that
 * a changed password alone replaces no job.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Config, FlinkConfig, KafkaLog, S3Warehouse } from '../../config.ts'
import { HEARTBEAT_TYPE } from '../../log.ts'
import { DAY_US } from '../../table.ts'
import { fillSql, literal, type SqlValues, splitStatements } from './fill-sql.ts'
import { jobSettings } from './job-settings.ts'
import { type Retention, retentionOf } from './retention.ts'

/** The settings of the configuration that reach the SQL. */
export type FlinkSqlSettings = Omit<FlinkConfig, 'gateway' | 'rest'>

type KafkaPlace = Pick<KafkaLog, 'brokers' | 'topic' | 'tls' | 'sasl'>

/** What the job is made from; places are as Flink sees them. */
export type FlinkJobOptions = FlinkSqlSettings &
  Readonly<{
    kafka: KafkaPlace
    warehouse: Omit<S3Warehouse, 'kind'>
    catalog: Omit<Extract<Config['catalog'], { kind: 'postgresql' }>, 'kind'>
    /**
     * How long a repeat must be recognised; an id is remembered longer, see REMEMBERED_HORIZONS.
     */
    dedupeHorizonMs: number
    retention: Retention
    /** Whole seconds that divide a day. */
    windowUs: number
    /** Where the state was rebuilt: what the tables held then. */
    rebuilt?: Rebuilt | null
  }>

/** What a job without state finds stored. */
export type Rebuilt = Readonly<{
  /** By partition: every event before this offset is in the raw table. */
  storedUntil: readonly number[]
  /** Windows that end at or before it have their rows; null where none has. */
  closedUntilUs: number | null
}>

export type JobSql = Readonly<{
  /** Of the whole job: `campaign-metrics TOPIC#FINGERPRINT`. */
  name: string
  fingerprint: string
  /** In order; the last one starts the job. They hold passwords: never to be shown. */
  statements: readonly string[]
}>

/**
 * What a job does where the topic no longer has the record that it is to read next: it fails, or
 * goes on with the first one that is left.
 */
export type Gaps = 'stop' | 'skip'

/** Committed records only, of new partitions too, from their beginning. */
const READING = {
  'properties.isolation.level': 'read_committed',
  'scan.topic-partition-discovery.interval': '10 s',
} as const

/**
 * Where reading begins without a checkpoint. With `earliest-offset` the connector resets any lost
 * offset to the earliest, whatever else is set; with `group-offsets` it takes the property.
 */
const STARTING = {
  stop: { 'scan.startup.mode': 'group-offsets', 'properties.auto.offset.reset': 'none' },
  skip: { 'scan.startup.mode': 'earliest-offset' },
} as const

const TEMPLATE_FILE = new URL('./job.sql', import.meta.url)
const FINGERPRINT_CHARACTERS = 12
const NAME_PREFIX = 'campaign-metrics'
/** No record arrives later. */
const NEVER_US = Date.UTC(9999, 11, 31) * 1000
const SPARE_DAYS = 1
/**
 * Flink's connector carries Kafka's client under this name, so the login modules are found under it
 * too.
 */
const SECURITY = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security'
const MODULES = {
  PLAIN: `${SECURITY}.plain.PlainLoginModule`,
  'SCRAM-SHA-256': `${SECURITY}.scram.ScramLoginModule`,
  'SCRAM-SHA-512': `${SECURITY}.scram.ScramLoginModule`,
} as const

export function makeJobSql(options: FlinkJobOptions, gaps: Gaps = 'stop'): JobSql {
  const template = readFileSync(TEMPLATE_FILE, 'utf8')
  const open = statementsOf(template, comparable(options), gaps, '')
  const fingerprint = createHash('sha256')
    .update(open.join(';\n'))
    .digest('hex')
    .slice(0, FINGERPRINT_CHARACTERS)
  const name = jobNamePrefix(options) + fingerprint
  return { name, fingerprint, statements: statementsOf(template, options, gaps, name) }
}

function statementsOf(
  template: string,
  options: FlinkJobOptions,
  gaps: Gaps,
  name: string,
): readonly string[] {
  const settings = Object.entries(jobSettings(name, options)).map(
    ([key, value]) => `SET ${literal(key)} = ${literal(value)}`,
  )
  return [...settings, ...splitStatements(fillSql(template, valuesFor(options, gaps)))]
}

/** What the names of all jobs on this topic and these tables begin with, whatever their SQL. */
export function jobNamePrefix({ kafka, catalog }: FlinkJobOptions): string {
  return `${NAME_PREFIX} ${kafka.topic} ${catalog.host}:${catalog.port}/${catalog.database}#`
}

/** The names of Kafka's consumer groups, in which Flink notes what its checkpoints hold. */
export function consumerGroups(
  options: Pick<FlinkJobOptions, 'kafka'>,
): Readonly<{ events: string; lines: string }> {
  const events = `${NAME_PREFIX}-${options.kafka.topic}`
  return { events, lines: `${events}-lines` }
}

/**
 * Without passwords, and without what only the tables know: of the retention, which changes with
 * its setting, never alone; and of a rebuilt state, before which the job is cancelled.
 */
function comparable(options: FlinkJobOptions): FlinkJobOptions {
  const { kafka, catalog } = options
  const sasl = kafka.sasl === null ? null : { ...kafka.sasl, password: '' }
  return {
    ...options,
    retention: retentionOf(options.retention.days),
    rebuilt: null,
    kafka: { ...kafka, sasl },
    catalog: { ...catalog, password: null },
  }
}

function valuesFor(options: FlinkJobOptions, gaps: Gaps): SqlValues {
  const groups = consumerGroups(options)
  const { days, sinceUs, keptFromUs } = options.retention
  return {
    text: {
      heartbeat: HEARTBEAT_TYPE,
      retentionDays: String(days + SPARE_DAYS),
      retentionSince: timestampText(days === 0 ? NEVER_US : sinceUs),
      keptFrom: timestampText(keptFromUs),
      // A date-time as it is written may be a day ahead of UTC.
      keptFromText: timestampText(keptFromUs + 2 * DAY_US).slice(0, 10),
      watermarkDelay: (options.watermarkDelayMs / 1000).toFixed(3),
      windowSeconds: String(options.windowUs / 1_000_000),
      storedUntil: options.rebuilt?.storedUntil.join(',') ?? '',
      closedUntil: timestampText(options.rebuilt?.closedUntilUs ?? 0),
      group: groups.events,
      linesGroup: groups.lines,
      rejectedPath: pathToFileURL(options.rejectedDirectory).href,
    },
    options: {
      kafka: { ...kafkaOptions(options.kafka), ...READING, ...STARTING[gaps] },
      catalog: catalogOptions(options),
    },
  }
}

function timestampText(us: number): string {
  return new Date(us / 1000).toISOString().replace('T', ' ').replace('Z', '')
}

function catalogOptions({ catalog, warehouse }: FlinkJobOptions): Record<string, string> {
  // Without the factory the driver needs a file of its own; with it Java's trust store decides.
  const tls = catalog.tls
    ? '?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory'
    : ''
  return {
    uri: `jdbc:postgresql://${catalog.host}:${catalog.port}/${catalog.database}${tls}`,
    'jdbc.user': catalog.user,
    ...(catalog.password === null ? {} : { 'jdbc.password': catalog.password }),
    warehouse: warehouse.location,
    ...(warehouse.endpoint === null ? {} : { 's3.endpoint': warehouse.endpoint }),
    's3.path-style-access': String(warehouse.pathStyle),
    'client.region': warehouse.region,
  }
}

/** How the Java client inside Flink's connector reaches Kafka, by the names of its own settings. */
function kafkaOptions(kafka: KafkaPlace): Record<string, string> {
  return {
    topic: kafka.topic,
    'properties.bootstrap.servers': kafka.brokers.join(','),
    ...protocol(kafka),
    ...tls(kafka.tls),
    ...sasl(kafka.sasl),
  }
}

function protocol({ tls, sasl }: KafkaPlace): Record<string, string> {
  if (tls === null && sasl === null) return {}
  const name = `${sasl === null ? '' : 'SASL_'}${tls === null ? 'PLAINTEXT' : 'SSL'}`
  return { 'properties.security.protocol': name }
}

/** PEM files, at the same paths on Flink's machines. */
function tls(files: KafkaPlace['tls']): Record<string, string> {
  if (files === null) return {}
  return {
    ...(files.caFile === null
      ? {}
      : {
          'properties.ssl.truststore.type': 'PEM',
          'properties.ssl.truststore.location': files.caFile,
        }),
    // The key and its certificate in one file, as Kafka's client wants them.
    ...(files.keyFile === null
      ? {}
      : {
          'properties.ssl.keystore.type': 'PEM',
          'properties.ssl.keystore.location': files.keyFile,
        }),
  }
}

function sasl(login: KafkaPlace['sasl']): Record<string, string> {
  if (login === null) return {}
  const { mechanism, username, password } = login
  const credentials = `username=${quoted(username)} password=${quoted(password)}`
  return {
    'properties.sasl.mechanism': mechanism,
    'properties.sasl.jaas.config': `${MODULES[mechanism]} required ${credentials};`,
  }
}

/** JAAS: quotes and backslashes are escaped by a backslash. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
