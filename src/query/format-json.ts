/**
 * A result as one JSON array with one object a line, so that it can be read whole or line by line. Nothing is lost:
 * whole numbers and decimals are JSON numbers with all their digits (past 2^53 read them with a parser that keeps
 * them), timestamps are ISO 8601 texts (`2026-11-22T10:00:00.123456`, with an offset where the type has a zone),
 * NaN and the infinities are texts.
 */
import type { Cell } from './cell.ts'
import type { QueryResult } from './duckdb/run-sql.ts'

export async function* formatJson(result: QueryResult): AsyncIterable<string> {
  const names = result.columns.map(({ name }) => JSON.stringify(name))
  let before = '[\n'
  for await (const rows of result.batches) {
    let text = ''
    for (const row of rows) {
      const fields = row.map((cell, index) => `${names[index]}:${jsonOf(cell)}`)
      text += `${before}{${fields.join(',')}}`
      before = ',\n'
    }
    yield text
  }
  yield before === '[\n' ? '[]\n' : '\n]\n'
}

export function jsonOf(cell: Cell): string {
  if (typeof cell === 'bigint') return String(cell)
  if (typeof cell === 'number') return Number.isFinite(cell) ? String(cell) : `"${cell}"`
  if (cell === null || typeof cell !== 'object') return JSON.stringify(cell)
  switch (cell.kind) {
    case 'decimal':
      return cell.text
    case 'timestamp':
      return JSON.stringify(cell.text.replace(' ', 'T'))
    case 'list':
      return `[${cell.items.map(jsonOf).join(',')}]`
    case 'record':
      return `{${cell.entries.map(([name, value]) => `${JSON.stringify(name)}:${jsonOf(value)}`).join(',')}}`
  }
}
