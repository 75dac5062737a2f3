/**
 * Makes requests that are as hard as real ones can be, from a seed, and knows of each event by
 * construction whether it must be accepted. What `tables.py` is to read later is kept as NDJSON.
 *
 *   makeRequest -> { body, form, encoding, accepted, blames }     `lines`: the same as NDJSON
 */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Random } from '../support/random.ts'
import {
  BAD_FIELDS,
  BAD_SYNTAX,
  BAD_UTF8,
  type Blame,
  CAMPAIGNS,
  FRACTIONS,
  OFFSETS,
  REVENUES,
  TEXTS,
  UNKNOWN_FIELDS,
} from './hard-values.ts'

export type Item = Readonly<{
  bytes: Buffer
  /** Null where the event must be accepted. */
  blame: Blame | null
  breaksArray: boolean
}>

export type Form = 'array' | 'lines' | 'object'

export type HardRequest = Readonly<{
  body: Buffer
  type: string
  encoding: 'gzip' | 'zstd' | undefined
  form: Form
  items: readonly Item[]
}>

export type HardInput = Readonly<{
  /** One event; ids repeat earlier ones now and then, with the same or with another payload. */
  makeItem(): Item
  /** Any form the items allow, unless one is asked for. */
  makeRequest(items: readonly Item[], form?: Form): HardRequest
}>

type Fields = Map<string, string>

const HOURS_LATE = 40
const MINUTE_MS = 60_000
const IDS_REMEMBERED = 2_000
const MARK = Buffer.from('\ufeff')

export function openHardInput(random: Random, nowMs: number, name: string): HardInput {
  const sent: Buffer[] = []
  const sentIds: string[] = []
  const badItems = listBadItems(random, nowMs)
  let count = 0
  const nextId = (): string => {
    count += 1
    const id = `${name}-${count}`
    return random.chance(0.05) ? `${id}-${random.pick(TEXTS)}` : id
  }
  const makeItem = (): Item => {
    if (random.chance(0.06)) return random.pick(badItems)
    if (sent.length > 0 && random.chance(0.04)) return good(random.pick(sent))
    const repeats = sentIds.length > 0 && random.chance(0.04)
    const id = repeats ? random.pick(sentIds) : nextId()
    const bytes = Buffer.from(render(random, makeFields(random, nowMs, id)))
    if (sent.length < IDS_REMEMBERED) {
      sent.push(bytes)
      sentIds.push(id)
    }
    return good(bytes)
  }
  return { makeItem, makeRequest: (items, form) => makeRequest(random, items, form) }
}

/** Every kind of rejection once, so that none is left to chance. */
export function listBadItems(random: Random, nowMs: number): readonly Item[] {
  const fields = (): Fields => makeFields(random, nowMs, `bad-${random.below(1e9)}`)
  const items: Item[] = BAD_FIELDS.map(([key, json]) => {
    const event = fields()
    if (json === null) event.delete(key)
    else event.set(key, json)
    return { bytes: Buffer.from(render(random, event)), blame: key, breaksArray: false }
  })
  const inner = (): string => [...fields()].map(([key, json]) => `"${key}":${json}`).join(',')
  for (const { text, breaksArray } of BAD_SYNTAX) {
    const bytes = Buffer.from(text.replace('EVENT', () => inner()))
    items.push({ bytes, blame: 'event', breaksArray: breaksArray ?? false })
  }
  for (const sequence of BAD_UTF8) {
    const [before, after] = [`{${inner()},"x":"`, '"}']
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from(sequence), Buffer.from(after)])
    items.push({ bytes, blame: 'event', breaksArray: false })
  }
  const tooDeep = `{${inner()},"x":${'['.repeat(64)}${']'.repeat(64)}}`
  const tooLong = `{${inner()},"x":"${'x'.repeat(32 * 1024)}"}`
  for (const text of [tooDeep, tooLong]) {
    items.push({ bytes: Buffer.from(text), blame: 'event', breaksArray: false })
  }
  return items
}

