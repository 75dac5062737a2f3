/** An instance of DuckDB: what it may take, and that it gives everything back. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { type DuckOptions, openDuck } from '../../../src/query/duckdb/instance.ts'
import { makeScratchFolder } from '../../support/scratch.ts'
import { countThreads } from '../threads.ts'

test('an instance takes a quarter of a GiB, a thread and 16 GiB of disk if not told', async (t) => {
  const duck = await openDuck({ folders: [], temporaryPath: makeScratchFolder('duck', t) })
  const connection = await duck.connect()
  const names = ['memory_limit', 'threads', 'max_temp_directory_size', 'TimeZone']
  const sql = `SELECT ${names.map((name) => `current_setting('${name}')::VARCHAR`).join(', ')}`
  const rows = await (await connection.run(sql)).getRowsJson()
  connection.closeSync()
  await duck.close()
  assert.deepEqual(rows, [['256.0 MiB', '1', '16.0 GiB', 'UTC']])
})

test('a closed instance leaves neither threads nor a folder', async (t) => {
  const temporaryPath = makeScratchFolder('duck', t)
  const open = (options: Partial<DuckOptions>) =>
    openDuck({ folders: [], temporaryPath, ...options })
  // The first one starts what the process keeps.
  await (await open({})).close()
  const before = countThreads()
  const duck = await open({ threads: 4 })
  assert.equal(countThreads(), before + 3)
  await duck.close()
  assert.equal(countThreads(), before)
  assert.deepEqual(readdirSync(temporaryPath), [])
})

test('an instance that cannot be opened leaves neither threads nor a folder', async (t) => {
  const temporaryPath = makeScratchFolder('duck', t)
  const wrong = { folders: [], temporaryPath, threads: 4, timezone: 'Nowhere' }
  await assert.rejects(openDuck(wrong), /Unknown TimeZone 'Nowhere'/)
  assert.deepEqual(readdirSync(temporaryPath), [])
})
