/**
 * What the job is made from: places as Flink sees them, and the settings of the configuration that
 * reach its SQL.
 */

export type KafkaPlace = Readonly<{
  /** `host:port`. */
  brokers: readonly string[]
  topic: string
  tls: Readonly<{ caFile: string | null; certFile: string | null; keyFile: string | null }> | null
  sasl: Readonly<{
    mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
    username: string
    password: string
  }> | null
}>

export type FlinkJobOptions = Readonly<{
  kafka: KafkaPlace
  warehouse: Readonly<{
    /** `s3://bucket/prefix`. */
    location: string
    endpoint: string | null
    region: string
    pathStyle: boolean
  }>
  catalog: Readonly<{
    host: string
    port: number
    database: string
    user: string
    password: string | null
    tls: boolean
  }>
  parallelism: number
  checkpointIntervalMs: number
  watermarkDelayMs: number
  idleTimeoutMs: number
  /** How long a repeat must be recognised; an id is remembered longer, see REMEMBERED_HORIZONS. */
  dedupeHorizonMs: number
  /** How old an event may be, see retention.ts. */
  retention: Readonly<{
    /** 0 keeps all. */
    days: number
    /** What arrived earlier is accepted at any age. Microseconds since the epoch. */
    sinceUs: number
    /** Earlier days had been dropped when the setting was made, and take no event. */
    keptFromUs: number
  }>
  /** Whole seconds that divide a day. */
  windowUs: number
  stateBackend: 'hashmap' | 'rocksdb'
  /** Where Flink leaves rejected records, as its task managers see it; absolute. */
  rejectedDirectory: string
}>
