/**
 * Parquet files of the two tables, written by DuckDB itself from rows given here, so that the query
 * room is tested without our own writer.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type LakeFiles, openFilesQuery, type Query } from '../../src/query/duckdb/lake-query.ts'
import type { CampaignWindow } from '../support/stored-rows.ts'

export type EventRow = Readonly<{
  id: string
  campaign?: string | null
  type?: string
  /** `2026-11-22 10:00:00[.ffffff]`; null is NULL. */
  at?: string | null
  /** SQL text of a DOUBLE. */
  revenue?: string
  platform?: string | null
  country?: string | null
  device?: string | null
}>

/** `isUnprocessed`: without `processed_at`. */
export type MetricsRow = CampaignWindow & Readonly<{ isUnprocessed?: boolean }>

export type Fixture = Readonly<{
  path: string
  eventsFile(
    name: string,
    rows: readonly EventRow[],
    arrivalUs?: readonly [number, number],
  ): Promise<string>
  metricsFile(name: string, rows: readonly MetricsRow[]): Promise<string>
  /** Runs any SQL, to look at files from outside. */
  sql(text: string): Promise<readonly (readonly unknown[])[]>
  /** The room over these files; closed with the fixture. */
  query(files: Partial<LakeFiles> | (() => LakeFiles), memoryMaxBytes?: number): Promise<Query>
  close(): Promise<void>
}>

export async function openFixture(): Promise<Fixture> {
  const path = await mkdtemp(join(tmpdir(), 'campaign-metrics-query-test-'))
  const spill = join(path, 'spill')
  await mkdir(join(path, 'data'))
  await mkdir(spill)
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  const opened: Query[] = []
  const sql = async (text: string): Promise<readonly (readonly unknown[])[]> =>
    (await connection.run(text)).getRowsJson()

  const write = async (name: string, select: string, ids: string, more = ''): Promise<string> => {
    const file = join(path, 'data', name)
    await sql(`COPY (${select}) TO '${file}' (FORMAT parquet, FIELD_IDS {${ids}}${more})`)
    return file
  }

  return {
    path,
    sql,
    eventsFile: (name, rows, arrivalUs) =>
      write(
        name,
        `SELECT * FROM (VALUES ${rows.map(eventSql).join(', ')}) t(event_id, user_id, ` +
          'campaign_id, event_type, "timestamp", revenue, platform, country, device_type)',
        'event_id: 1, user_id: 2, campaign_id: 3, event_type: 4, "timestamp": 5, revenue: 6, ' +
          'platform: 7, country: 8, device_type: 9',
        arrivalUs === undefined
          ? ''
          : `, KV_METADATA {'campaign-metrics.arrival-min-us': '${arrivalUs[0]}', ` +
              `'campaign-metrics.arrival-max-us': '${arrivalUs[1]}'}`,
      ),
    metricsFile: (name, rows) =>
      write(
        name,
        `SELECT * FROM (VALUES ${rows.map(metricsSql).join(', ')}) t(campaign_id, ` +
          'window_start, window_end, impressions, clicks, conversions, revenue, ctr_percent, ' +
          'cvr_percent, processed_at)',
        'campaign_id: 1, window_start: 2, window_end: 3, impressions: 4, clicks: 5, ' +
          'conversions: 6, revenue: 7, ctr_percent: 8, cvr_percent: 9, processed_at: 10',
      ),
    async query(files, memoryMaxBytes = 512 * 2 ** 20) {
      const fixed = { version: '1', events: [], metrics: [], folders: [join(path, 'data')] }
      const readFiles = typeof files === 'function' ? files : () => ({ ...fixed, ...files })
      const query = await openFilesQuery(readFiles, {
        memoryMaxBytes,
        threads: 2,
        timezone: 'Europe/Berlin',
        temporaryPath: spill,
        temporaryMaxBytes: 2 ** 30,
      })
      opened.push(query)
      return query
    },
    async close() {
      for (const query of opened) await query.close()
      instance.closeSync()
      await rm(path, { recursive: true, force: true })
    },
  }
}

export function textSql(text: string | null): string {
  return text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`
}

function eventSql(row: EventRow): string {
  const campaign = row.campaign === undefined ? 'spring' : row.campaign
  const { at = '2026-11-22 10:00:00', platform = null, country = 'DE', device = 'ios' } = row
  const filtered = [platform, country, device].map((value) => `${textSql(value)}::VARCHAR`)
  return `(${textSql(row.id)}, 'u', ${textSql(campaign)}::VARCHAR, '${row.type ?? 'impression'}',
    ${at === null ? 'NULL::TIMESTAMP' : `TIMESTAMP '${at}'`}, (${row.revenue ?? '0'})::DOUBLE,
      ${filtered.join(', ')})`
}

function metricsSql(row: MetricsRow): string {
  const processed = row.isUnprocessed ? 'NULL::TIMESTAMP' : "TIMESTAMP '2026-11-22 12:00:00'"
  return `(${textSql(row.campaign)}, TIMESTAMP '${row.start}', TIMESTAMP '${row.end}',
    ${row.counts.map((count) => `${count}::BIGINT`).join(', ')}, (${row.revenue ?? '0'})::DOUBLE,
    (${row.ctr})::DOUBLE, (${row.cvr})::DOUBLE, ${processed})`
}
