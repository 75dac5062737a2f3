/**
 * The rows of a CSV or TSV file (RFC 4180), as they stream in: quoted cells hold delimiters, line
 * breaks and doubled quotes; a row ends at CRLF, LF or CR. All cells are text. `csv-parse` reads
 * them; what it does not know is added here: the line on which a row begins, the end of a row
 * before a pause, and bytes that are not UTF-8.
 */

import { CsvError, Parser } from 'csv-parse'

/** Bytes; null between parts means that nothing more comes for now. */
type Part = Uint8Array | null

/** `line`: where the row begins, from 1. */
export type CsvRow = Readonly<{ line: number; cells: readonly string[] }>

/** The file cannot be read on from here. */
export class MalformedRows extends Error {
  override readonly name = 'MalformedRows'
}

/** A row that is longer is more likely a quote that is not closed. */
const ROW_BYTES_MAX = 1024 * 1024
const [LF, QUOTE] = [0x0a, 0x22]
const LINE_BREAK = /\r\n?|\n/g
/** What the parser puts in the place of bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd'

type Reader = {
  readonly parser: Parser
  /** Completed, and not yet given. */
  rows: CsvRow[]
  /** The line on which the row under way begins. */
  line: number
}

/** Blank lines are no rows. Null: nothing more comes for now. Throws MalformedRows. */
export async function* csvRows(
  parts: AsyncIterable<Part>,
  delimiter: string,
): AsyncGenerator<CsvRow | null> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let reader = openReader(delimiter, 1)
  let isUtf8 = true
  let isInQuotes = false
  let isBetweenRows = true
  for await (const part of parts) {
    if (part === null) {
      if (isBetweenRows) {
        // The parser holds a row back until the bytes behind its end have come.
        yield* endedRows(reader, isUtf8)
        reader = openReader(delimiter, reader.line)
      }
      yield null
      continue
    }
    isUtf8 &&= canDecode(() => decoder.decode(part, { stream: true }))
    if (quotesIn(part) % 2 === 1) isInQuotes = !isInQuotes
    isBetweenRows = !isInQuotes && part.at(-1) === LF
    const error = await settled((done) => reader.parser.write(part, done))
    yield* takeRows(reader, error, isUtf8)
  }
  isUtf8 &&= canDecode(() => decoder.decode())
  yield* endedRows(reader, isUtf8)
}

function openReader(delimiter: string, line: number): Reader {
  const parser = new Parser({
    delimiter,
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    max_record_size: ROW_BYTES_MAX,
    on_record: (cells: readonly string[]) => {
      const isBlank = cells.length === 1 && cells[0] === ''
      if (!isBlank) reader.rows.push({ line: reader.line, cells })
      reader.line += 1 + lineBreaksIn(cells)
      return null
    },
  })
  // Each write is given its own error.
  parser.on('error', () => {})
  const reader: Reader = { parser, rows: [], line }
  return reader
}

/** The error that an operation of a stream ends with. */
function settled(
  operation: (done: (error?: Error | null) => void) => unknown,
): Promise<Error | null> {
  return new Promise((resolve) => operation((error) => resolve(error ?? null)))
}

async function* endedRows(reader: Reader, isUtf8: boolean): AsyncGenerator<CsvRow> {
  const error = await settled((done) => reader.parser.end(done))
  yield* takeRows(reader, error, isUtf8)
}

/** What came before `error` is given first. */
function* takeRows(reader: Reader, error: Error | null, isUtf8: boolean): Generator<CsvRow> {
  const { rows } = reader
  reader.rows = []
  for (const row of rows) {
    if (!isUtf8 && row.cells.some((cell) => cell.includes(REPLACEMENT))) throw notUtf8(row.line)
    yield row
  }
  if (error !== null) throw isUtf8 ? malformed(error, reader.line) : notUtf8(reader.line)
}

function canDecode(decode: () => string): boolean {
  try {
    decode()
    return true
  } catch {
    return false
  }
}

function notUtf8(line: number): MalformedRows {
  return new MalformedRows(
    `the row of line ${line} is not UTF-8; save the file as UTF-8, or convert it with ` +
      'iconv -f WINDOWS-1252 -t UTF-8',
  )
}

function malformed(error: Error, line: number): MalformedRows {
  const row = `the row of line ${line}`
  switch (error instanceof CsvError ? error.code : null) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return new MalformedRows(`the quote that opens in ${row} never closes`)
    case 'CSV_INVALID_CLOSING_QUOTE':
      return new MalformedRows(`text follows a closing quote in ${row}`)
    case 'INVALID_OPENING_QUOTE':
      return new MalformedRows(
        `a quote stands within a cell that is not quoted, in ${row}: such a cell must be quoted, ` +
          'and its own quotes doubled',
      )
    case 'CSV_MAX_RECORD_SIZE':
      return new MalformedRows(`${row} is longer than 1 MiB; is a quote not closed?`)
    default:
      return new MalformedRows(`${row} cannot be read: ${error.message}`)
  }
}

function quotesIn(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(QUOTE); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) count += 1
  return count
}

function lineBreaksIn(cells: readonly string[]): number {
  return cells.reduce((count, cell) => count + (cell.match(LINE_BREAK)?.length ?? 0), 0)
}

/** What stands most often in the first line, outside of quotes: Excel writes `;` in many countries. */
export function delimiterOf(firstLine: string): string {
  const bare = firstLine.replaceAll(/"[^"]*"/g, '')
  const counts = [',', ';', '\t', '|'].map((each) => [each, bare.split(each).length] as const)
  return counts.reduce((most, each) => (each[1] > most[1] ? each : most))[0]
}