/** The other side of the same limits: what is still accepted. */
export function listEdgeItems(nowMs: number, name: string): readonly Item[] {
  const base = {
    user_id: 'u',
    campaign_id: 'edges',
    event_type: 'click',
    timestamp: new Date(nowMs).toISOString(),
  }
  const event = (id: string, more: Record<string, unknown>): string =>
    JSON.stringify({ event_id: `${name}-${id}`, ...base, ...more })
  const deep = event('deep', {}).replace(/}$/, `,"x":${'['.repeat(63)}${']'.repeat(63)}}`)
  const start = event('long', { x: '' })
  const long = event('long', { x: 'x'.repeat(32 * 1024 - start.length) })
  const lines = [
    deep,
    long,
    event('ids', { user_id: 'u'.repeat(256), campaign_id: '🎯'.repeat(64) }),
    event('optional', { platform: 'é'.repeat(32), country: '', device_type: '\u0000' }),
    event('nulls', { platform: null, country: null, device_type: null, revenue: null }),
    event('earliest', { timestamp: '2000-01-01T00:00:00Z' }),
    event('earliest-offset', { timestamp: '1999-12-31T23:59:59-00:01' }),
    event('leap-day', { timestamp: '2024-02-29T23:59:59.999999999Z' }),
    event('window-end', { timestamp: '2025-03-01T00:04:59.999999Z' }),
    event('window-start', { timestamp: '2025-03-01T00:05:00Z' }),
    event('midnight-before', { timestamp: '2025-03-01T23:59:59.9999999Z' }),
    event('midnight', { timestamp: '2025-03-02T00:00:00' }),
    event('summer-time', { timestamp: '2025-03-30T02:30:00+01:00' }),
    event('slightly-ahead', { timestamp: new Date(nowMs + 4 * MINUTE_MS).toISOString() }),
    event('last-key-wins', { revenue: 1 }).replace(/}$/, ',"revenue":2,"event_type":"conversion"}'),
    event('e', {}).replace(`"${name}-e"`, `"${'e'.repeat(128)}"`),
  ]
  return lines.map((line) => good(Buffer.from(line)))
}

function good(bytes: Buffer): Item {
  return { bytes, blame: null, breaksArray: false }
}

function makeFields(random: Random, nowMs: number, id: string): Fields {
  const campaign = random.chance(0.7)
    ? `campaign-${random.below(12)}`
    : random.pick(random.chance(0.5) ? CAMPAIGNS : TEXTS)
  const text = (value: string): string => writeString(random, value)
  const fields: Fields = new Map([
    ['event_id', text(id)],
    ['user_id', text(random.chance(0.2) ? random.pick(TEXTS) : `user-${random.below(500)}`)],
    ['campaign_id', text(campaign)],
    ['event_type', text(random.pick(['impression', 'impression', 'click', 'conversion']))],
    ['timestamp', text(makeTimestamp(random, nowMs))],
  ])
  const revenue = random.chance(0.5) ? random.pick(REVENUES) : (random.next() * 200 - 20).toFixed(4)
  if (random.chance(0.8)) fields.set('revenue', random.chance(0.1) ? 'null' : revenue)
  for (const key of ['platform', 'country', 'device_type']) {
    if (random.chance(0.3)) continue
    const value = random.chance(0.3) ? random.pick(TEXTS) : random.pick(['web', 'DE', 'ios', ''])
    fields.set(key, random.chance(0.15) ? 'null' : text(value))
  }
  return fields
}

/** Between 40 hours ago and four minutes ahead, often exactly on the edge of a window or a day. */
function makeTimestamp(random: Random, nowMs: number): string {
  const lateMs = random.chance(0.6)
    ? random.next() * 10 * MINUTE_MS
    : random.next() * HOURS_LATE * 60 * MINUTE_MS
  const [spelling, minutes] = random.pick(OFFSETS)
  let atMs = Math.floor((nowMs - lateMs) / 1000) * 1000
  let fraction = random.pick(FRACTIONS)
  if (random.chance(0.15)) {
    const edgeMs = random.pick([5 * MINUTE_MS, 24 * 60 * MINUTE_MS])
    atMs = Math.floor(atMs / edgeMs) * edgeMs
    if (random.chance(0.5)) {
      atMs -= 1000
      fraction = '.999999999'
    }
  }
  const local = new Date(atMs + minutes * MINUTE_MS).toISOString().slice(0, 19)
  return `${local}${fraction}${spelling}`
}

