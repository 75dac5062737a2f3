/**
 * The rows of a CSV or TSV file (RFC 4180), as they stream in: quoted cells hold delimiters, line
 * breaks and doubled quotes; a row ends at CRLF, LF or CR. All cells are text.
 *
 * DuckDB reads CSV too, but takes a compressed file that is cut short for a whole one, and does not
 * know on which line a row stood.
 */

import type { Part } from '../decompress.ts'

/** `line`: where the row begins, from 1. */
export type CsvRow = Readonly<{ line: number; cells: readonly string[] }>

/** The file cannot be read on from here. */
export class MalformedRows extends Error {
  override readonly name = 'MalformedRows'
}

/** A row that is longer is more likely a quote that is not closed. */
const ROW_CHARACTERS_MAX = 1024 * 1024
const QUOTE = '"'

type Place = 'cell-start' | 'plain' | 'quoted' | 'quote-in-quoted' | 'after-cr'

type Reader = {
  place: Place
  cells: string[]
  cell: string
  characters: number
  /** The line under way, and the one on which the row under way began. */
  line: number
  rowLine: number
}

/** Blank lines are no rows. Null: nothing more comes for now. Throws MalformedRows. */
export async function* csvRows(
  parts: AsyncIterable<Part>,
  delimiter: string,
): AsyncGenerator<CsvRow | null> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const reader: Reader = {
    place: 'cell-start',
    cells: [],
    cell: '',
    characters: 0,
    line: 1,
    rowLine: 1,
  }
  for await (const part of parts) {
    if (part === null) yield null
    else
      yield* readText(
        reader,
        decoded(reader, () => decoder.decode(part, { stream: true })),
        delimiter,
      )
  }
  yield* readText(
    reader,
    decoded(reader, () => decoder.decode()),
    delimiter,
  )
  if (reader.place === 'quoted') {
    throw new MalformedRows(
      `the quote that opens in the row of line ${reader.rowLine} never closes`,
    )
  }
  const last = takeRow(reader)
  if (last !== null) yield last
}

function decoded(reader: Reader, decode: () => string): string {
  try {
    return decode()
  } catch {
    throw new MalformedRows(
      `it is not UTF-8 at line ${reader.line} or soon after; save it as UTF-8, or convert it with ` +
        'iconv -f WINDOWS-1252 -t UTF-8',
    )
  }
}

function* readText(reader: Reader, text: string, delimiter: string): Generator<CsvRow> {
  const special = new RegExp(`[${delimiter}\\r\\n]`, 'g')
  for (let at = 0; at < text.length; ) {
    const unit = text[at] ?? ''
    switch (reader.place) {
      case 'quoted': {
        const end = text.indexOf(QUOTE, at)
        append(reader, text.slice(at, end === -1 ? text.length : end))
        if (end !== -1) reader.place = 'quote-in-quoted'
        at = end === -1 ? text.length : end + 1
        continue
      }
      case 'after-cr':
        reader.place = 'cell-start'
        if (unit === '\n') at += 1
        continue
      case 'cell-start':
        if (unit === QUOTE) {
          reader.place = 'quoted'
          at += 1
          continue
        }
        reader.place = 'plain'
        continue
      case 'quote-in-quoted':
        if (unit === QUOTE) {
          append(reader, QUOTE)
          reader.place = 'quoted'
          at += 1
          continue
        }
        if (unit !== delimiter && unit !== '\r' && unit !== '\n') {
          throw new MalformedRows(`text follows a closing quote in line ${reader.line}`)
        }
        reader.place = 'plain'
        continue
      case 'plain': {
        special.lastIndex = at
        const end = special.exec(text)?.index ?? text.length
        append(reader, text.slice(at, end))
        at = end + 1
        if (end === text.length) continue
        if (text[end] === delimiter) {
          endCell(reader)
          continue
        }
        const row = takeRow(reader)
        reader.line += 1
        reader.rowLine = reader.line
        reader.place = text[end] === '\r' ? 'after-cr' : 'cell-start'
        if (row !== null) yield row
      }
    }
  }
}

function append(reader: Reader, text: string): void {
  if (reader.place === 'quoted') reader.line += lineBreaksIn(text)
  reader.characters += text.length
  if (reader.characters > ROW_CHARACTERS_MAX) {
    throw new MalformedRows(
      `the row that begins in line ${reader.rowLine} is longer than 1 MiB; is a quote not closed?`,
    )
  }
  reader.cell += text
}

function lineBreaksIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1
  return count
}

function endCell(reader: Reader): void {
  reader.cells.push(reader.cell)
  reader.cell = ''
  reader.characters += 1
  reader.place = 'cell-start'
}

/** Null where the line is blank. */
function takeRow(reader: Reader): CsvRow | null {
  const isBlank = reader.cells.length === 0 && reader.cell === ''
  endCell(reader)
  const { rowLine: line, cells } = reader
  reader.cells = []
  reader.characters = 0
  return isBlank ? null : { line, cells }
}

/** What stands most often in the first line, outside of quotes: Excel writes `;` in many countries. */
export function delimiterOf(firstLine: string): string {
  const bare = firstLine.replaceAll(/"[^"]*"/g, '')
  const counts = [',', ';', '\t', '|'].map((each) => [each, bare.split(each).length] as const)
  return counts.reduce((most, each) => (each[1] > most[1] ? each : most))[0]
}
