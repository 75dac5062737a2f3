/**
 * A result as a table for a terminal: numbers at the right, NULL as NULL, and no character of an event reaches the
 * terminal as a command (a `campaign_id` may hold an escape sequence). The widths come from the first rows, so that a
 * long result flows without being held; wider cells further down stand out of their column.
 */
import type { Cell } from './cell.ts'
import type { QueryResult } from './duckdb/run-sql.ts'
import { jsonOf } from './format-json.ts'

/** Rows that are held to find the widths. */
const MEASURED_ROWS_MAX = 2_000

/** The first column of what EXPLAIN answers: in DuckDB and in Trino. */
const PLANS: ReadonlySet<string> = new Set(['explain_key', 'Query Plan'])

type Line = readonly string[]

export async function* formatTable(result: QueryResult): AsyncIterable<string> {
  if (PLANS.has(result.columns[0]?.name ?? '')) return yield* plansOf(result)
  const header = result.columns.map(({ name }) => shown(name))
  const isRight = result.columns.map(({ isNumeric }) => isNumeric)
  let held: Line[] = []
  let widths: readonly number[] | null = null
  let count = 0
  for await (const rows of result.batches) {
    count += rows.length
    for (const row of rows) held.push(row.map(textOf))
    if (widths === null && held.length < MEASURED_ROWS_MAX) continue
    if (widths === null) {
      widths = widthsOf([header, ...held])
      yield headOf(header, widths, isRight)
    }
    yield bodyOf(held, widths, isRight)
    held = []
  }
  if (widths === null) {
    widths = widthsOf([header, ...held])
    yield headOf(header, widths, isRight) + bodyOf(held, widths, isRight)
  }
  yield `(${count} ${count === 1 ? 'row' : 'rows'})\n`
}

/** What EXPLAIN draws has lines of its own. */
async function* plansOf(result: QueryResult): AsyncIterable<string> {
  for await (const rows of result.batches) {
    for (const row of rows) yield `${String(row.at(-1)).trimEnd()}\n`
  }
}

function textOf(cell: Cell): string {
  if (cell === null) return 'NULL'
  if (typeof cell === 'string') return shown(cell)
  if (typeof cell !== 'object') return String(cell)
  return cell.kind === 'list' || cell.kind === 'record' ? shown(jsonOf(cell)) : cell.text
}

/** Control, format and line-breaking characters as `\u…`, so that a row stays a line and a terminal stays itself. */
function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

function headOf(header: Line, widths: readonly number[], isRight: readonly boolean[]): string {
  const ruler = widths.map((width) => '─'.repeat(width)).join('  ')
  return `${lineOf(header, widths, isRight)}${ruler}\n`
}

function bodyOf(
  lines: readonly Line[],
  widths: readonly number[],
  isRight: readonly boolean[],
): string {
  return lines.map((line) => lineOf(line, widths, isRight)).join('')
}

function lineOf(line: Line, widths: readonly number[], isRight: readonly boolean[]): string {
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
 * Unicode's East Asian wide and fullwidth blocks, and emoji (UAX #11, in blocks rather than character by character).
 */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u

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
