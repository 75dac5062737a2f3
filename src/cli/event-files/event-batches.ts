/**
 * The files that `send` takes, as batches of NDJSON: of which kind a file is, what its records are,
 * and what is refused before the first of them.
 */

import { statSync } from 'node:fs'
import { extname } from 'node:path'
import { type CsvRow, csvRows, delimiterOf, MalformedRows } from '../../csv.ts'
import { EVENT_COLUMNS } from '../../event.ts'
import { parseNumberTexts } from '../../runtime.ts'
import { DamagedInput, type Part } from '../decompress.ts'
import { CliError } from '../error.ts'
import { readEvents, STDIN } from '../event-input.ts'
import {
  type BatchLimits,
  cutBatches,
  type LineBatch,
  tooLong,
  type Unsent,
} from '../ndjson-batches.ts'
import type { Terminal } from '../terminal.ts'
import { gatherBatches, type PlacedEvent } from './gather-batches.ts'
import { type JsonText, jsonValues, MalformedJson } from './json-values.ts'
import { checkColumns, checkHasId, eventLine, type FileRecord, type Mapping } from './mapping.ts'

export const FILE_KINDS = ['ndjson', 'json', 'csv', 'tsv', 'parquet'] as const

export type FileKind = (typeof FILE_KINDS)[number]

export type Reading = Readonly<{
  kind: FileKind | null
  mapping: Mapping
  limits: BatchLimits
  terminal: Terminal
  signal: AbortSignal
  /** Given the number of bytes read, compressed as they are. */
  onRead: (bytes: number) => void
}>

type Events = AsyncGenerator<PlacedEvent | Unsent | null>

const KIND_OF_EXTENSION: Readonly<Record<string, FileKind>> = {
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.parquet': 'parquet',
  '.pq': 'parquet',
}
const COMPRESSED = /\.(?:gz|zst)$/
/** Longer than any event and any header. */
const HEAD_BYTES_MAX = 64 * 1024
const HEAD_CHARACTERS_SHOWN = 40
const LF = 0x0a
const PARQUET_MAGIC = 'PAR1'
const ZIP_MAGIC = 'PK\u0003\u0004'

export function nameOf(file: string): string {
  return file === STDIN ? 'stdin' : file
}

/**
 * Refuses a file whose first record does not look like its kind. One that is damaged is left to
 * `eventBatches`, which gives what of it can be read.
 */
export async function checkFirstRecord(file: string, reading: Reading): Promise<void> {
  const batches = eventBatches(file, { ...reading, onRead: () => {} })
  try {
    await batches.next()
  } catch (error) {
    if (!(error instanceof CliError && error.cause instanceof DamagedInput)) throw error
  } finally {
    await batches.return(undefined)
  }
}

/** Throws CliError `input`, after all that could be read. */
export async function* eventBatches(
  file: string,
  reading: Reading,
): AsyncGenerator<LineBatch | Unsent> {
  const { mapping, limits } = reading
  const kind = kindOf(file, reading.kind)
  if (kind === 'parquet') {
    yield* gatherBatches(parquetEvents(file, mapping, reading.onRead), limits)
    return
  }
  const input = readEvents(file, reading.terminal, reading.signal, reading.onRead)
  try {
    const { line, parts } = await peek(input)
    if (kind === 'csv' || kind === 'tsv') {
      yield* gatherBatches(tableEvents(file, kind, line, parts, mapping), limits)
    } else {
      yield* jsonBatches(file, kind, line, parts, reading)
    }
  } finally {
    await input.return(undefined)
  }
}

function kindOf(file: string, given: FileKind | null): FileKind {
  const plainName = file.replace(COMPRESSED, '')
  const kind = given ?? KIND_OF_EXTENSION[extname(plainName).toLowerCase()] ?? 'ndjson'
  if (kind === 'parquet' && (file === STDIN || plainName !== file)) {
    throw new CliError(
      'input',
      `${nameOf(file)}: Parquet is read from a file of its own, not compressed around it and not ` +
        'from standard input; nothing was sent',
    )
  }
  return kind
}

/**
 * The first line that is not blank, cut to `HEAD_BYTES_MAX` and as far as it came before a pause;
 * and everything, this line included.
 */
