/**
 * The settings of the services of the distributed side, one group each. All have defaults, so an
 * embedded user never meets them.
 */

import type { z } from 'zod'
import type { SupersetConfig } from './config.ts'
import { type FieldNotes, field, group, type Refusal } from './field.ts'
import { readServiceUrl } from './places.ts'
import { readChoice, readCount, readDuration, readPath, readSwitch, readText } from './readers.ts'

export type KafkaSettings = Readonly<{
  partitions: number
  replication: number
  tls: boolean
  caFile: string
  certFile: string
  keyFile: string
  sasl: 'none' | 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  username: string
  password: string
}>
export type S3Settings = Readonly<{ endpoint: string; region: string; pathStyle: boolean }>
export type FlinkSettings = Readonly<{
  gateway: string
  rest: string
  parallelism: number
  checkpointInterval: number
  watermarkDelay: number
  idleTimeout: number
  stateBackend: 'hashmap' | 'rocksdb'
  rejectedDirectory: string
}>
export type TrinoSettings = Readonly<{
  url: string
  user: string
  password: string
  catalog: string
}>

const PARTITIONS_MAX = 1000
const REPLICATION_MAX = 16
/**
 * The job's state is kept in so many groups, which parallel tasks divide among them; that is fixed
 * with its first checkpoint.
 */
export const FLINK_PARALLELISM_MAX = 1024
const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const URL_FORM = 'a URL such as `http://127.0.0.1:8081`'
const TEXT_FORM = 'a text; best from the environment where it is a secret'

type Field<T> = z.ZodType<T>

const text = (description: string, initial = ''): Field<string> =>
  field({ description, accepts: TEXT_FORM, initial }, readText)

const url = (description: string, initial = ''): Field<string> =>
  field({ description, accepts: URL_FORM, initial }, readServiceUrl)

const pemFile = (description: string): Field<string> =>
  field(
    { description, accepts: 'the path of a PEM file (relative to this file)', initial: '' },
    (value) => (value === '' ? '' : readPath(value)),
  )

const flag = (description: string): Field<boolean> =>
  field({ description, accepts: '`true` or `false`', initial: false }, readSwitch)

const wait = (description: string, initial: string, leastMs: number): Field<number> => {
  const notes: FieldNotes = { description, accepts: 'a duration up to `10m`', initial }
  return field(notes, (value): number | Refusal => readDuration(value, leastMs, 10 * MINUTE_MS))
}

export const KAFKA: Field<KafkaSettings> = group<KafkaSettings>(
  'How to reach Kafka, where it is the log.',
  {
    partitions: field(
      {
        description: 'Partitions of the topic, when `campaign-metrics setup` makes it.',
        accepts: `a whole number from 1 to ${PARTITIONS_MAX}`,
        initial: 4,
      },
      (value) => readCount(value, 1, PARTITIONS_MAX),
    ),
    replication: field(
      {
        description: 'Copies of each partition, when `setup` makes the topic; 3 on a real cluster.',
        accepts: `a whole number from 1 to ${REPLICATION_MAX}`,
        initial: 1,
      },
      (value) => readCount(value, 1, REPLICATION_MAX),
    ),
    tls: flag('Whether connections are encrypted.'),
    caFile: pemFile('Certificates to trust; without one those that Node trusts.'),
    certFile: pemFile('The certificate of this client, where brokers ask for one.'),
    keyFile: pemFile('Its key.'),
    sasl: field(
      {
        description: 'How to sign in.',
        accepts: '`none`, `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`',
        initial: 'none',
      },
      (value) => readChoice(value, ['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
    ),
    username: text('The user to sign in as.'),
    password: text('Its password.'),
  },
)

export const S3: Field<S3Settings> = group<S3Settings>(
  'How to reach S3, where the tables are there. Credentials come from the standard AWS chain ' +
    '(`AWS_ACCESS_KEY_ID`, …).',
  {
    endpoint: url('The address of a store that is not AWS.'),
    region: text('The region.', 'us-east-1'),
    pathStyle: flag('Whether the bucket is part of the path, not of the host.'),
  },
)

export const FLINK: Field<FlinkSettings> = group<FlinkSettings>(
  'The Flink cluster, where it is the engine.',
  {
    gateway: url('The SQL Gateway, through which the job is submitted.'),
    rest: url('The JobManager, through which the job is watched.'),
    parallelism: field(
      {
        description:
          'How many tasks work side by side, each in a slot of the cluster. It may be changed at ' +
          'any time, up and down: the job goes on with its state.',
        accepts: `a whole number from 1 to ${FLINK_PARALLELISM_MAX}`,
        initial: 2,
      },
      (value) => readCount(value, 1, FLINK_PARALLELISM_MAX),
    ),
    checkpointInterval: wait(
      'How often events go into the tables: the freshness of the numbers.',
      '5s',
      SECOND_MS,
    ),
    watermarkDelay: wait('How long a window waits for events that are out of order.', '10s', 0),
    idleTimeout: wait(
      'After how long without events a partition no longer holds up windows.',
      '10s',
      SECOND_MS,
    ),
    stateBackend: field(
      {
        description:
          'Where the job keeps event ids: on disk, with the managed memory of its slots as the ' +
          'cache, or in the heap, which suits small installations (some 3 million in 1.2 GB). It ' +
          'may be changed while the job runs.',
        accepts: '`rocksdb` or `hashmap`',
        initial: 'rocksdb',
      },
      (value) => readChoice(value, ['hashmap', 'rocksdb']),
    ),
    rejectedDirectory: field(
      {
        description:
          'A folder that the task managers and `campaign-metrics start` share, at the same ' +
          'path: rejected records pass through it.',
        accepts: 'the path of a folder (relative to this file)',
        initial: './data/flink-rejected',
      },
      readPath,
    ),
  },
)

export const TRINO: Field<TrinoSettings> = group<TrinoSettings>(
  'Trino, the SQL engine of the distributed side: `query` and `verify` go through it.',
  {
    url: url('Its address.'),
    user: text('The user to ask as.', 'campaign-metrics'),
    password: text('Its password, where Trino asks for one.'),
    catalog: text('What Trino calls the Iceberg catalog.', 'lake'),
  },
)

export const SUPERSET: Field<SupersetConfig> = group<SupersetConfig>(
  'Superset, which shows the dashboard of the distributed side; `campaign-metrics setup` puts ' +
    'it there.',
  {
    url: url('Its address.'),
    user: text('The user to sign in as.', 'admin'),
    password: text('Its password.', 'admin'),
    trinoUrl: url('Where Superset finds Trino, if not where `trino.url` says.'),
    publicUrl: url('Where browsers find it, if not where `url` says.'),
  },
)
