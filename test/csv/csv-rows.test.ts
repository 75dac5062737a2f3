/** Rows of CSV as they stream in: what a row is, on which line it stands, what cannot be read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { csvRows, MalformedRows } from '../../src/csv/csv-rows.ts'

async function* givenBy(
  parts: readonly (string | Uint8Array | null)[],
): AsyncGenerator<Uint8Array | null> {
  for (const part of parts) yield part === null ? null : Buffer.from(part)
}

/** What was read, and why it could not be read on. */
async function read(parts: readonly (string | Uint8Array | null)[], delimiter = ',') {
  const rows: unknown[] = []
  try {
    for await (const row of csvRows(givenBy(parts), delimiter)) {
      rows.push(row === null ? null : [row.line, ...row.cells])
    }
  } catch (error) {
    assert.ok(error instanceof MalformedRows, String(error))
    return { rows, fault: error.message }
  }
  return { rows, fault: null }
}

test('a row stands on the line on which it begins, whatever line breaks came before', async () => {
  const { rows, fault } = await read([
    '\ufeffid,note\r\n\r\n1,"two\r\nlines"\r\n2,"and\n\nthree"\n\n3,old\r4,"a ""b"""\n5,\n,',
  ])
  assert.equal(fault, null)
  assert.deepEqual(rows, [
    [1, 'id', 'note'],
    [3, '1', 'two\r\nlines'],
    [5, '2', 'and\n\nthree'],
    [9, '3', 'old'],
    [10, '4', 'a "b"'],
    [11, '5', ''],
    [12, '', ''],
  ])
})

test('rows are the same wherever the bytes of the file are cut', async () => {
  const cell = fc.stringMatching(/^[a, "\r\n\té😀\ufffd]{0,6}$/u)
  const row = fc.array(cell, { minLength: 2, maxLength: 4 })
  const table = fc.array(row, { minLength: 1, maxLength: 5 })
  const written = (cells: readonly string[]): string =>
    cells.map((each) => `"${each.replaceAll('"', '""')}"`).join(',')
  await fc.assert(
    fc.asyncProperty(
      table,
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.nat(200), { maxLength: 8 }),
      async (rows, lineBreak, cuts) => {
        const bytes = Buffer.from(rows.map(written).join(lineBreak))
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        const parts = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end))
        const found = await read(parts)
        assert.deepEqual(
          found.rows.map((each) => (each as unknown[]).slice(1)),
          rows,
        )
      },
    ),
  )
})

test('a row that is whole is given before a pause, one under way is not', async () => {
  const { rows } = await read([
    ...['id,note\n1,"a\n', null, 'b"\n', null, '2,c', null, 'd\n', null, '3,"x"\r\n', null, '4,e'],
  ])
  assert.deepEqual(rows, [
    ...[[1, 'id', 'note'], null],
    ...[[2, '1', 'a\nb'], null],
    ...[null, [4, '2', 'cd'], null],
    ...[[5, '3', 'x'], null],
    [6, '4', 'e'],
  ])
})

test('what cannot be read is named with its line, after all rows before it', async () => {
  const before = 'id,note\n1,"a\r\nb"\n'
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['2,"c\nd\n', /^the quote that opens in the row of line 4 never closes$/],
    ['2,"c"d\n3,e\n', /^text follows a closing quote in the row of line 4$/],
    ['2,c"d\n3,e\n', /^a quote stands within a cell that is not quoted, in .* line 4:/],
    [`2,${'x'.repeat(1_100_000)}\n`, /^the row of line 4 is longer than 1 MiB/],
    [`2,"${'x\n'.repeat(600_000)}"\n`, /^the row of line 4 is longer than 1 MiB/],
    [Buffer.from('2,M\xfcller\n3,e\n', 'latin1'), /^the row of line 4 is not UTF-8; .*iconv/],
    [Buffer.from('2,e\xc3', 'latin1'), /^the row of line 4 is not UTF-8/],
  ]
  for (const [rest, expected] of cases) {
    const { rows, fault } = await read([Buffer.concat([Buffer.from(before), Buffer.from(rest)])])
    assert.match(fault ?? '', expected)
    assert.deepEqual(rows, [
      [1, 'id', 'note'],
      [2, '1', 'a\r\nb'],
    ])
  }
})