/** Any order of keys, escaped keys, white space, unknown members, a key twice (the last wins). */
function render(random: Random, fields: Fields): string {
  const members = [...fields].map(([key, json]) => member(random, key, json))
  if (random.chance(0.5)) random.shuffle(members)
  if (random.chance(0.2))
    members.splice(random.below(members.length), 0, random.pick(UNKNOWN_FIELDS))
  if (random.chance(0.05)) members.unshift('"revenue":-77', '"platform":"overwritten?"', '"x":{}')
  if (random.chance(0.05) && fields.has('campaign_id')) members.unshift('"campaign_id":"no"')
  const space = random.chance(0.2) ? () => random.pick(['', ' ', '\t', '  ']) : () => ''
  return `${space()}{${space()}${members.join(`${space()},${space()}`)}${space()}}${space()}`
}

function member(random: Random, key: string, json: string): string {
  const name = random.chance(0.03) ? writeString(random, key, 0.5) : `"${key}"`
  const space = random.chance(0.1) ? ' ' : ''
  return `${name}${space}:${space}${json}`
}

/** A JSON string; some of them with escapes where none are needed. */
function writeString(random: Random, text: string, share = random.chance(0.1) ? 0.4 : 0): string {
  let written = ''
  for (let at = 0; at < text.length; at += 1) {
    const unit = text[at] as string
    const mustEscape = unit < ' ' || unit === '"' || unit === '\\'
    const pairs = /[\ud800-\udfff]/.test(unit)
    if (!mustEscape && !(random.chance(share) && !pairs)) {
      if (!pairs) {
        written += unit
        continue
      }
      const pair = text.slice(at, at + 2)
      at += 1
      written += random.chance(share)
        ? hex(random, pair[0] as string) + hex(random, pair[1] as string)
        : pair
      continue
    }
    const short = SHORT_ESCAPES[unit]
    written += short !== undefined && random.chance(0.5) ? short : hex(random, unit)
  }
  return `"${written}"`
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

function hex(random: Random, unit: string): string {
  const digits = unit.charCodeAt(0).toString(16).padStart(4, '0')
  return `\\u${random.chance(0.5) ? digits.toUpperCase() : digits}`
}

function makeRequest(random: Random, items: readonly Item[], asked?: Form): HardRequest {
  const form = asked ?? pickForm(random, items)
  const raw = joinItems(random, form, items)
  const encoding = random.pick([undefined, 'gzip', 'zstd'] as const)
  const body =
    encoding === 'gzip' ? gzipSync(raw) : encoding === 'zstd' ? zstdCompressSync(raw) : raw
  const type = form === 'lines' ? 'application/x-ndjson' : 'application/json'
  return { body, type, encoding, form, items }
}

/** A body of one event could be taken for something else where that event is not even an object. */
function pickForm(random: Random, items: readonly Item[]): Form {
  const [first] = items
  if (items.length === 1 && first?.blame !== 'event' && random.chance(0.5)) return 'object'
  return items.some((item) => item.breaksArray) || random.chance(0.5) ? 'lines' : 'array'
}

function joinItems(random: Random, form: Form, items: readonly Item[]): Buffer {
  if (form === 'object')
    return Buffer.concat([items[0]?.bytes ?? Buffer.alloc(0), Buffer.from('\n')])
  const parts: (Buffer | string)[] = form === 'array' ? ['\n[ '] : []
  // A byte order mark at the very start belongs to the body, and is skipped: there it blames no
  // event.
  if (items[0]?.bytes.subarray(0, MARK.length).equals(MARK)) parts.push('\n')
  items.forEach((item, index) => {
    const separators = form === 'array' ? [',', ' ,\n\t', ',\r\n'] : ['\n', '\r\n', '\n\n \t\r\n']
    if (index > 0) parts.push(random.pick(separators))
    parts.push(item.bytes)
  })
  parts.push(form === 'array' ? ' ]\r\n' : random.pick(['', '\n', '\n\n']))
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}
