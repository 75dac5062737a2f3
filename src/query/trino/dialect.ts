/**
 * Trino's SQL: a table is read at a snapshot of Iceberg.
 *
 * Its text must stay as it is unless it is run against Trino (test/stack):
 * test/query/trino/sql.test.ts pins it.
 */
import { strict as assert } from 'node:assert'
import { type Dialect, textSql } from '../dialect.ts'

/**
 * The start of the year 1, from which all moments of the tables count upwards, so that divisions
 * round down.
 */
const ORIGIN = "TIMESTAMP '0001-01-01 00:00:00.000000'"
const ORIGIN_US = -62_135_596_800_000_000

const ID_HASH = 'from_big_endian_64(xxhash64(to_utf8(event_id)))'

/** A source is the id of a snapshot. */
export const TRINO: Dialect<bigint> = {
  table: (name, snapshotId) => `${name} FOR VERSION AS OF ${snapshotId}`,
  timestamp(epochUs) {
    assert(Number.isSafeInteger(epochUs), 'a moment in whole microseconds')
    const ms = Math.floor(epochUs / 1000)
    const iso = new Date(ms).toISOString()
    assert(iso.length === 24, 'a moment between the years 0 and 9999')
    const micros = String(epochUs - ms * 1000).padStart(3, '0')
    return `TIMESTAMP '${iso.slice(0, 10)} ${iso.slice(11, 23)}${micros}'`
  },
  // Trino's own functions stop at milliseconds or at a DOUBLE.
  epochUs(timestamp) {
    const fraction = `CAST(substr(CAST(${timestamp} AS VARCHAR), -6) AS BIGINT)`
    return `date_diff('second', ${ORIGIN}, ${timestamp}) * 1000000 + ${fraction} + (${ORIGIN_US})`
  },
  windowStart(timestamp, windowUs) {
    assert(Number.isSafeInteger(windowUs) && windowUs > 0 && windowUs % 1000 === 0)
    const windows = `date_diff('millisecond', ${ORIGIN}, ${timestamp}) / ${windowUs / 1000}`
    return `(${windows}) * ${windowUs} + (${ORIGIN_US})`
  },
  // Trino's cast of a DOUBLE to DECIMAL goes through the shortest decimal form (Java's
  // BigDecimal.valueOf) and rounds half away from zero. It fails past the precision and on NaN, and
  // so is tried.
  millionths: (revenue) => `TRY_CAST(coalesce(${revenue}, 0e0) AS DECIMAL(18,6))`,
  sumMillionths(millionths) {
    const sum = `coalesce(sum(${millionths}), DECIMAL '0.000000')`
    return `CAST(CAST(${sum} AS DECIMAL(32,6)) * 1000000 AS DECIMAL(38,0))`
  },
  wholeMillionths: (value) => `DECIMAL '${value}'`,
  countIf: (condition) => `count_if(${condition})`,
  // Trino's FULL JOIN takes no IS NOT DISTINCT FROM.
  isSame: (left, right, absent) =>
    `coalesce(${left}, ${absent}) = coalesce(${right}, ${absent})
      AND (${left} IS NULL) = (${right} IS NULL)`,
  windowKeys(keys) {
    const rows = keys.map((key, index) => [index, key.campaignId, key.windowStartUs] as const)
    const from = rowsSql(rows, 'place INTEGER, campaign_id VARCHAR, start_us BIGINT')
    return { sql: `SELECT * FROM ${from}`, parameters: {} }
  },
  // Trino's limit is a million characters, and a campaign has 256 bytes, escaped up to 1,536.
  keyCharactersMax: 600_000,
  idHash: ID_HASH,
  repeatedIds(snapshotId, suspects, { examplesMax }) {
    const from = TRINO.table('campaign_events', snapshotId)
    return `WITH repeated AS (
      SELECT event_id, array_sort(array_agg("$path")) AS paths FROM ${from}
      WHERE ${ID_HASH} IN (${suspects}) GROUP BY event_id HAVING count(*) > 1
    )
    SELECT paths, count(*), min(event_id, ${examplesMax}) FROM repeated
    GROUP BY paths ORDER BY count(*) DESC, paths`
  },
}

/**
 * A list of rows as one literal: Trino takes thousands of rows of VALUES apart one by one, and a
 * text with NUL or a quote stands safely in JSON. `types` are its columns, such as `campaign_id
 * VARCHAR, start_us BIGINT`.
 */
export function rowsSql(rows: readonly (readonly (string | number)[])[], types: string): string {
  return `UNNEST(CAST(JSON ${textSql(JSON.stringify(rows))} AS ARRAY(ROW(${types}))))`
}
