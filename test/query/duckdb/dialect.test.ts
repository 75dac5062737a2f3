/** DuckDB rounds revenue to millionths as src/event.ts does: the hard values by hand, random doubles against it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DOUBLE, DuckDBInstance, LIST, listValue } from '@duckdb/node-api'
import { revenueMillionths } from '../../../src/event.ts'
import { millionthsSql, wholeMillionthsSql } from '../../../src/query/duckdb/dialect.ts'
import { openRandom } from '../../support/random.ts'

const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()
after(() => instance.closeSync())
before(async () => {
  await connection.run('SET threads = 1')
})

const roundedBySql = async (revenues: readonly number[]): Promise<readonly unknown[]> => {
  const sql = `SELECT ${wholeMillionthsSql(millionthsSql('x'))} FROM (SELECT unnest($1::DOUBLE[]) AS x)`
  const rows = await (
    await connection.run(sql, [listValue([...revenues])], [LIST(DOUBLE)])
  ).getRows()
  return rows.map(([rounded]) => rounded)
}

const HARD: readonly (readonly [revenue: number, millionths: bigint])[] = [
  [0, 0n],
  [-0, 0n],
  [5e-7, 1n],
  [-5e-7, -1n],
  [4.999999999999999e-7, 0n],
  [1e-7, 0n],
  [5e-324, 0n],
  [1.7e-308, 0n],
  [1e-300, 0n],
  [1.0000005, 1_000_001n],
  [-2.5e-6, -3n],
  [0.1 + 0.2, 300_000n],
  [123456.7890125, 123_456_789_013n],
  [999999999.9999995, 1_000_000_000_000_000n],
  [999999999.9999994, 999_999_999_999_999n],
  [1e9, 1_000_000_000_000_000n],
  [-1e9, -1_000_000_000_000_000n],
]

test('the hard values round to millionths half away from zero, from their shortest form', async () => {
  assert.deepEqual(
    await roundedBySql(HARD.map(([revenue]) => revenue)),
    HARD.map(([, millionths]) => millionths),
  )
})

test('random doubles of every size, and random ties, round as in src/event.ts', async () => {
  const seed = Date.now() >>> 0
  const random = openRandom(seed)
  const bits = new DataView(new ArrayBuffer(8))
  const anyDouble = (): number => {
    bits.setUint32(0, random.below(2 ** 32))
    bits.setUint32(4, random.below(2 ** 32))
    return bits.getFloat64(0)
  }
  const makers = [
    anyDouble,
    () => (random.next() - 0.5) * 2e9,
    () => Number((random.next() * 10 ** (random.next() * 17 - 8)).toFixed(7)),
    () => (random.below(2_000_000_000) * 10 + 5) / 1e7,
    () => random.next() * 1e-6,
  ]
  const revenues: number[] = []
  while (revenues.length < 60_000) {
    const revenue = random.pick(makers)()
    if (Math.abs(revenue) <= 1e9) revenues.push(revenue)
  }
  const rounded = await roundedBySql(revenues)
  for (const [index, revenue] of revenues.entries()) {
    const expected = revenueMillionths(revenue)
    assert.equal(rounded[index], expected, `${revenue}, seed ${seed}`)
  }
})

test('NULL is 0; what is no number within the limits is NULL, to be counted', async () => {
  const sql = `SELECT ${millionthsSql('x')} FROM (VALUES (NULL::DOUBLE), ('nan'), ('inf'), (1e13)) t(x)`
  const rows = await (await connection.run(sql)).getRowsJson()
  assert.deepEqual(rows, [['0.000000'], [null], [null], [null]])
})