async function peek(
  input: AsyncGenerator<Part>,
): Promise<Readonly<{ line: string; parts: AsyncGenerator<Part> }>> {
  let head = Buffer.alloc(0)
  let isEnded = false
  while (!isEnded && head.length < HEAD_BYTES_MAX && !hasLine(head)) {
    const { done, value } = await input.next()
    isEnded = done === true || (value === null && head.length > 0)
    if (done !== true && value !== null) head = Buffer.concat([head, value])
  }
  const text = head.subarray(0, HEAD_BYTES_MAX).toString('utf8').trimStart()
  return { line: text.split('\n')[0] ?? '', parts: followedBy(head, input) }
}

function hasLine(head: Buffer): boolean {
  return head.includes(LF) && head.toString('latin1').trimStart().includes('\n')
}

async function* followedBy(head: Uint8Array, rest: AsyncGenerator<Part>): AsyncGenerator<Part> {
  if (head.length > 0) yield head
  yield* rest
}

async function* jsonBatches(
  file: string,
  kind: 'json' | 'ndjson',
  firstLine: string,
  parts: AsyncGenerator<Part>,
  { mapping, limits }: Reading,
): AsyncGenerator<LineBatch | Unsent> {
  const isArray = kind === 'json' && firstLine.startsWith('[')
  if (firstLine !== '' && !isArray && !firstLine.startsWith('{'))
    throw unlike(file, kind, firstLine)
  const first = isArray ? null : parsedObject(Buffer.from(firstLine))
  const isLines = kind === 'ndjson' || first !== null
  if (isLines && mapping.isPlain) {
    if (first !== null) checkHasId(mapping, first, nameOf(file))
    yield* cutBatches(parts, limits)
    return
  }
  const records = isLines ? lineTexts(parts, limits) : jsonValues(parts, isArray)
  yield* gatherBatches(jsonEvents(file, kind, records, mapping), limits)
}

/** Lines as texts; a pause after each batch, so that what came before one is sent. */
async function* lineTexts(
  parts: AsyncIterable<Part>,
  limits: BatchLimits,
): AsyncGenerator<JsonText | Unsent | null> {
  for await (const batch of cutBatches(parts, limits)) {
    if (batch.kind === 'unsent') {
      yield batch
      continue
    }
    let index = 0
    for (let start = 0; start < batch.bytes.length; ) {
      const feed = batch.bytes.indexOf(LF, start)
      const end = feed === -1 ? batch.bytes.length : feed
      const value = batch.bytes.subarray(start, end)
      start = end + 1
      if (Buffer.from(value).toString('latin1').trim() === '') continue
      yield { line: batch.lineOf(index), bytes: value.length, value }
      index += 1
    }
    yield null
  }
}

async function* jsonEvents(
  file: string,
  kind: FileKind,
  records: AsyncIterable<JsonText | Unsent | null>,
  mapping: Mapping,
): Events {
  let isFirst = true
  try {
    for await (const record of records) {
      if (record === null || 'kind' in record) {
        yield record
        continue
      }
      const { line, bytes, value } = record
      if (value === null) {
        yield bytes === 0
          ? { kind: 'unsent', line, reason: 'nothing between two commas' }
          : tooLong('event', line, bytes)
        continue
      }
      const object = isFirst || !mapping.isPlain ? parsedObject(value) : null
      if (isFirst && !startsObject(value)) throw unlike(file, kind, Buffer.from(value).toString())
      if (isFirst && object !== null) checkHasId(mapping, object, nameOf(file))
      isFirst = false
      const isMapped = !mapping.isPlain && object !== null
      yield { kind: 'event', place: line, line: isMapped ? eventLine(mapping, object) : value }
    }
  } catch (error) {
    if (!(error instanceof MalformedJson)) throw error
    yield null
    throw brokenOff(file, error)
  }
}

function startsObject(value: Uint8Array): boolean {
  return Buffer.from(value.subarray(0, HEAD_BYTES_MAX)).toString('latin1').trimStart()[0] === '{'
}

/** Null: no object of JSON; the collector says what is wrong with it. */
function parsedObject(bytes: Uint8Array): FileRecord | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value = parseNumberTexts(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    const own = new Map(Object.entries(value))
    return { isTable: false, get: (column) => own.get(column) }
  } catch {
    return null
  }
}

