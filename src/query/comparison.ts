/** A window in which campaign_metrics and the raw table disagree: which fields, and what each side says. */
import type { DuckDBValue } from './duckdb/instance.ts'

export type FieldDifference = Readonly<{
  /** The column's name. */
  name: string
  /** As text; null is NULL, or no such row. Moments are microseconds since the epoch. */
  expected: string | null
  found: string | null
}>

export type Difference = Readonly<{
  campaignId: string | null
  windowStartUs: number | null
  /**
   * `missing`: events without a metrics row. `unexpected`: a metrics row without events (or one whose window_start is
   * no start of a window). `repeated`: more than one metrics row. `different`: one row that says something else.
   */
  kind: 'missing' | 'unexpected' | 'repeated' | 'different'
  fields: readonly FieldDifference[]
}>

type WindowField = Readonly<{
  name: string
  /** What the row must say, from the sums `e` of a window; NULL where it has no events. */
  expectedSql: (windowUs: number) => string
  /** What it says; over the rows of one window, of which there should be one. */
  foundSql: string
}>

const percentSql = (part: string, whole: string): string =>
  `CASE WHEN e.${whole} > 0 THEN e.${part}::DOUBLE * 100e0 / e.${whole}::DOUBLE END`

/** The columns that are compared, in the table's order. */
export const WINDOW_FIELDS: readonly WindowField[] = [
  {
    name: 'window_end',
    expectedSql: (windowUs) => `e.start_us + ${windowUs}`,
    foundSql: 'epoch_us(any_value(window_end))',
  },
  counted('impressions'),
  counted('clicks'),
  counted('conversions'),
  {
    name: 'revenue',
    expectedSql: () => 'e.millionths::DOUBLE / 1e6',
    foundSql: 'any_value(revenue)',
  },
  {
    name: 'ctr_percent',
    expectedSql: () => percentSql('clicks', 'impressions'),
    foundSql: 'any_value(ctr_percent)',
  },
  {
    name: 'cvr_percent',
    expectedSql: () => percentSql('conversions', 'clicks'),
    foundSql: 'any_value(cvr_percent)',
  },
]

export const FOUND_SQL: string = [
  ...WINDOW_FIELDS.map(({ name, foundSql }) => `${foundSql} AS found_${name}`),
  'any_value(processed_at) AS found_processed_at',
].join(', ')

type ComparedRow = Readonly<Record<string, DuckDBValue>>

/** `row` has events, found_rows, millionths and, for each field, expected_… and found_…. */
export function differenceOf(compared: ComparedRow): Difference {
  const { millionths } = compared
  const row: ComparedRow =
    typeof millionths === 'bigint'
      ? { ...compared, expected_revenue: Number(millionths) / 1e6 }
      : compared
  const fields = WINDOW_FIELDS.map(({ name }) => ({
    name,
    expected: textOf(row[`expected_${name}`]),
    found: textOf(row[`found_${name}`]),
  })).filter(({ expected, found }) => expected !== found)
  const unprocessed = row.found_rows !== null && row.found_processed_at === null
  return {
    campaignId: textOf(row.campaign_id),
    windowStartUs: row.start_us === null ? null : Number(row.start_us),
    kind: kindOf(row),
    fields: unprocessed
      ? [...fields, { name: 'processed_at', expected: 'a moment', found: null }]
      : fields,
  }
}

function kindOf(row: ComparedRow): Difference['kind'] {
  if (row.found_rows === null) return 'missing'
  if (Number(row.events) === 0) return 'unexpected'
  return Number(row.found_rows) === 1 ? 'different' : 'repeated'
}

function textOf(value: DuckDBValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

function counted(name: string): WindowField {
  return { name, expectedSql: () => `e.${name}`, foundSql: `any_value(${name})` }
}
