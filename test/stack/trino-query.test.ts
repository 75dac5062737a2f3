/**
 * SQL of a user's through Trino: the values keep their digits, only reading statements run, errors
 * say what to do.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { cellOf } from '../../src/query/duckdb/cell.ts'
import { QueryError } from '../../src/query/error.ts'
import { rowsSql, TRINO } from '../../src/query/trino/dialect.ts'
import {
  type Cell,
  formatCsv,
  formatJson,
  formatTable,
  openTrinoQuery,
  type TrinoQuery,
} from '../../src/query.ts'
import { testRounding } from '../query/hard-revenues.ts'
import { rowsOf, textOf } from '../support/query-results.ts'
import { until } from '../support/until.ts'
import { type LakeStack, openLakeStack } from './support/lake-stack.ts'

let lake: LakeStack
let query: TrinoQuery
before(async () => {
  lake = await openLakeStack()
  await lake.makeTables()
  const place = { url: lake.trinoUrl, user: 'test', password: null, catalog: null }
  query = openTrinoQuery({ ...place, windowUs: 300_000_000 })
})
after(() => lake?.close())

/** Each as the sum of a group of its own. */
async function roundedBySql(revenues: readonly number[]): Promise<readonly bigint[]> {
  const rows = revenues.map((revenue, index) => [index, String(revenue)] as const)
  const found = await lake.client.rows(
    `SELECT place, ${TRINO.sumMillionths(TRINO.millionths('CAST(x AS DOUBLE)'))}
      FROM ${rowsSql(rows, 'place INTEGER, x VARCHAR')} GROUP BY place ORDER BY place`,
  )
  return found.map(([, millionths]) => BigInt(String(millionths)))
}

testRounding(roundedBySql, { rounds: 3, count: 12_000 })

test('a sum of windows full of the largest revenue is exact', async () => {
  const [row = []] = await lake.client.rows(
    `SELECT ${TRINO.sumMillionths(TRINO.millionths('x'))}
      FROM (SELECT 1e9 AS x FROM UNNEST(sequence(1, 9999)) a(n) UNION ALL SELECT 1e-6)`,
  )
  assert.equal(BigInt(String(row[0])), 9_999_000_000_000_000_001n)
})

test('values keep their digits, in JSON and in CSV', async () => {
  const sql = `SELECT 9223372036854775807 AS big, -9223372036854775808 AS small, 7 AS seven,
    0.1e0 AS tenth,
    CAST('5e-324' AS DOUBLE) AS tiny, 1e300 AS huge, nan() AS "not", infinity() AS inf,
      -infinity() AS minus,
    CAST('12345678901234567890.123456' AS DECIMAL(38,6)) AS exact,
    TIMESTAMP '2026-11-22 10:00:00.123456' AS at, TIMESTAMP '2026-11-22 10:00:00.000000' AS round,
    TIMESTAMP '2026-07-01 10:00:00.5 Europe/Berlin' AS zoned, DATE '2026-11-22' AS day,
    CAST(NULL AS BIGINT) AS nothing, '' AS empty, ARRAY[1, NULL] AS list, MAP(ARRAY['a'],
      ARRAY[9007199254740993]) AS pairs,
    CAST(ROW(1, 'x') AS ROW(n BIGINT, t VARCHAR)) AS rec, X'00416b5c' AS bytes, true AS yes,
      1 AS seven`
  const [json] = JSON.parse(await textOf(formatJson(await query.runSql(sql)))) as [unknown]
  assert.deepEqual(Object.keys(json as object).slice(-2), ['yes', 'seven:1'])
  assert.equal(
    await textOf(formatJson(await query.runSql(`${sql};`))),
    '[\n{"big":9223372036854775807,"small":-9223372036854775808,"seven":7,' +
      '"tenth":0.1,"tiny":5e-324,"huge":1e+300,' +
      '"not":"NaN","inf":"Infinity","minus":"-Infinity","exact":12345678901234567890.123456,' +
      '"at":"2026-11-22T10:00:00.123456","round":"2026-11-22T10:00:00",' +
      '"zoned":"2026-07-01T10:00:00.5+02:00",' +
      '"day":"2026-11-22","nothing":null,"empty":"",' +
      '"list":[1,null],"pairs":[{"key":"a","value":9007199254740993}],' +
      '"rec":{"n":1,"t":"x"},"bytes":"\\\\x00Ak\\\\x5C","yes":true,"seven:1":1}\n]\n',
  )
  const csv = await textOf(formatCsv(await query.runSql(sql)))
  assert.match(
    csv,
    /\r\n9223372036854775807,-9223372036854775808,7,0\.1,5e-324,1e\+300,NaN,Infinity,-Infinity,/,
  )
})

