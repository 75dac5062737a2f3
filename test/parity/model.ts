/**
 * What must stand in the tables, worked out the plain way from the rules of
 * docs/events-and-tables.md: a map by event id, the first one wins, sums of whole millionths in
 * BigInt. Which events are rejected is known from how they were made. Rows are lines in the form
 * that test/interop/canonical-rows.py prints, so that equal rows are equal texts.
 */
import type { Item } from '../interop/hard-input.ts'
import type { Blame } from '../interop/hard-values.ts'

export type RejectedItem = Readonly<{ bytes: Buffer; blame: Blame }>

export type Model = Readonly<{
  add(items: readonly Item[]): void
  /** Row of `campaign_events` by event id. */
  events: ReadonlyMap<string, string>
  /** Row of `campaign_metrics` by campaign and window. */
  metrics(): ReadonlyMap<string, string>
  rejected: readonly RejectedItem[]
  duplicates(): number
}>

type Event = Readonly<{
  event_id: string
  user_id: string
  campaign_id: string
  event_type: 'impression' | 'click' | 'conversion'
  timestamp: string
  revenue?: number | null
  platform?: string | null
  country?: string | null
  device_type?: string | null
}>

type Cell = {
  campaign: string
  startUs: number
  impression: number
  click: number
  conversion: number
  millionths: bigint
}

const WINDOW_US = 5 * 60_000_000
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))?$/
const SPACE_AROUND = /^[ \t\r\n]+|[ \t\r\n]+$/g

export function openModel(windowUs: number = WINDOW_US): Model {
  const events = new Map<string, string>()
  const cells = new Map<string, Cell>()
  const rejected: RejectedItem[] = []
  let duplicates = 0

  const addEvent = (bytes: Buffer): void => {
    const event = JSON.parse(bytes.toString('utf8')) as Event
    if (events.has(event.event_id)) {
      duplicates += 1
      return
    }
    const atUs = microseconds(event.timestamp)
    // Adding 0 turns -0 into 0.
    const revenue = (event.revenue ?? 0) + 0
    events.set(event.event_id, eventLine(event, atUs, revenue))
    const startUs = Math.floor(atUs / windowUs) * windowUs
    const key = metricsKey(event.campaign_id, startUs)
    let cell = cells.get(key)
    if (cell === undefined) {
      cell = { campaign: event.campaign_id, startUs, ...EMPTY }
      cells.set(key, cell)
    }
    cell[event.event_type] += 1
    cell.millionths += millionths(revenue)
  }
  return {
    add: (items) => {
      for (const { bytes, blame } of items) {
        if (blame === null) addEvent(bytes)
        else rejected.push({ bytes: trimmed(bytes), blame })
      }
    },
    events,
    metrics: () => new Map([...cells].map(([key, cell]) => [key, metricsLine(cell, windowUs)])),
    rejected,
    duplicates: () => duplicates,
  }
}

const EMPTY = { impression: 0, click: 0, conversion: 0, millionths: 0n }

export function metricsKey(campaign: string, startUs: number): string {
  return `${startUs} ${campaign}`
}

function eventLine(event: Event, atUs: number, revenue: number): string {
  return JSON.stringify([
    event.event_id,
    event.user_id,
    event.campaign_id,
    event.event_type,
    atUs,
    bits(revenue),
    event.platform ?? null,
    event.country ?? null,
    event.device_type ?? null,
  ])
}

function metricsLine(cell: Cell, windowUs: number): string {
  const { impression, click, conversion } = cell
  return JSON.stringify([
    cell.campaign,
    cell.startUs,
    cell.startUs + windowUs,
    impression,
    click,
    conversion,
    bits(Number(cell.millionths) / 1e6),
    impression === 0 ? null : bits((click * 100) / impression),
    click === 0 ? null : bits((conversion * 100) / click),
  ])
}

/** Microseconds since 1970; digits past the sixth are cut, and without an offset it is UTC. */
function microseconds(text: string): number {
  const match = TIMESTAMP.exec(text)
  if (match === null) throw new RangeError(`not a timestamp that is accepted: ${text}`)
  const [, seconds, fraction = '', sign, hours, minutes] = match
  const offset = sign === undefined ? 0 : Number(hours) * 60 + Number(minutes)
  const offsetMs = (sign === '-' ? -offset : offset) * 60_000
  return (Date.parse(`${seconds}Z`) - offsetMs) * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}

/** Whole millionths of the shortest decimal form, half away from zero. */
function millionths(value: number): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(String(value))
  if (match === null) throw new RangeError(`not a finite number: ${value}`)
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = BigInt(whole + fraction)
  const places = Number(exponent) - fraction.length + 6
  if (places >= 0) return signed(sign, digits * 10n ** BigInt(places))
  const divisor = 10n ** BigInt(-places)
  return signed(sign, (2n * digits + divisor) / (2n * divisor))
}

function signed(sign: string | undefined, value: bigint): bigint {
  return sign === '-' ? -value : value
}

const view = new DataView(new ArrayBuffer(8))

/** The bits of a DOUBLE as a whole number: equal only where the value is, to the last bit. */
function bits(value: number): string {
  view.setFloat64(0, value)
  return view.getBigInt64(0).toString()
}

/** The bytes of an event are its object's, without the white space around. */
function trimmed(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll(SPACE_AROUND, ''), 'latin1')
}
