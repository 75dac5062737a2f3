/** Rows of foreign Parquet files, written here by DuckDB itself. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { openParquetRows } from '../../../src/query.ts'
import { makeScratchFolder } from '../../support/scratch.ts'

const FOLDER = makeScratchFolder('parquet-rows')

async function write(path: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`)
  connection.closeSync()
  instance.closeSync()
}

test('cells of every type come as text, in the order of the file, with their rows', async () => {
  const path = join(FOLDER, 'odd [1]*?.parquet')
  await write(
    path,
    `SELECT i AS n, '00' || i AS "a ""b""", 12.50::DECIMAL(10,2) AS d, 49.9::DOUBLE AS f,
      TIMESTAMP '2025-01-02 03:04:05.123456' AS t, TIMESTAMPTZ '2025-01-02 03:04:05+01' AS z,
      NULL::VARCHAR AS empty, 'x'::BLOB AS b FROM range(5000) r(i)`,
  )
  const rows = await openParquetRows(path)
  assert.deepEqual(rows.columns, ['n', 'a "b"', 'd', 'f', 't', 'z', 'empty', 'b'])
  const all = []
  for await (const batch of rows.read(rows.columns)) all.push(...batch)
  await rows.close()
  assert.equal(all.length, 5000)
  for (const [index, row] of all.entries()) {
    assert.equal(row.number, index + 1)
    assert.deepEqual(row.cells.slice(0, 2), [`${index}`, `00${index}`])
  }
  assert.deepEqual(all[0]?.cells.slice(2, 7), [
    ...['12.50', '49.9', '2025-01-02 03:04:05.123456', '2025-01-02 02:04:05+00', null],
  ])
})
