/**
 * From a record of a file to an event: which column is which field, what is the same in all of
 * them, and what takes the place of an id.
 *
 * A cell of a table is text. Ids stay as they stand, `007` included; `revenue` becomes a JSON
 * number digit by digit; an empty cell is an absent field. JSON has types of its own: there only a
 * field that `--map` names is converted. What cannot be converted goes out as it is, so that the
 * collector rejects it by its own rules, and keeps it.
 */

import { createHash } from 'node:crypto'
import { EVENT_COLUMNS, OPTIONAL_COLUMNS } from '../../event.ts'
import { type NumberText, numberText, textOfNumber } from '../../runtime.ts'
import { CliError } from '../error.ts'
import { rfc3339Of, TIME_FORMATS, type TimeFormat } from './event-time.ts'

export type MappingOptions = Readonly<{
  map?: readonly string[]
  set?: readonly string[]
  timeFormat?: string
  idFrom?: readonly string[]
}>

export type Mapping = Readonly<{
  /** No option asks for any change. */
  isPlain: boolean
  columns: ReadonlyMap<string, string>
  constants: ReadonlyMap<string, string>
  timeFormat: TimeFormat | null
  idFrom: readonly string[]
}>

export type FileRecord = Readonly<{
  /** Cells of a table are text, without types of their own. */
  isTable: boolean
  /** Undefined where the record has no such column; numbers of JSON as they were written. */
  get(column: string): unknown
}>

const REQUIRED = EVENT_COLUMNS.filter(
  (field) => field !== 'revenue' && !OPTIONAL_COLUMNS.some((optional) => optional === field),
)
const ID_CHARACTERS = 32
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/
const COLUMNS_SHOWN = 30

/** Throws CliError `usage`. */
export function mappingOf(options: MappingOptions): Mapping {
  const columns = pairsOf('--map', 'FIELD=COLUMN', options.map ?? [])
  const constants = pairsOf('--set', 'FIELD=VALUE', options.set ?? [])
  const idFrom = (options.idFrom ?? [])
    .flatMap((list) => list.split(','))
    .map((each) => each.trim())
  for (const field of constants.keys()) {
    if (columns.has(field)) {
      throw new CliError(
        'usage',
        `${field} is named by both --map and --set; leave one of them out`,
      )
    }
  }
  if (constants.has('event_id')) {
    throw new CliError(
      'usage',
      '--set event_id would give every event the same id, and all but one would be repeats; use ' +
        '--map event_id=COLUMN, or --id-from COLUMNS',
    )
  }
  if (idFrom.includes('')) {
    throw new CliError('usage', '--id-from: accepted: names of columns, such as order_no,item_no')
  }
  if (idFrom.length > 0 && columns.has('event_id')) {
    throw new CliError('usage', '--id-from and --map event_id exclude each other')
  }
  const timeFormat = timeFormatOf(options.timeFormat)
  return {
    isPlain: columns.size + constants.size + idFrom.length === 0 && timeFormat === null,
    ...{ columns, constants, timeFormat, idFrom },
  }
}

function pairsOf(option: string, form: string, texts: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const text of texts) {
    const [, field = '', value = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (!EVENT_COLUMNS.includes(field)) {
      throw new CliError(
        'usage',
        `${option}: ${JSON.stringify(text)}; accepted: ${form}, where FIELD is one of ` +
          EVENT_COLUMNS.join(', '),
      )
    }
    if (pairs.has(field)) throw new CliError('usage', `${option}: ${field} is named twice`)
    pairs.set(field, value)
  }
  return pairs
}

function timeFormatOf(text: string | undefined): TimeFormat | null {
  if (text === undefined) return null
  const found = TIME_FORMATS.find((format) => format === text)
  if (found !== undefined) return found
  throw new CliError(
    'usage',
    `--time-format: ${JSON.stringify(text)}; accepted: ${TIME_FORMATS.join(', ')}`,
  )
}

/**
 * Refuses a table that lacks a column which is asked for or required: else every row would be
 * rejected. Throws CliError `input`.
 */
