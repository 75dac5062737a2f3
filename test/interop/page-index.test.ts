/** A filter over pages that the page index lets readers skip finds every row. */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { eventsFile, rows } from '../table/paged-file.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()
const PROGRAM = path.join(import.meta.dirname, 'page-index.py')

for (const [what, count, words] of [
  ['three pages', rows.length, []],
  ['one page and a row', 32_769, []],
  ['one page, without an index', 5_000, ['without']],
  ['one row', 1, ['without']],
] as const) {
  test(`DataFusion, DuckDB and PyArrow find the same rows: ${what}`, { skip }, async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'page-index-'))
    t.after(() => rm(folder, { recursive: true }))
    const file = path.join(folder, 'some.parquet')
    await writeFile(file, await eventsFile(rows.slice(0, count)))
    const run = spawnSync(python!, [PROGRAM, file, ...words], {
      encoding: 'utf8',
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })
    assert.equal(run.status, 0, run.stdout + run.stderr)
  })
}
