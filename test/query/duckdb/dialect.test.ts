/**
 * DuckDB rounds revenue to millionths as src/event.ts does: the hard values by hand, random doubles
 * against it.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DOUBLE, DuckDBInstance, LIST, listValue } from '@duckdb/node-api'
import { DUCKDB } from '../../../src/query/duckdb/dialect.ts'
import { testRounding } from '../hard-revenues.ts'

const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()
after(() => instance.closeSync())
before(async () => {
  await connection.run('SET threads = 1')
})

/** Each as the sum of a group of its own. */
const roundedBySql = async (revenues: readonly number[]): Promise<readonly unknown[]> => {
  const sql = `SELECT ${DUCKDB.sumMillionths(DUCKDB.millionths('x'))}
    FROM (SELECT unnest($1::DOUBLE[]) AS x, generate_subscripts($1::DOUBLE[], 1) AS place)
    GROUP BY place ORDER BY place`
  const rows = await (
    await connection.run(sql, [listValue([...revenues])], [LIST(DOUBLE)])
  ).getRows()
  return rows.map(([rounded]) => rounded)
}

testRounding(roundedBySql, { rounds: 1, count: 60_000 })

test('NULL is 0; what is no number within the limits is NULL, to be counted', async () => {
  const sql =
    `SELECT ${DUCKDB.millionths('x')} FROM (VALUES (NULL::DOUBLE), ('nan'), ` +
    `('inf'), (1e13)) t(x)`
  const rows = await (await connection.run(sql)).getRowsJson()
  assert.deepEqual(rows, [['0.000000'], [null], [null], [null]])
})

test('a sum of windows full of the largest revenue is exact; a sum of nothing is 0', async () => {
  const sum = DUCKDB.sumMillionths(DUCKDB.millionths('x'))
  const largest = '(SELECT 1e9 AS x FROM range(9999) UNION ALL SELECT 1e-6)'
  for (const [from, expected] of [
    [largest, 9_999_000_000_000_000_001n],
    ["(SELECT 'nan'::DOUBLE AS x)", 0n],
  ] as const) {
    assert.deepEqual(await (await connection.run(`SELECT ${sum} FROM ${from}`)).getRows(), [
      [expected],
    ])
  }
})
