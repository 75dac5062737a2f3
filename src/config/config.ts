/**
 * The configuration as the program sees it: read-only, every field present, units in the names,
 * paths absolute.
 */
import type { Weekday } from '../dashboard-definition.ts'
import type { AddressRange } from './address.ts'
import type { FolderPlace, KafkaPlace, PostgresqlPlace, S3Place, SqlitePlace } from './places.ts'

export const DEFAULT_CONFIG_FILE = 'campaign-metrics.yaml'

/** How a client proves who it is to Kafka. */
type KafkaSasl = Readonly<{
  mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  username: string
  password: string
}>

/** PEM files; without `caFile` the certificates that Node trusts. */
type KafkaTls = Readonly<{
  caFile: string | null
  certFile: string | null
  keyFile: string | null
}>

export type KafkaLog = KafkaPlace &
  Readonly<{
    /** Of a topic that `setup` makes. */
    partitions: number
    replication: number
    tls: KafkaTls | null
    sasl: KafkaSasl | null
  }>

/** `endpoint` is null for AWS itself. Credentials come from the standard AWS chain. */
export type S3Warehouse = S3Place &
  Readonly<{ endpoint: string | null; region: string; pathStyle: boolean }>

export type FlinkConfig = Readonly<{
  /** Of the SQL Gateway and of the JobManager. */
  gateway: string
  rest: string
  parallelism: number
  checkpointIntervalMs: number
  watermarkDelayMs: number
  idleTimeoutMs: number
  stateBackend: 'hashmap' | 'rocksdb'
  /**
   * Where Flink leaves rejected records: a folder that its task managers and this process share, at
   * the same path.
   */
  rejectedDirectory: string
}>

/** `catalog` is Trino's name for the Iceberg catalog. */
export type TrinoConfig = Readonly<{
  url: string
  user: string
  password: string | null
  catalog: string
}>

/** `trinoUrl` is where Superset finds Trino, `publicUrl` where browsers find Superset. */
export type SupersetConfig = Readonly<{
  url: string
  user: string
  password: string
  trinoUrl: string
  publicUrl: string
}>

export type Config = Readonly<{
  /** The file it was read from; null when there was none and all is default. */
  file: string | null
  /** Port 0 lets the system choose a free one. */
  listen: Readonly<{ host: string; port: number }>
  log: FolderPlace | KafkaLog
  warehouse: FolderPlace | S3Warehouse
  catalog: SqlitePlace | PostgresqlPlace
  /** Where rejected events are kept. */
  rejectedDirectory: string
  /** What moves events from the log into the tables: this process, or a Flink job. */
  engine: 'embedded' | 'flink'
  /** Null unless Flink is the engine. */
  flink: FlinkConfig | null
  /** Null when `query` and `verify` read the files themselves. */
  trino: TrinoConfig | null
  superset: SupersetConfig | null
  /** The cache of data files on S3 for local reads, and its limit. */
  cache: Readonly<{ directory: string; sizeBytes: number }>
  /** Size of a window; divides a day. */
  windowUs: number
  /** IANA name of the zone that the page and the command line show times in. */
  timezone: string
  /** 1 is Monday, 7 is Sunday; null follows the reader's language. */
  weekStart: Weekday | null
  /** A code of ISO 4217; null where revenue is a plain number. */
  currency: string | null
  /** The file with the names of campaigns; null where they have none. */
  campaignNames: string | null
  commitIntervalMs: number
  dedupe: Readonly<{ horizonMs: number; memoryMaxBytes: number }>
  /** Accepted keys; without any no key is required (on loopback only). */
  keys: Readonly<{
    write: readonly string[]
    read: readonly string[]
    /** May read, and commit to the tables through the REST catalog. */
    tables: readonly string[]
    /** May send impressions and clicks only: they are public. */
    page: readonly string[]
    /** The file whose keys are included, if it exists; `setup` makes it. */
    file: string | null
  }>
  /** What a page key may do; rates are events a second, 0 is no limit. */
  page: Readonly<{ conversions: boolean; keyRate: number; addressRate: number }>
  /** What becomes of events that bots send with a page key. */
  bots: 'reject' | 'accept'
  /** Origins, such as `https://shop.example`, whose pages may send events; `*` is every origin. */
  cors: readonly string[]
  /** Origins that click links may lead to. */
  redirects: readonly string[]
  /**
   * Where browsers find the page, without a slash at the end; null where that is the address
   * listened on.
   */
  publicUrl: string | null
  /** Addresses whose forwarding headers are trusted. */
  proxy: Readonly<{ trust: readonly AddressRange[] }>
  /**
   * How long rows are kept, 0 is for ever; and how long files that nothing refers to any more stay
   * for readers, and how many bytes of them.
   */
  retention: Readonly<{
    eventsMs: number
    metricsMs: number
    readersMs: number
    readersMaxBytes: number
  }>
  /** How long the log keeps events that are in the tables already, and its size limit. */
  logRetention: Readonly<{ timeMs: number; sizeBytes: number }>
  /** Free space on the disk below which events are refused with 503. */
  diskReserveBytes: number
  rejectedMaxBytes: number
}>
