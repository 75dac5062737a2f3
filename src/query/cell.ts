/**
 * The values of a result, free of DuckDB's classes and without loss: whole numbers past 2^53 are bigint, decimals keep
 * their digits, timestamps their microseconds.
 */
import {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  type DuckDBResult,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  DuckDBUnionValue,
  type DuckDBValue,
  DuckDBVariantValue,
} from './duckdb/instance.ts'

export type Cell =
  | null
  | boolean
  | number
  | bigint
  | string
  | Readonly<{ kind: 'decimal'; text: string }>
  /** `text` is `YYYY-MM-DD hh:mm:ss[.ffffff]`, with an offset where the column has a zone. */
  | Readonly<{ kind: 'timestamp'; micros: bigint; text: string }>
  | Readonly<{ kind: 'list'; items: readonly Cell[] }>
  | Readonly<{ kind: 'record'; entries: readonly (readonly [name: string, value: Cell])[] }>

export type ResultColumn = Readonly<{
  /** Unique within a result: a name that comes twice gets a number (`sum`, `sum:1`). */
  name: string
  /** DuckDB's name of the type, such as `DECIMAL(38,6)`. */
  type: string
  /** Whether tables show it at the right. */
  isNumeric: boolean
}>

const NUMERIC: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.BIGNUM,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DECIMAL,
])

export function columnsOf(result: DuckDBResult): readonly ResultColumn[] {
  return result.deduplicatedColumnNames().map((name, index) => ({
    name,
    type: String(result.columnType(index)),
    isNumeric: NUMERIC.has(result.columnTypeId(index)),
  }))
}

/** `timezone` (IANA) is the zone in which timestamps with a zone are written. */
export function cellOf(value: DuckDBValue, timezone: string): Cell {
  if (value === null || typeof value !== 'object') return value
  const inner = (each: DuckDBValue): Cell => cellOf(each, timezone)
  if (value instanceof DuckDBDecimalValue) return { kind: 'decimal', text: value.toString() }
  if (value instanceof DuckDBTimestampValue) {
    return { kind: 'timestamp', micros: value.micros, text: value.toString() }
  }
  if (value instanceof DuckDBTimestampTZValue) {
    return { kind: 'timestamp', micros: value.micros, text: zonedText(value, timezone) }
  }
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return { kind: 'list', items: value.items.map(inner) }
  }
  if (value instanceof DuckDBStructValue) {
    const entries = Object.entries(value.entries)
    return { kind: 'record', entries: entries.map(([name, each]) => [name, inner(each)]) }
  }
  if (value instanceof DuckDBMapValue) {
    const items = value.entries.map(({ key, value: mapped }): Cell => {
      const entries = [['key', inner(key)] as const, ['value', inner(mapped)] as const]
      return { kind: 'record', entries }
    })
    return { kind: 'list', items }
  }
  if (value instanceof DuckDBUnionValue || value instanceof DuckDBVariantValue) {
    return inner(value.value)
  }
  return value.toString()
}

function zonedText(value: DuckDBTimestampTZValue, timezone: string): string {
  if (!value.isFinite) return new DuckDBTimestampValue(value.micros).toString()
  const offsetMinutes = offsetMinutesAt(Number(value.micros / 1000n), timezone)
  const local = new DuckDBTimestampValue(value.micros + BigInt(offsetMinutes) * 60_000_000n)
  return `${local}${offsetText(offsetMinutes)}`
}

/** `+05:30`. */
export function offsetText(offsetMinutes: number): string {
  const distance = Math.abs(offsetMinutes)
  const hours = String(Math.floor(distance / 60)).padStart(2, '0')
  const minutes = String(distance % 60).padStart(2, '0')
  return `${offsetMinutes < 0 ? '-' : '+'}${hours}:${minutes}`
}

const OFFSET_FORMATS_MAX = 16
const offsetFormats = new Map<string, Intl.DateTimeFormat>()

/** Minutes east of UTC in a zone (IANA), at a moment. */
export function offsetMinutesAt(epochMs: number, timezone: string): number {
  const parts = offsetFormat(timezone).formatToParts(epochMs)
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT'
  const [, sign, hours = '0', minutes = '0'] = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function offsetFormat(timezone: string): Intl.DateTimeFormat {
  const known = offsetFormats.get(timezone)
  if (known !== undefined) return known
  if (offsetFormats.size >= OFFSET_FORMATS_MAX) offsetFormats.clear()
  const made = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' })
  offsetFormats.set(timezone, made)
  return made
}
