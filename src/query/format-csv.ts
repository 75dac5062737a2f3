/**
 * A result as CSV (RFC 4180): a header, CRLF, quotes only where needed. NULL is nothing at all, the empty string is
 * `""`. Values are written as they are: a `campaign_id` that begins with `=` is a formula to a spreadsheet. Whoever
 * gives the file to one asks for `isForSpreadsheet`, which puts `'` before such texts (OWASP, "CSV Injection").
 */
import type { Cell } from './cell.ts'
import type { QueryResult } from './duckdb/run-sql.ts'
import { jsonOf } from './format-json.ts'

export type CsvOptions = Readonly<{ isForSpreadsheet?: boolean }>

/** The wide ones are formulas to spreadsheets in Japanese and Chinese. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

export async function* formatCsv(
  result: QueryResult,
  options: CsvOptions = {},
): AsyncIterable<string> {
  const guard = options.isForSpreadsheet === true
  yield lineOf(result.columns.map(({ name }) => quoted(guarded(name, guard))))
  for await (const rows of result.batches) {
    yield rows.map((row) => lineOf(row.map((cell) => fieldOf(cell, guard)))).join('')
  }
}

function lineOf(fields: readonly string[]): string {
  return `${fields.join(',')}\r\n`
}

function fieldOf(cell: Cell, guard: boolean): string {
  if (cell === null) return ''
  if (typeof cell === 'string') return cell === '' ? '""' : quoted(guarded(cell, guard))
  if (typeof cell !== 'object') return String(cell)
  return quoted(cell.kind === 'list' || cell.kind === 'record' ? jsonOf(cell) : cell.text)
}

function guarded(text: string, guard: boolean): string {
  return guard && FORMULA.test(text) ? `'${text}` : text
}

function quoted(text: string): string {
  // The semicolon: where the comma is the decimal mark, a spreadsheet takes it for the end of a cell.
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
