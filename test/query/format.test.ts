/** Results as text, whichever engine they come from: rows written out here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cell, QueryResult } from '../../src/query/cell.ts'
import { formatCsv, formatTable } from '../../src/query/format.ts'
import { textOf } from '../support/query-results.ts'

function result(
  names: readonly string[],
  batches: readonly (readonly (readonly Cell[])[])[],
): QueryResult {
  async function* each() {
    yield* batches
  }
  const columns = names.map((name) => ({ name, type: 'VARCHAR', isNumeric: false }))
  return { columns, batches: each(), close() {} }
}

test('a table takes its widths from its first rows, and its head comes once', async () => {
  const short = Array.from({ length: 1_500 }, (): readonly Cell[] => ['ab', 'c'])
  const parts: string[] = []
  for await (const part of formatTable(result(['a', 'b'], [short, short, [['wider', 'd']], []]))) {
    parts.push(part)
  }
  const lines = parts.join('').split('\n')
  assert.deepEqual(lines.slice(0, 3), ['a   b', '──  ─', 'ab  c'])
  assert.deepEqual(lines.slice(3_001), ['ab  c', 'wider  d', '(3001 rows)', ''])
  assert.ok(parts.length > 2, 'it is written as the rows come')
})

test('a table shows format characters past U+FFFF by their number, too', async () => {
  assert.equal(
    await textOf(formatTable(result(['a'], [[['x\u{e0001}y']]]))),
    'a\n───────────\nx\\u{e0001}y\n(1 row)\n',
  )
})

test('a table gives no column to what takes none on a terminal', async () => {
  assert.equal(
    await textOf(formatTable(result(['\u0301', 'b'], [[['\u0302', 'c']]]))),
    '\u0301  b\n  ─\n\u0302  c\n(1 row)\n',
  )
})

test('CSV writes decimals and times as they are, and lists and records as JSON', async () => {
  const cells: readonly Cell[] = [
    { kind: 'decimal', text: '12345678901234567890.10' },
    { kind: 'timestamp', micros: 0n, text: '1970-01-01 00:00:00' },
    { kind: 'list', items: [1, null, 'x'] },
    { kind: 'record', entries: [['a', { kind: 'list', items: [] }]] },
  ]
  assert.equal(
    await textOf(formatCsv(result(['a', 'b', 'c', 'd'], [[cells]]))),
    'a,b,c,d\r\n12345678901234567890.10,1970-01-01 00:00:00,"[1,null,""x""]","{""a"":[]}"\r\n',
  )
})
