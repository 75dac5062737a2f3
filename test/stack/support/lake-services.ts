/**
 * S3 and PostgreSQL of the stack, and lakes on them: each in a database and under a prefix of its
 * own.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findPortBase } from '../../../deploy/stack/port-base.ts'
import { openStack, type Stack } from '../../../deploy/stack/stack.ts'
import { type LakePlaces, makeWarehouse } from '../../../src/table.ts'

export type RemotePlaces = LakePlaces &
  Readonly<{
    warehouse: Extract<LakePlaces['warehouse'], { kind: 's3' }>
    catalog: Extract<LakePlaces['catalog'], { kind: 'postgresql' }>
  }>

export type LakeServices = Readonly<{
  stack: Stack
  folder: string
  /** What the AWS chain finds in the environment. */
  credentials: Readonly<Record<string, string>>
  /** An empty database and an empty prefix. */
  places(): Promise<RemotePlaces>
  /** What a user writes into the configuration file, of places of their own. */
  config(): Promise<Readonly<Record<string, unknown>>>
  warehouseAt(location: string): RemotePlaces['warehouse']
  catalog(database: string): RemotePlaces['catalog']
  /** Of a stack's service: its port on 127.0.0.1. */
  port(service: 's3' | 'postgres'): number
  /** A session of its own; whoever asks ends it. */
  connect(database: string, name: string): Promise<pg.Client>
  sql(database: string, text: string): Promise<readonly Record<string, unknown>[]>
  close(): Promise<void>
}>

const BUCKET = 'lake'

export async function openLakeServices(more: readonly string[] = []): Promise<LakeServices> {
  const folder = await mkdtemp(join(tmpdir(), 'lake-services-'))
  const portBase = await findPortBase()
  const stack = await openStack({ services: ['s3', 'postgres', ...more], folder, portBase })
  const { S3_ACCESS_KEY = '', S3_SECRET_KEY = '', POSTGRES_PASSWORD = '' } = stack.values
  const credentials = {
    AWS_ACCESS_KEY_ID: S3_ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: S3_SECRET_KEY,
    AWS_REGION: 'us-east-1',
  }
  Object.assign(process.env, credentials)
  const port = (service: string): number => Number(stack.address(service).split(':')[1])

  async function connect(database: string, name: string) {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: port('postgres'),
      user: 'postgres',
      password: POSTGRES_PASSWORD,
      database,
      application_name: name,
    })
    await client.connect()
    return client
  }

  async function sql(database: string, text: string) {
    const client = await connect(database, 'test')
    try {
      return (await client.query(text)).rows
    } finally {
      await client.end()
    }
  }

  const warehouseAt = (location: string) =>
    ({
      kind: 's3',
      location,
      endpoint: `http://127.0.0.1:${port('s3')}`,
      region: 'us-east-1',
      pathStyle: true,
    }) as const
  const catalog = (database: string) =>
    ({
      kind: 'postgresql',
      host: '127.0.0.1',
      port: port('postgres'),
      database,
      user: 'postgres',
      password: POSTGRES_PASSWORD,
      tls: false,
    }) as const

  async function places(): Promise<RemotePlaces> {
    const name = `lake_${randomUUID().slice(0, 8)}`
    await sql('postgres', `CREATE DATABASE ${name}`)
    const warehouse = warehouseAt(`s3://${BUCKET}/${name}`)
    await makeWarehouse(warehouse, false)
    const cache = { directory: join(folder, 'cache', name), sizeBytes: 2 ** 30 }
    return { warehouse, catalog: catalog(name), cache }
  }

  return {
    stack,
    folder,
    credentials,
    warehouseAt,
    catalog,
    port,
    connect,
    sql,
    places,
    async config() {
      const { warehouse, catalog: place } = await places()
      const { user, password, port: at, database } = place
      return {
        warehouse: warehouse.location,
        s3: { endpoint: warehouse.endpoint, region: warehouse.region, pathStyle: true },
        catalog: `postgresql://${user}:${password}@127.0.0.1:${at}/${database}`,
      }
    },
    async close() {
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
