/**
 * The sides on real services, each with a topic, a bucket and a catalog of its own. Flink's job and
 * Trino's catalog know one database only, so that Flink's side begins by emptying it.
 */
import { randomBytes } from 'node:crypto'
import type { Stack } from '../../../deploy/stack/stack.ts'
import { KEEP_ALL, type Side } from '../../parity/side.ts'
import { openFolder } from '../../support/folder.ts'
import { cancelJobs } from './flink-jobs.ts'
import { catalogUrl, dropDatabase, makeDatabase, runSql } from './postgres.ts'

export type DistributedSide = Side &
  Readonly<{
    topic: string
    database: string
    /** What the configuration file says, to be changed and written again. */
    fields: Readonly<Record<string, unknown>>
  }>

/** Services of each side, for `openSharedStack`. */
export const KAFKA_SIDE_SERVICES: readonly string[] = ['kafka', 's3', 'postgres']
export const FLINK_SIDE_SERVICES: readonly string[] = [
  ...KAFKA_SIDE_SERVICES,
  'jobmanager',
  'taskmanager',
  'sql-gateway',
  'trino',
]
/** The database of the catalog that Trino is configured with. */
const SHARED_DATABASE = 'iceberg'
const REGION = 'us-east-1'
const PARTITIONS = 4
const MINUTE_MS = 60_000

/** Kafka, the embedded engine, S3 and PostgreSQL. */
export async function openKafkaSide(
  stack: Stack,
  purpose: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<DistributedSide> {
  const name = uniqueName(purpose)
  await makeDatabase(stack, name)
  const fields = { ...commonFields(stack, name, name), engine: 'embedded', ...more }
  const folder = await openFolder(fields)
  return {
    ...commonParts(stack, name),
    name: 'kafka',
    folder,
    fields,
    topic: name,
    database: name,
    readerWords: readerWords(stack, name),
    settleLimitMs: 2 * MINUTE_MS,
    close: async () => {
      await folder.close()
      await dropDatabase(stack, name)
    },
  }
}

/** Kafka, Flink, S3, PostgreSQL and Trino. */
export async function openFlinkSide(
  stack: Stack,
  purpose: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<DistributedSide> {
  const name = uniqueName(purpose)
  const left = await cancelJobs(stack)
  if (left.length > 0) {
    // It would have taken slots from this test's job; a `start` that still runs submits it again.
    console.error(`an earlier test left jobs behind, now cancelled: ${JSON.stringify(left)}`)
  }
  await emptyCatalog(stack)
  const fields = {
    ...commonFields(stack, name, SHARED_DATABASE),
    engine: 'flink',
    flink: flinkFields(stack),
    trino: { url: `http://${stack.address('trino')}` },
    ...more,
  }
  const folder = await openFolder(fields)
  return {
    ...commonParts(stack, name),
    name: 'flink',
    folder,
    fields,
    topic: name,
    database: SHARED_DATABASE,
    readerWords: readerWords(stack, SHARED_DATABASE),
    settleLimitMs: 10 * MINUTE_MS,
    close: async () => {
      await cancelJobs(stack)
      await folder.close()
    },
  }
}

export function flinkFields(stack: Stack): Readonly<Record<string, unknown>> {
  return {
    gateway: `http://${stack.address('sql-gateway')}`,
    rest: `http://${stack.address('jobmanager')}`,
    parallelism: 1,
    checkpointInterval: '2s',
    watermarkDelay: '1s',
    idleTimeout: '2s',
  }
}

function commonParts(
  stack: Stack,
  name: string,
): Pick<Side, 'name' | 'environment' | 'needsSetup'> {
  return {
    name,
    environment: {
      AWS_ACCESS_KEY_ID: stack.values.S3_ACCESS_KEY ?? '',
      AWS_SECRET_ACCESS_KEY: stack.values.S3_SECRET_KEY ?? '',
    },
    needsSetup: true,
  }
}

function commonFields(
  stack: Stack,
  name: string,
  database: string,
): Readonly<Record<string, unknown>> {
  return {
    ...KEEP_ALL,
    commitInterval: '1s',
    log: `kafka://${stack.address('kafka')}/${name}`,
    kafka: { partitions: PARTITIONS },
    warehouse: `s3://${name.replaceAll('_', '-')}/warehouse`,
    s3: { endpoint: `http://${stack.address('s3')}`, region: REGION, pathStyle: true },
    catalog: catalogUrl(stack, database),
  }
}

function readerWords(stack: Stack, database: string): readonly string[] {
  const properties = {
    's3.endpoint': `http://${stack.address('s3')}`,
    's3.region': REGION,
    's3.access-key-id': stack.values.S3_ACCESS_KEY,
    's3.secret-access-key': stack.values.S3_SECRET_KEY,
  }
  return [
    ...['--catalog', catalogUrl(stack, database).replace('postgresql:', 'postgresql+psycopg2:')],
    ...Object.entries(properties).flatMap(([key, value]) => ['--property', `${key}=${value}`]),
  ]
}

/** The tables of an earlier test are forgotten; their files stay in their bucket. */
async function emptyCatalog(stack: Stack): Promise<void> {
  for (const table of ['iceberg_tables', 'iceberg_namespace_properties']) {
    await runSql(stack, SHARED_DATABASE, `DROP TABLE IF EXISTS ${table}`)
  }
}

function uniqueName(purpose: string): string {
  return `${purpose}_${randomBytes(4).toString('hex')}`
}
