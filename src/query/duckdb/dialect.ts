/** DuckDB's SQL: a table is its Parquet files. */
import { ARRIVAL_MAX_KEY, ARRIVAL_MIN_KEY, DEDUPE_MAX_KEY, DEDUPE_MIN_KEY } from '../../table.ts'
import type { Dialect } from '../dialect.ts'
import { EVENT_COLUMNS, filesSql, listSql, METRICS_COLUMNS } from './tables.ts'

export const DUCKDB: Dialect<readonly string[]> = {
  table: (name, files) =>
    filesSql(name === 'campaign_events' ? EVENT_COLUMNS : METRICS_COLUMNS, files),
  timestamp: (epochUs) => `make_timestamp(${epochUs}::BIGINT)`,
  epochUs: (timestamp) => `epoch_us(${timestamp})`,
  windowStart(timestamp, windowUs) {
    const micros = `epoch_us(${timestamp})`
    return `${micros} - ((${micros} % ${windowUs}) + ${windowUs}) % ${windowUs}`
  },
  // DuckDB prints a DOUBLE in its shortest form and rounds a text half away from zero when it
  // becomes a DECIMAL. Two things stand in the way of the bare cast. A text with an exponent far
  // below zero comes out wrong (5e-324 as 0.000001 in DuckDB 1.5), so what rounds to zero is
  // written as zero: 5e-7 is the smallest double whose shortest form does not. And a text costs 100
  // ns, so the zeros of impressions and clicks avoid it.
  millionths: (revenue) =>
    `CASE WHEN abs(${revenue}) < 5e-7 OR ${revenue} IS NULL THEN 0::DECIMAL(18,6) ` +
    `ELSE TRY_CAST(CAST(${revenue} AS VARCHAR) AS DECIMAL(18,6)) END`,
  sumMillionths: (millionths) =>
    `CAST(CAST(coalesce(sum(${millionths}), 0) AS DECIMAL(38,6)) * 1000000 AS HUGEINT)`,
  wholeMillionths: String,
  countIf: (condition) => `count(*) FILTER (${condition})`,
  isSame: (left, right) => `${left} IS NOT DISTINCT FROM ${right}`,
  // Parameters, since DuckDB's SQL text ends at a NUL.
  windowKeys: (keys) => ({
    sql: `SELECT unnest($places::BIGINT[]) AS place, unnest($campaigns::VARCHAR[]) AS campaign_id,
        unnest($starts::BIGINT[]) AS start_us`,
    parameters: {
      places: keys.map((_, index) => BigInt(index)),
      campaigns: keys.map((key) => key.campaignId),
      starts: keys.map((key) => BigInt(key.windowStartUs)),
    },
  }),
  keyCharactersMax: Number.POSITIVE_INFINITY,
  idHash: 'hash(event_id)',
  // The farthest moments of two neighbours by arrival; where the later one's are not known, neither
  // is this.
  repeatedIds: (files, suspects, { horizonUs, examplesMax }) =>
    `WITH ranges AS (${rangesSql(files)}), places AS (
      SELECT event_id, min_us, max_us FROM ${filesSql(EVENT_COLUMNS, files, ', filename = true')}
      LEFT JOIN ranges USING (filename) WHERE hash(event_id) IN (${suspects})
    ), neighbours AS (
      SELECT event_id, max_us - least(min_us, lag(min_us) OVER ids) AS apart_us,
        lag(1) OVER ids IS NOT NULL AS is_repeat
      FROM places WINDOW ids AS (PARTITION BY event_id ORDER BY max_us, min_us)
    ), repeated AS (
      SELECT event_id, coalesce(min(apart_us) < ${horizonUs}, false) AS is_within
      FROM neighbours WHERE is_repeat GROUP BY event_id
    )
    SELECT is_within, count(*), min(event_id, ${examplesMax}) FROM repeated GROUP BY is_within`,
}

/**
 * When the rows of each file arrived, from its footer; in files of earlier versions, from keys of
 * another name.
 */
function rangesSql(files: readonly string[]): string {
  const pick = (key: string): string =>
    `max(TRY_CAST(decode(value) AS BIGINT)) FILTER (decode(key) = '${key}')`
  return `SELECT file_name AS filename,
      coalesce(${pick(DEDUPE_MIN_KEY)}, ${pick(ARRIVAL_MIN_KEY)}) AS min_us,
      coalesce(${pick(DEDUPE_MAX_KEY)}, ${pick(ARRIVAL_MAX_KEY)}) AS max_us
    FROM parquet_kv_metadata(${listSql(files)}) GROUP BY file_name`
}
