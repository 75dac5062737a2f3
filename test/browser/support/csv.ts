/**
 * RFC 4180 read strictly, behind the byte order mark: what a spreadsheet takes in. Lines end with
 * CR LF, as the RFC says.
 */
import assert from 'node:assert/strict'

export function parseCsv(marked: string): readonly string[][] {
  assert.ok(marked.startsWith('\ufeff'), 'Excel takes it for UTF-8')
  const text = marked.slice(1)
  const rows: string[][] = []
  const cells = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy
  let row: string[] = []
  while (cells.lastIndex < text.length) {
    const at = cells.lastIndex
    const found = cells.exec(text)
    assert.ok(found, `not a cell at ${at}: ${JSON.stringify(text.slice(at, at + 40))}`)
    const [, quoted, plain = '', end] = found
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    assert.equal(end, '\r\n', 'the last line has an end as well')
    rows.push(row)
    row = []
  }
  assert.deepEqual(row, [])
  return rows
}
