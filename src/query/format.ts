/**
 * The result of a query as text: JSON, CSV, or a table for a terminal. Each is written as the rows
 * come.
 */
import type { Cell, QueryResult } from './cell.ts'

/**
 * As one JSON array with one object a line, so that it can be read whole or line by line. Nothing
 * is lost: whole numbers and decimals are JSON numbers with all their digits (past 2^53 read them
 * with a parser that keeps them), timestamps are ISO 8601 texts (`2026-11-22T10:00:00.123456`, with
 * an offset where the type has a zone), NaN and the infinities are texts.
 */
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

function jsonOf(cell: Cell): string {
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
    case 'record': {
      const fields = cell.entries.map(([name, value]) => `${JSON.stringify(name)}:${jsonOf(value)}`)
      return `{${fields.join(',')}}`
    }
  }
}

export type CsvOptions = Readonly<{ isForSpreadsheet?: boolean }>

/** OWASP, "CSV Injection"; the wide signs begin formulas in Japanese and Chinese spreadsheets. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

/**
 * As CSV (RFC 4180): a header, CRLF, quotes only where needed. NULL is nothing at all, the empty
 * string is `""`. Values are written as they are: a `campaign_id` that begins with `=` is a formula
 * to a spreadsheet. Whoever gives the file to one asks for `isForSpreadsheet`, which puts `'`
 * before such texts.
 */
export async function* formatCsv(
  result: QueryResult,
  options: CsvOptions = {},
): AsyncIterable<string> {
  const guard = options.isForSpreadsheet === true
  yield csvLine(result.columns.map(({ name }) => csvText(name, guard)))
  for await (const rows of result.batches) {
    yield rows.map((row) => csvLine(row.map((cell) => csvField(cell, guard)))).join('')
  }
}

function csvLine(fields: readonly string[]): string {
  return `${fields.join(',')}\r\n`
}

function csvField(cell: Cell, guard: boolean): string {
  if (cell === null) return ''
  if (typeof cell === 'string') return cell === '' ? '""' : csvText(cell, guard)
  if (typeof cell !== 'object') return String(cell)
  return quoted(cell.kind === 'list' || cell.kind === 'record' ? jsonOf(cell) : cell.text)
}

/** With `guard`, a text that a spreadsheet would take for a formula gets a `'`. */
export function csvText(text: string, guard: boolean): string {
  return quoted(guard && FORMULA.test(text) ? `'${text}` : text)
}

function quoted(text: string): string {
  // The semicolon separates cells where the comma is the decimal mark.
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Rows that wait until the widths are known. */
const MEASURED_ROWS_MAX = 2_000

/** The first column of what EXPLAIN answers: in DuckDB and in Trino. */
const PLANS: ReadonlySet<string> = new Set(['explain_key', 'Query Plan'])

type Line = readonly string[]

/**
 * As a table for a terminal: numbers at the right, NULL as NULL, and no character of an event
 * reaches the terminal as a command (a `campaign_id` may hold an escape sequence). The widths come
 * from the first rows, so that a long result flows without being kept whole; wider cells further
 * down stick out of their column.
 */
export async function* formatTable(result: QueryResult): AsyncIterable<string> {
  if (PLANS.has(result.columns[0]?.name ?? '')) return yield* plansOf(result)
  const header = result.columns.map(({ name }) => shown(name))
  const isRight = result.columns.map(({ isNumeric }) => isNumeric)
  let waiting: Line[] = []
  let widths: readonly number[] | null = null
  let count = 0
  for await (const rows of result.batches) {
    count += rows.length
    for (const row of rows) waiting.push(row.map(shownCell))
    if (widths === null && waiting.length < MEASURED_ROWS_MAX) continue
    if (widths === null) {
      widths = widthsOf([header, ...waiting])
      yield tableHead(header, widths, isRight)
    }
    yield tableBody(waiting, widths, isRight)
    waiting = []
  }
  if (widths === null) {
    widths = widthsOf([header, ...waiting])
    yield tableHead(header, widths, isRight) + tableBody(waiting, widths, isRight)
  }
  yield `(${count} ${count === 1 ? 'row' : 'rows'})\n`
}

/** What EXPLAIN draws has lines of its own. */
async function* plansOf(result: QueryResult): AsyncIterable<string> {
  for await (const rows of result.batches) {
    for (const row of rows) yield `${String(row.at(-1)).trimEnd()}\n`
  }
}

function shownCell(cell: Cell): string {
  if (cell === null) return 'NULL'
  if (typeof cell === 'string') return shown(cell)
  if (typeof cell !== 'object') return String(cell)
  return cell.kind === 'list' || cell.kind === 'record' ? shown(jsonOf(cell)) : cell.text
}

/**
 * Control, format and line-breaking characters as `\u…`, so that a row stays a line and a terminal
 * stays itself.
 */
function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

function tableHead(header: Line, widths: readonly number[], isRight: readonly boolean[]): string {
  const ruler = widths.map((width) => '─'.repeat(width)).join('  ')
  return `${tableLine(header, widths, isRight)}${ruler}\n`
}

function tableBody(
  lines: readonly Line[],
  widths: readonly number[],
  isRight: readonly boolean[],
): string {
  return lines.map((line) => tableLine(line, widths, isRight)).join('')
}

function tableLine(line: Line, widths: readonly number[], isRight: readonly boolean[]): string {
  const padded = line.map((text, index) => {
    const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - widthOf(text)))
    return isRight[index] ? padding + text : text + padding
  })
  return `${padded.join('  ').trimEnd()}\n`
}

function widthsOf(lines: readonly Line[]): readonly number[] {
  const widths: number[] = []
  for (const line of lines) {
    line.forEach((text, index) => {
      widths[index] = Math.max(widths[index] ?? 0, widthOf(text))
    })
  }
  return widths
}

const COMBINING = /\p{Mn}|\p{Me}/u
/**
 * Unicode's East Asian wide and fullwidth blocks, and emoji (UAX #11, in blocks rather than
 * character by character).
 */
const WIDE = new RegExp(
  '[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\ua960-\\ua97f\\uac00-\\ud7a3' +
    '\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6\\u{1f300}-\\u{1f64f}' +
    '\\u{1f680}-\\u{1f6ff}\\u{1f900}-\\u{1faff}\\u{20000}-\\u{3fffd}]',
  'u',
)

/** Columns that a terminal gives the text. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) {
    if (COMBINING.test(character)) continue
    width += WIDE.test(character) ? 2 : 1
  }
  return width
}
