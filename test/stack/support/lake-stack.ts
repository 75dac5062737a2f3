/**
 * PostgreSQL, S3 and Trino (and Superset where it is asked for), with the two tables, empty, and a
 * hand that writes rows into them through Trino: what the tests of `query` and of the dashboard
 * read.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPortBase } from '../../../deploy/stack/port-base.ts'
import { openStack, type Stack } from '../../../deploy/stack/stack.ts'
import { openTrinoClient, type TrinoClient } from '../../../src/query/trino/client.ts'
import { rowsSql } from '../../../src/query/trino/dialect.ts'
import type { StoredEvent, StoredWindow } from '../../support/stored-rows.ts'

export type LakeStack = Readonly<{
  stack: Stack
  trinoUrl: string
  client: TrinoClient
  /** Drops both tables and makes them anew. */
  makeTables(): Promise<void>
  /** Each call is a snapshot and a data file a day. */
  writeEvents(events: readonly StoredEvent[]): Promise<void>
  writeWindows(windows: readonly StoredWindow[]): Promise<void>
  /** Of a table, as PostgreSQL has it. */
  metadataLocation(table: 'campaign_events' | 'campaign_metrics'): string
  close(): Promise<void>
}>

/** The tables of Iceberg's JDBC catalog, version 1. */
const CATALOG_SQL = `
CREATE TABLE IF NOT EXISTS iceberg_tables (
  catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
  table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000),
  previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
  PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
  catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255),
  property_value VARCHAR(1000), PRIMARY KEY (catalog_name, namespace, property_key));`

const EVENTS_TABLE = `CREATE TABLE campaign_events (
  event_id VARCHAR, user_id VARCHAR, campaign_id VARCHAR, event_type VARCHAR,
  "timestamp" TIMESTAMP(6), revenue DOUBLE, platform VARCHAR, country VARCHAR, device_type VARCHAR
) WITH (format_version = 2, partitioning = ARRAY['day("timestamp")'])`

const METRICS_TABLE = `CREATE TABLE campaign_metrics (
  campaign_id VARCHAR, window_start TIMESTAMP(6), window_end TIMESTAMP(6), impressions BIGINT,
  clicks BIGINT, conversions BIGINT, revenue DOUBLE, ctr_percent DOUBLE, cvr_percent DOUBLE,
  processed_at TIMESTAMP(6)
) WITH (format_version = 2, partitioning = ARRAY['day(window_start)'])`

export async function openLakeStack(further: readonly 'superset'[] = []): Promise<LakeStack> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-metrics-stack-'))
  const services = ['s3', 'postgres', 'trino', ...further]
  const stack = await openStack({ services: [], folder, portBase: await findPortBase() })
  const close = async (): Promise<void> => {
    await stack.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    mkdirSync(join(stack.path('s3', '/var/lib/s3'), 'lake'), { recursive: true })
    for (const service of services) await stack.start(service)
    askCatalog(stack, CATALOG_SQL)
    const trinoUrl = `http://${stack.address('trino')}`
    const client = openTrinoClient({ url: trinoUrl, user: 'test', password: null, catalog: null })
    await client.rows('CREATE SCHEMA IF NOT EXISTS campaigns')
    const metadataLocation: LakeStack['metadataLocation'] = (table) =>
      askCatalog(
        stack,
        `SELECT metadata_location FROM iceberg_tables WHERE table_name = '${table}'`,
      )
    return { stack, trinoUrl, client, ...writerOf(client), metadataLocation, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What psql prints, without headers. */
function askCatalog(stack: Stack, sql: string): string {
  const [host = '', port = ''] = stack.address('postgres').split(':')
  const words = ['-h', host, '-p', port, '-U', 'iceberg', '-d', 'iceberg', '-qtA', '-c', sql]
  const PGPASSWORD = stack.values.ICEBERG_PASSWORD
  const done = spawnSync('psql', words, { encoding: 'utf8', env: { ...process.env, PGPASSWORD } })
  assert.equal(done.status, 0, done.stderr ?? done.error?.message)
  return done.stdout.trim()
}

function writerOf(client: TrinoClient) {
  return {
    async makeTables() {
      await client.rows('DROP TABLE IF EXISTS campaign_events')
      await client.rows('DROP TABLE IF EXISTS campaign_metrics')
      await client.rows(EVENTS_TABLE)
      await client.rows(METRICS_TABLE)
    },
    async writeEvents(events: readonly StoredEvent[]) {
      const rows = events.map(
        ({ id, campaign = 'spring', type = 'impression', at, revenue = '0', ...of }) => {
          const { platform = 'web', country = 'DE', device } = of
          return [id, campaign, type, at, revenue, platform, country, device ?? ''] as const
        },
      )
      const names = ['id', 'campaign', 'type', 'at', 'revenue', 'platform', 'country', 'device']
      const types = names.map((name) => `${name} VARCHAR`).join(', ')
      await client.rows(
        `INSERT INTO campaign_events SELECT id, 'user', campaign, type, CAST(at AS TIMESTAMP(6)),
          CAST(revenue AS DOUBLE), platform, country, nullif(device, '') FROM ${rowsSql(rows, types)}`,
      )
    },
    async writeWindows(windows: readonly StoredWindow[]) {
      const rows = windows.map(
        ({ campaign = 'spring', start, end, counts, revenue = '0', ctr, cvr }) =>
          [campaign, start, end, ...counts, revenue, ctr, cvr] as const,
      )
      const types =
        'campaign VARCHAR, start VARCHAR, "end" VARCHAR, i BIGINT, c BIGINT, v BIGINT, revenue ' +
        'VARCHAR, ctr VARCHAR, cvr VARCHAR'
      const double = (name: string): string => `CAST(nullif(${name}, 'NULL') AS DOUBLE)`
      await client.rows(
        `INSERT INTO campaign_metrics
          SELECT campaign, CAST(start AS TIMESTAMP(6)), CAST("end" AS TIMESTAMP(6)),
          i, c, v, ${double('revenue')}, ${double('ctr')}, ${double('cvr')},
          TIMESTAMP '2026-11-22 12:00:00.000000'
          FROM ${rowsSql(rows, types)}`,
      )
    },
  }
}
