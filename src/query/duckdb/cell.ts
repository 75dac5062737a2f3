/** DuckDB's values as cells, without loss. */
import { type Cell, offsetMinutesAt, offsetText, type ResultColumn } from '../cell.ts'
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
} from './instance.ts'

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
