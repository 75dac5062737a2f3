/**
 * docs/faults.md: every fault that the code speaks of has its row, and every test that a row names
 * is there.
 */

import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')
/** There F4 is a byte. */
const BYTES = ['src/engine/assembly/parse-utf8.ts', 'test/golden/json/utf8.ts']
/** The test must not pass by seeing nothing. */
const MENTIONS_MIN = 60
const PATHS_MIN = 30

type Row = Readonly<{ number: string; cells: readonly string[] }>

const page = readFileSync(join(ROOT, 'docs/faults.md'), 'utf8')
const rows: readonly Row[] = [...page.matchAll(/^\| (F\d+) \| (.*) \|$/gm)].map(
  ([, number = '', rest = '']) => ({ number, cells: rest.split(' | ') }),
)

test('the rows are numbered from 1 without a gap, and each has what, where and how', () => {
  assert.deepEqual(
    rows.map(({ number }) => number),
    rows.map((_, index) => `F${index + 1}`),
  )
  for (const { number, cells } of rows) {
    assert.equal(cells.length, 3, number)
    assert.ok(
      cells.every((cell) => cell.trim().length > 3),
      number,
    )
  }
})

test('every fault that sources and tests speak of has a row', () => {
  const files = globSync('{src,test}/**/*.ts', { cwd: ROOT }).filter(
    (path) => !BYTES.includes(path),
  )
  const mentions = files.flatMap((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\bF\d{1,2}\b/g)].map(([found]) => ({
      path,
      found,
    })),
  )
  assert.ok(mentions.length >= MENTIONS_MIN, `only ${mentions.length} mentions seen`)
  const known = new Set(rows.map(({ number }) => number))
  assert.deepEqual(
    mentions.filter(({ found }) => !known.has(found)),
    [],
  )
})

test('every test that a row names is there', () => {
  const paths = [...page.matchAll(/\btest\/[\w./-]+/g)].map(([path]) => path.replace(/\.$/, ''))
  assert.ok(paths.length >= PATHS_MIN, `only ${paths.length} paths seen`)
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(ROOT, path))),
    [],
  )
})
