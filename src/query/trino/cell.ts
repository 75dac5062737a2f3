/**
 * Trino's values as cells, without loss, in the same forms as DuckDB's: BIGINT is bigint, decimals
 * keep their digits, timestamps their microseconds, a map is a list of records, VARBINARY a text
 * with `\xHH` for what is not ASCII.
 */
import { type Cell, offsetMinutesAt, offsetText, type ResultColumn } from '../cell.ts'
import type { SqlValue } from '../dialect.ts'

export type TrinoType = Readonly<{ rawType: string; arguments: readonly TypeArgument[] }>

type TypeArgument =
  | Readonly<{ kind: 'TYPE'; value: TrinoType }>
  | Readonly<{
      kind: 'NAMED_TYPE'
      value: Readonly<{ fieldName?: Readonly<{ name: string }>; typeSignature: TrinoType }>
    }>
  | Readonly<{ kind: 'LONG'; value: number }>

export type TrinoColumn = Readonly<{ name: string; type: string; typeSignature: TrinoType }>

const NUMERIC = new Set(['tinyint', 'smallint', 'integer', 'bigint', 'real', 'double', 'decimal'])

export function resultColumns(columns: readonly TrinoColumn[]): readonly ResultColumn[] {
  const seen = new Map<string, number>()
  return columns.map(({ name, type, typeSignature }) => {
    const before = seen.get(name) ?? 0
    seen.set(name, before + 1)
    return {
      name: before === 0 ? name : `${name}:${before}`,
      type: type.toUpperCase(),
      isNumeric: NUMERIC.has(typeSignature.rawType),
    }
  })
}

export function trinoCell(value: SqlValue, type: TrinoType): Cell {
  if (value === null) return null
  switch (type.rawType) {
    case 'bigint':
      return BigInt(value as number | bigint | string)
    case 'tinyint':
    case 'smallint':
    case 'integer':
    case 'real':
    case 'double':
      // NaN and the infinities come as texts, and so do all numbers that are keys of a map.
      return Number(value)
    case 'boolean':
      return value === true || value === 'true'
    case 'decimal':
      return { kind: 'decimal', text: String(value) }
    case 'timestamp':
      return timestampCell(String(value))
    case 'timestamp with time zone':
      return zonedCell(String(value))
    case 'varbinary':
      return bytesText(Buffer.from(String(value), 'base64'))
    case 'array':
      return arrayCell(value, type)
    case 'map':
      return mapCell(value, type)
    case 'row':
      return rowCell(value, type)
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value)
  }
}

function arrayCell(value: SqlValue, type: TrinoType): Cell {
  const item = typeAt(type, 0)
  return { kind: 'list', items: (value as readonly SqlValue[]).map((v) => trinoCell(v, item)) }
}

function mapCell(value: SqlValue, type: TrinoType): Cell {
  const [keyType, valueType] = [typeAt(type, 0), typeAt(type, 1)]
  // A key that is itself a row or a list comes as one text.
  const isText = ['row', 'array', 'map'].includes(keyType.rawType)
  const items = Object.entries(value as Readonly<Record<string, SqlValue>>).map(
    ([key, mapped]): Cell => {
      const entries = [
        ['key', isText ? key : trinoCell(key, keyType)] as const,
        ['value', trinoCell(mapped, valueType)] as const,
      ]
      return { kind: 'record', entries }
    },
  )
  return { kind: 'list', items }
}

function rowCell(value: SqlValue, type: TrinoType): Cell {
  const entries = (value as readonly SqlValue[]).map((field, index) => {
    const argument = type.arguments[index]
    const name = argument?.kind === 'NAMED_TYPE' ? argument.value.fieldName?.name : undefined
    return [name ?? `field${index}`, trinoCell(field, typeAt(type, index))] as const
  })
  return { kind: 'record', entries }
}

const UNKNOWN: TrinoType = { rawType: 'unknown', arguments: [] }

function typeAt(type: TrinoType, index: number): TrinoType {
  const argument = type.arguments[index]
  if (argument?.kind === 'TYPE') return argument.value
  return argument?.kind === 'NAMED_TYPE' ? argument.value.typeSignature : UNKNOWN
}

const TIMESTAMP = /^([+-]?\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?$/

/**
 * `2026-11-22 10:00:00.123456` → the moment and a text without needless zeros, as DuckDB writes it.
 */
function timestampCell(text: string): Cell {
  const { micros, fraction, head } = momentOf(text)
  return { kind: 'timestamp', micros, text: `${head}${shortFraction(fraction)}` }
}

/** `2026-11-22 10:00:00.123 Europe/Berlin` → the same with its offset. */
function zonedCell(text: string): Cell {
  const space = text.lastIndexOf(' ')
  const { micros: localMicros, fraction, head } = momentOf(text.slice(0, space))
  const minutes = zoneOffset(localMicros, text.slice(space + 1))
  const micros = localMicros - BigInt(minutes) * 60_000_000n
  return {
    kind: 'timestamp',
    micros,
    text: `${head}${shortFraction(fraction)}${offsetText(minutes)}`,
  }
}

function momentOf(text: string): Readonly<{ micros: bigint; fraction: string; head: string }> {
  const match = TIMESTAMP.exec(text)
  if (match === null) throw new RangeError(`Trino wrote a timestamp as ${text}`)
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number)
  const moment = new Date(0)
  moment.setUTCFullYear(year ?? 0, (month ?? 1) - 1, day)
  moment.setUTCHours(hour ?? 0, minute, second)
  const fraction = match[7] ?? ''
  const micros = BigInt(fraction.slice(0, 6).padEnd(6, '0'))
  return {
    micros: BigInt(moment.getTime()) * 1000n + micros,
    fraction,
    head: text.slice(0, 19 + text.indexOf('-', 1) - 4),
  }
}

function shortFraction(fraction: string): string {
  const digits = fraction.replace(/0+$/, '')
  return digits === '' ? '' : `.${digits}`
}

/** Minutes east of UTC, of a local moment; in the hour that comes twice, the earlier one's. */
function zoneOffset(localMicros: bigint, zone: string): number {
  const fixed = /^([+-])(\d\d):(\d\d)$/.exec(zone)
  if (fixed !== null) {
    return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3]))
  }
  const localMs = Number(localMicros / 1000n)
  const guess = offsetMinutesAt(localMs, zone)
  return offsetMinutesAt(localMs - guess * 60_000, zone)
}

function bytesText(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c
    const hex = byte.toString(16).toUpperCase().padStart(2, '0')
    text += isPlain ? String.fromCharCode(byte) : `\\x${hex}`
  }
  return text
}
