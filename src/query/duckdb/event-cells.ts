/**
 * The cells of a raw file: what its events add up to in each window, for each campaign and each
 * group, which is a combination of platform, country and device. Values are numbered before they
 * are grouped: DuckDB turns a dictionary of Parquet into the codes of an ENUM once, while it would
 * hash and compare texts for every event.
 */
import {
  EVENT_FILTER_IDS,
  type EventFilterId,
  FILTER_IDS,
  FILTERS,
  type FilterId,
  mapEventFilters,
} from '../../dashboard-definition.ts'
import { nameSql } from '../dialect.ts'
import { DUCKDB } from './dialect.ts'
import type { DuckConnection, DuckDBBlobValue, DuckDBDataChunk } from './instance.ts'
import { resized, textOf } from './sum-rows.ts'

export type EventCells = Readonly<{
  /** By code. */
  campaigns: readonly string[]
  /** Combinations of values by code; '' stands for NULL as well as for the empty text. */
  groups: readonly Readonly<Record<EventFilterId, string>>[]
  /** One entry for each cell, in any order, in all that follow. */
  groupCodes: Uint32Array
  campaignCodes: Uint32Array
  /** Counted from the epoch. */
  windows: Uint32Array
  impressions: Uint32Array
  clicks: Uint32Array
  conversions: Uint32Array
  /** Whole; exact up to 2^53. */
  revenueMillionths: Float64Array
}>

/** Where there are more combinations, adding up by them is no gain. */
const GROUPS_MAX = 65_536
/** Of each column. Names are held in memory while a file is made and while it is read. */
const VALUES_MAX = 262_144

/** null if there are too many combinations or values. */
export async function readEventCells(
  connection: DuckConnection,
  files: readonly string[],
  windowUs: number,
): Promise<EventCells | null> {
  const from = `${DUCKDB.table('campaign_events', files)} WHERE campaign_id IS NOT NULL`
  const values = new Map<FilterId, readonly string[]>()
  for (const id of FILTER_IDS) {
    const found = await numberValues(connection, id, from)
    if (found.length > VALUES_MAX) return null
    values.set(id, found)
  }
  const result = await connection.stream(cellsSql(from, windowUs))
  const groups = new Groups(mapEventFilters((id) => values.get(id) ?? []))
  let columns = newColumns(CELLS_AT_FIRST)
  let cells = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    if (cells + chunk.rowCount > columns.windows.length) {
      columns = resized(columns, cells, columns.windows.length * 2)
    }
    readChunk(chunk, groups, columns, cells)
    cells += chunk.rowCount
    if (groups.found.length > GROUPS_MAX) return null
  }
  return {
    campaigns: values.get('campaign') ?? [],
    groups: groups.found,
    ...resized(columns, cells, cells),
  }
}

const CELLS_AT_FIRST = 65_536

/** Makes the ENUM of a column, and returns its values in the order of their codes. */
async function numberValues(
  connection: DuckConnection,
  id: FilterId,
  from: string,
): Promise<readonly string[]> {
  const column = nameSql(FILTERS[id].column)
  await connection.run(`CREATE OR REPLACE TYPE ${enumOf(id)} AS ENUM (
    SELECT DISTINCT ${column} FROM ${from} AND ${column} IS NOT NULL LIMIT ${VALUES_MAX + 1})`)
  const rows = await connection.run(
    `SELECT encode(unnest(enum_range(NULL::${enumOf(id)}))::VARCHAR)`,
  )
  return (await rows.getRows()).map(([value]) => textOf(value as DuckDBBlobValue))
}

function enumOf(id: FilterId): string {
  return `cell_${id}`
}

/** -1 stands for NULL. */
function cellsSql(from: string, windowUs: number): string {
  const codes = FILTER_IDS.map((id) => {
    const code = `enum_code(${nameSql(FILTERS[id].column)}::${enumOf(id)})`
    return `coalesce(${code}::INTEGER, -1) AS ${id}`
  })
  const counts = ['impression', 'click', 'conversion'].map(
    (type) => `${DUCKDB.countIf(`event_type = '${type}'`)}::INTEGER`,
  )
  const ids = FILTER_IDS.join(', ')
  return `SELECT ${ids}, window_number, ${counts.join(', ')},
      ${DUCKDB.sumMillionths('rounded')}::DOUBLE
    FROM (
      SELECT ${codes.join(', ')}, event_type,
        ((${DUCKDB.windowStart('"timestamp"', windowUs)}) // ${windowUs})::UINTEGER
          AS window_number,
        ${DUCKDB.millionths('revenue')} AS rounded
      FROM ${from}
    ) GROUP BY ${ids}, window_number`
}

/** The combinations that occur, numbered as they are met. */
class Groups {
  readonly found: Record<EventFilterId, string>[] = []
  readonly #values: Readonly<Record<EventFilterId, readonly string[]>>
  readonly #codes = new Map<number, number>()

  constructor(values: Readonly<Record<EventFilterId, readonly string[]>>) {
    this.#values = values
  }

  /** Of the codes of the values. NULL and the empty text are two of them, and one value. */
  codeOf(platform: number, country: number, device: number): number {
    const values = this.#values
    const countries = values.country.length + 1
    const devices = values.device.length + 1
    const key = ((platform + 1) * countries + country + 1) * devices + device + 1
    const known = this.#codes.get(key)
    if (known !== undefined) return known
    const code = this.found.length
    this.#codes.set(key, code)
    this.found.push({
      platform: values.platform[platform] ?? '',
      country: values.country[country] ?? '',
      device: values.device[device] ?? '',
    })
    return code
  }
}

type Columns = Omit<EventCells, 'campaigns' | 'groups'>
type Numbers = Readonly<{ getItem(row: number): number }>

const FIELDS = [...FILTER_IDS, 'window', 'impressions', 'clicks', 'conversions', 'revenue']

function readChunk(chunk: DuckDBDataChunk, groups: Groups, columns: Columns, at: number): void {
  const vectorOf = (field: string): Numbers =>
    chunk.getColumnVector(FIELDS.indexOf(field)) as unknown as Numbers // no column has NULL
  const campaign = vectorOf('campaign')
  const [platform, country, device] = EVENT_FILTER_IDS.map(vectorOf) as [Numbers, Numbers, Numbers]
  const window = vectorOf('window')
  const [impressions, clicks] = [vectorOf('impressions'), vectorOf('clicks')]
  const [conversions, revenue] = [vectorOf('conversions'), vectorOf('revenue')]
  for (let row = 0; row < chunk.rowCount; row++) {
    const cell = at + row
    columns.groupCodes[cell] = groups.codeOf(
      platform.getItem(row),
      country.getItem(row),
      device.getItem(row),
    )
    columns.campaignCodes[cell] = campaign.getItem(row)
    columns.windows[cell] = window.getItem(row)
    columns.impressions[cell] = impressions.getItem(row)
    columns.clicks[cell] = clicks.getItem(row)
    columns.conversions[cell] = conversions.getItem(row)
    columns.revenueMillionths[cell] = revenue.getItem(row)
  }
}

function newColumns(length: number): Columns {
  return {
    groupCodes: new Uint32Array(length),
    campaignCodes: new Uint32Array(length),
    windows: new Uint32Array(length),
    impressions: new Uint32Array(length),
    clicks: new Uint32Array(length),
    conversions: new Uint32Array(length),
    revenueMillionths: new Float64Array(length),
  }
}