async function* tableEvents(
  file: string,
  kind: 'csv' | 'tsv',
  firstLine: string,
  parts: AsyncGenerator<Part>,
  mapping: Mapping,
): Events {
  if (looksOtherwise(firstLine)) throw unlike(file, kind, firstLine)
  const rows = csvRows(parts, kind === 'tsv' ? '\t' : delimiterOf(firstLine))
  let header: ReadonlyMap<string, number> | null = null
  let columns = 0
  let isFirst = true
  try {
    for await (const row of rows) {
      if (row === null) yield null
      else if (header === null) {
        checkColumns(mapping, row.cells, nameOf(file))
        columns = row.cells.length
        header = new Map(row.cells.map((column, index) => [column, index]))
      } else {
        if (row.cells.length === columns) yield tableEvent(mapping, header, row)
        else if (isFirst) throw unlikeHeader(file, row, columns)
        else yield misfit(row, columns)
        isFirst = false
      }
    }
  } catch (error) {
    if (!(error instanceof MalformedRows)) throw error
    yield null
    throw brokenOff(file, error)
  }
}

function tableEvent(
  mapping: Mapping,
  header: ReadonlyMap<string, number>,
  row: CsvRow,
): PlacedEvent {
  const get = (column: string): unknown => row.cells[header.get(column) ?? -1]
  return { kind: 'event', place: row.line, line: eventLine(mapping, { isTable: true, get }) }
}

function misfit({ line, cells }: CsvRow, columns: number): Unsent {
  const reason = `${cells.length} cells in a row, the header has ${columns}`
  return { kind: 'unsent', line, reason }
}

async function* parquetEvents(
  file: string,
  mapping: Mapping,
  onRead: (bytes: number) => void,
): Events {
  const { openParquetRows, QueryError } = await import('../../query.ts')
  try {
    const rows = await openParquetRows(file)
    try {
      checkColumns(mapping, rows.columns, file)
      const names = columnsOfUse(mapping, rows.columns)
      const at = new Map(names.map((name, index) => [name, index]))
      for await (const batch of rows.read(names)) {
        for (const { number, cells } of batch) {
          const get = (column: string): unknown => cells[at.get(column) ?? -1]
          yield { kind: 'event', place: number, line: eventLine(mapping, { isTable: true, get }) }
        }
      }
      onRead(statSync(file).size)
    } finally {
      await rows.close()
    }
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    yield null
    throw new CliError('input', error.message, error)
  }
}

function columnsOfUse(mapping: Mapping, columns: readonly string[]): readonly string[] {
  const named = new Set([...mapping.columns.values(), ...mapping.idFrom, ...EVENT_COLUMNS])
  return columns.filter((column) => named.has(column))
}

function looksOtherwise(firstLine: string): boolean {
  return /^[{[]/.test(firstLine) || firstLine.startsWith(PARQUET_MAGIC) || /\0/.test(firstLine)
}

function unlike(file: string, kind: FileKind, start: string): CliError {
  const shown = JSON.stringify(start.slice(0, HEAD_CHARACTERS_SHOWN).trimEnd())
  return new CliError(
    'input',
    `${nameOf(file)} does not look like ${kind}: its first record begins with ${shown}; nothing ` +
      `of it was sent. ${wayOn(start)}`,
  )
}

function wayOn(start: string): string {
  if (start.startsWith(ZIP_MAGIC)) {
    return 'It is a ZIP archive, as workbooks of Excel are: save the sheet as CSV, or unpack it'
  }
  if (start.includes('\0')) return 'If it is UTF-16, convert it with iconv -f UTF-16 -t UTF-8'
  return `Say what it is with --format (${FILE_KINDS.join(', ')})`
}

function unlikeHeader(file: string, row: CsvRow, columns: number): CliError {
  return new CliError(
    'input',
    `${nameOf(file)}:${row.line}: ${misfit(row, columns).reason}; nothing of it was sent. The ` +
      'first line must name the columns',
  )
}

function brokenOff(file: string, { message }: Error): CliError {
  return new CliError(
    'input',
    `${nameOf(file)} cannot be read to its end: ${message}. Mend it and send all of it again: what ` +
      'was sent already counts once, within dedupe.horizon',
  )
}