export function checkColumns(mapping: Mapping, columns: readonly string[], name: string): void {
  const there = new Set(columns)
  const list = columns.slice(0, COLUMNS_SHOWN).map((column) => JSON.stringify(column))
  const more = columns.length > COLUMNS_SHOWN ? `, and ${columns.length - COLUMNS_SHOWN} more` : ''
  const has = `It has ${list.join(', ')}${more}. Nothing of it was sent`
  const asked = [...mapping.columns.values(), ...mapping.idFrom]
  const missing = asked.filter((column) => !there.has(column))
  if (missing.length > 0) {
    throw new CliError('input', `${name} has no column ${missing.join(', ')}. ${has}`)
  }
  const twice = [...asked, ...EVENT_COLUMNS].find(
    (column) => columns.indexOf(column) !== columns.lastIndexOf(column),
  )
  if (twice !== undefined) {
    throw new CliError('input', `${name} has two columns ${twice}; rename one. ${has}`)
  }
  const unfilled = REQUIRED.filter((field) => !isFilled(mapping, field, (each) => there.has(each)))
  if (unfilled.includes('event_id')) throw withoutId(name, has)
  if (unfilled.length > 0) {
    throw new CliError(
      'input',
      `${name} has no column for ${unfilled.join(', ')}: name it with --map FIELD=COLUMN, or give ` +
        `all events one value with --set FIELD=VALUE. ${has}`,
    )
  }
}

/**
 * Refuses JSON whose first record has no id, or not every column that makes one: that is a property
 * of the file, not of one event.
 */
export function checkHasId(mapping: Mapping, record: FileRecord, name: string): void {
  if (!isFilled(mapping, 'event_id', (column) => record.get(column) !== undefined)) {
    throw withoutId(name, 'Nothing of it was sent')
  }
}

function isFilled(mapping: Mapping, field: string, has: (column: string) => boolean): boolean {
  if (mapping.constants.has(field)) return true
  if (field === 'event_id' && mapping.idFrom.length > 0) return mapping.idFrom.every(has)
  return has(mapping.columns.get(field) ?? field)
}

function withoutId(name: string, has: string): CliError {
  return new CliError(
    'input',
    `${name} has no event_id: name the column that holds it with --map event_id=COLUMN, or the ` +
      `columns that together tell one event from all others with --id-from COLUMNS. ${has}`,
  )
}

/** The event as one line of JSON. */
export function eventLine(mapping: Mapping, record: FileRecord): string {
  const event: Record<string, unknown> = {}
  for (const field of EVENT_COLUMNS) {
    const value = fieldValue(mapping, record, field)
    if (value !== undefined) event[field] = value
  }
  if (mapping.idFrom.length === 0) return JSON.stringify(event)
  const id = idOf(mapping.idFrom, record, event.event_type)
  const { event_id: _, ...others } = event
  return JSON.stringify(id === null ? others : { event_id: id, ...others })
}

function fieldValue(mapping: Mapping, record: FileRecord, field: string): unknown {
  const constant = mapping.constants.get(field)
  if (constant !== undefined) return field === 'revenue' ? revenueOf(constant) : constant
  const column = mapping.columns.get(field)
  const value = record.get(column ?? field)
  if (record.isTable && (value === null || value === '')) return undefined
  const isConverted = record.isTable || column !== undefined
  const text = textOf(value)
  if (text === null) return value
  if (field === 'timestamp' && (isConverted || mapping.timeFormat !== null)) {
    return rfc3339Of(text, mapping.timeFormat ?? 'iso') ?? value
  }
  if (!isConverted) return value
  return field === 'revenue' ? revenueOf(text) : text
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : textOfNumber(value)
}

/** Its digits as they stand, in the form that JSON asks for; other texts as they are. */
function revenueOf(text: string): NumberText | string {
  const [, sign, whole = '', fraction = '', exponent] = DECIMAL.exec(text.trim()) ?? []
  if (whole + fraction === '') return text
  const digits = whole.replace(/^0+(?=\d)/, '') || '0'
  return numberText(
    (sign === '-' ? '-' : '') +
      digits +
      (fraction === '' ? '' : `.${fraction}`) +
      (exponent === undefined ? '' : `e${exponent}`),
  )
}

/**
 * The same record always gives the same id. The type of the event is part of it: a click and the
 * conversion of one order are two events. Null where all columns are empty.
 */
function idOf(columns: readonly string[], record: FileRecord, eventType: unknown): string | null {
  const values = columns.map((column) => {
    const value = record.get(column)
    return textOf(value) ?? (value === undefined ? null : value)
  })
  if (values.every((value) => value === null || value === '')) return null
  const text = JSON.stringify([eventType ?? null, ...values.map((value) => value || null)])
  return createHash('sha256').update(text).digest('hex').slice(0, ID_CHARACTERS)
}
