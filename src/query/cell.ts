/**
 * The result of a query: its values free of an engine's classes and without loss. Whole numbers
 * past 2^53 are bigint, decimals keep their digits, timestamps their microseconds.
 */

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
  /** The engine's name of the type, such as `DECIMAL(38,6)`. */
  type: string
  /** Whether tables show it at the right. */
  isNumeric: boolean
}>

export type QueryResult = Readonly<{
  columns: readonly ResultColumn[]
  /** Can be gone through once; ends the query when it is left early. Errors come as QueryError. */
  batches: AsyncIterable<readonly (readonly Cell[])[]>
  /** Ends a query whose batches are not wanted any more; needless after the last batch. */
  close(): void
}>

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