test('a value of the tables is the same cell through Trino and through DuckDB', async () => {
  const sql = `SELECT CAST(9223372036854775807 AS BIGINT), CAST(5 AS BIGINT), CAST(7 AS INTEGER),
    CAST('0.1' AS DOUBLE),
    CAST('5e-324' AS DOUBLE), CAST('-0' AS DOUBLE), CAST('1e22' AS DOUBLE),
      CAST('0.30000000000000004' AS DOUBLE),
    TIMESTAMP '2026-11-22 10:00:00.123456', TIMESTAMP '2026-11-22 10:00:00',
      TIMESTAMP '1999-12-31 23:59:59.9',
    DATE '2026-11-22', CAST('-1.5' AS DECIMAL(38,6)), CAST(NULL AS VARCHAR), '', 'a''b 黑 👩‍👩', true`
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const rows = await (await connection.run(sql)).getRows()
    const expected = rows.map((row) => row.map((value) => cellOf(value, 'UTC')))
    assert.deepEqual(await rowsOf(await query.runSql(sql)), expected)
  } finally {
    instance.closeSync()
  }
})

test('the plan of a query is shown line by line', async () => {
  const text = await textOf(
    formatTable(await query.runSql('EXPLAIN SELECT count(*) FROM campaign_events')),
  )
  assert.match(text, /^Trino version: 476\nFragment 0/)
})

test('what changes something is refused, and changes nothing', async () => {
  const row =
    `'a', 'u', 'c', 'click', TIMESTAMP '2026-11-22 10:00:00.000000', 0e0, ` + 'NULL, NULL, NULL'
  for (const sql of [
    `INSERT INTO campaign_events VALUES (${row})`,
    `EXPLAIN ANALYZE INSERT INTO campaign_events VALUES (${row})`,
    `/* SELECT */ insert into campaign_events values (${row})`,
    'DROP TABLE campaign_events',
    'ALTER TABLE campaign_events EXECUTE expire_snapshots',
    'CALL system.runtime.kill_query(query_id => NULL)',
    'SELECT 1; DROP TABLE campaign_events',
    '-- nothing',
  ]) {
    await assert.rejects(query.runSql(sql), { name: 'QueryError', code: 'not-a-query' }, sql)
  }
  assert.deepEqual(await rowsOf(await query.runSql('SELECT count(*) FROM campaign_events')), [[0n]])
})

test('a result that is left early ends its statement', async () => {
  const marker = `marker-${Date.now()}`
  const rows =
    '(SELECT 1 FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y))'
  const result = await query.runSql(`SELECT '${marker}' FROM ${rows}`)
  for await (const batch of result.batches) {
    assert.ok(batch.length > 0)
    break
  }
  // Trino notes the end a moment after it has answered.
  await until(async () => {
    const [row = []] = await lake.client.rows(
      `SELECT state, error_code FROM system.runtime.queries WHERE query LIKE 'SELECT ''${marker}%'`,
    )
    assert.deepEqual(row, ['FAILED', 'USER_CANCELED'])
    return true
  })
})

test('a hundred thousand rows flow through, each once', async () => {
  const result = await query.runSql(
    'SELECT a.x * 1000 + b.y FROM UNNEST(sequence(0, 99)) a(x) CROSS JOIN ' +
      'UNNEST(sequence(0, 999)) b(y)',
  )
  const seen = new Set<Cell>()
  for await (const batch of result.batches) for (const [cell = null] of batch) seen.add(cell)
  assert.equal(seen.size, 100_000)
})

test('an error says what failed, where, and what to do', async () => {
  const failing = async (sql: string): Promise<QueryError> => {
    try {
      await rowsOf(await query.runSql(sql))
    } catch (error) {
      if (error instanceof QueryError) return error
      throw error
    }
    throw new Error(`no error: ${sql}`)
  }
  assert.match(
    (await failing('SELECT nothing FROM campaign_events')).message,
    /line 1:8: Column 'nothing'/,
  )
  assert.equal((await failing('SELECT 1 / 0')).code, 'sql-refused')
  assert.match(
    (await failing('SELECT * FROM missing')).message,
    /lake\.campaigns\.missing.*The tables are campaign_events/,
  )

  const at = (url: string) =>
    openTrinoQuery({ url, user: 'test', password: null, catalog: null, windowUs: 300_000_000 })
  await assert.rejects(at('http://127.0.0.1:1').version(), { code: 'trino-unreachable' })
  await assert.rejects(at(`http://${lake.stack.address('s3')}`).version(), (error: QueryError) =>
    /^trino-(sign-in|answer)$/.test(error.code),
  )
})
