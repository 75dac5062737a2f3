/**
 * One reader for each kind of value: it turns what the user wrote into the value, or into a reason
 * why not.
 */

import { type ListenAddress, parseListen } from './address.ts'
import { Refusal, shown } from './field.ts'
import { durationText, parseDuration, parseSize, sizeText } from './quantity.ts'

const DAY_MS = 86_400_000
const KEY_LENGTH_MIN = 16
const KEY_LENGTH_MAX = 256
const KEYS_MAX = 100
/** Of a list whose items are no keys. */
const ITEMS_MAX = 1000

export function readListen(value: unknown): ListenAddress | Refusal {
  const address = typeof value === 'string' ? parseListen(value) : undefined
  return address ?? new Refusal(`${shown(value)} is not an address with a port`)
}

/** `scheme` is null for a path, and `s3` for `s3://…`. */
export function readPathOrUrl(
  value: unknown,
): Readonly<{ scheme: string | null; text: string }> | Refusal {
  if (typeof value !== 'string' || value.trim() === '') {
    return new Refusal(`${shown(value)} is not a path`)
  }
  if (value.includes('\0')) return new Refusal('a path cannot hold a NUL character')
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(value)?.[1]?.toLowerCase() ?? null
  return { scheme, text: value }
}

/** A path of the local file system. */
export function readPath(value: unknown): string | Refusal {
  const place = readPathOrUrl(value)
  if (place instanceof Refusal) return place
  if (place.scheme === null) return place.text
  return new Refusal(`\`${place.scheme}://\` is no path of this machine`)
}

/** One of a few words, in any case. */
export function readChoice<Choice extends string>(
  value: unknown,
  choices: readonly Choice[],
): Choice | Refusal {
  const found = choices.find((each) => each.toLowerCase() === String(value).toLowerCase())
  return found ?? new Refusal(`${shown(value)} is unknown`)
}

export function readSwitch(value: unknown): boolean | Refusal {
  return typeof value === 'boolean' ? value : new Refusal(`${shown(value)} is not true or false`)
}

export function readCount(value: unknown, least: number, most: number): number | Refusal {
  const isCount = typeof value === 'number' && Number.isInteger(value)
  if (!isCount) return new Refusal(`${shown(value)} is not a whole number`)
  return value >= least && value <= most ? value : new Refusal(`${value} is out of range`)
}

/** A name at a service, or a secret; so no message repeats it. */
export function readText(value: unknown): string | Refusal {
  if (typeof value !== 'string') return new Refusal('not a text (quote what looks like a number)')
  return /[\p{Cc}]/u.test(value) ? new Refusal('it holds a control character') : value
}

export function readDuration(
  value: unknown,
  leastMs: number,
  mostMs: number,
  options: Readonly<{ zero?: boolean }> = {},
): number | Refusal {
  const durationMs = isScalar(value) ? parseDuration(String(value)) : undefined
  if (durationMs === undefined) {
    const hint = typeof value === 'number' ? ' (the unit is missing)' : ''
    return new Refusal(`${shown(value)} is not a duration${hint}`)
  }
  if (durationMs === 0 && options.zero === true) return 0
  if (durationMs < leastMs) {
    return new Refusal(`${durationText(durationMs)} is shorter than ${durationText(leastMs)}`)
  }
  if (durationMs > mostMs) {
    return new Refusal(`${durationText(durationMs)} is longer than ${durationText(mostMs)}`)
  }
  return durationMs
}

export function readSize(value: unknown, leastBytes: number, mostBytes: number): number | Refusal {
  const sizeBytes = isScalar(value) ? parseSize(String(value)) : undefined
  if (sizeBytes === undefined) return new Refusal(`${shown(value)} is not a size`)
  if (sizeBytes < leastBytes) {
    return new Refusal(`${sizeText(sizeBytes)} is less than ${sizeText(leastBytes)}`)
  }
  if (sizeBytes > mostBytes) {
    return new Refusal(`${sizeText(sizeBytes)} is more than ${sizeText(mostBytes)}`)
  }
  return sizeBytes
}

/**
 * A duration that divides a day, so that windows begin at the same times every day and never cross
 * a partition.
 */
export function readWindow(value: unknown): number | Refusal {
  const windowMs = readDuration(value, 1000, DAY_MS)
  if (windowMs instanceof Refusal || DAY_MS % windowMs === 0) return windowMs
  return new Refusal(`${durationText(windowMs)} does not divide a day`)
}

/** In its proper case, but not renamed: Intl turns Asia/Kolkata into an outdated alias. */
export function readTimezone(value: unknown): string | Refusal {
  if (typeof value !== 'string')
    return new Refusal(`${shown(value)} is not the name of a time zone`)
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions()
    return timeZone.toLowerCase() === value.toLowerCase() ? timeZone : value
  } catch {
    return new Refusal(`${shown(value)} is not a known time zone`)
  }
}

/** A code of ISO 4217; without one, revenue is a plain number. */
export function readCurrency(value: unknown): string | Refusal {
  if (value === '') return value
  const code = typeof value === 'string' ? value.toUpperCase() : ''
  if (CURRENCIES.has(code)) return code
  return new Refusal(`${shown(value)} is not the code of a currency`)
}

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'))

/** Keys travel in an HTTP header. They are secrets: no message repeats one. */
export function readKeys(value: unknown): readonly string[] | Refusal {
  if (!Array.isArray(value)) return new Refusal('not a list')
  if (value.length > KEYS_MAX) return new Refusal(`more than ${KEYS_MAX} keys`)
  const keys: string[] = []
  for (const [index, key] of value.entries()) {
    const which = `the ${index + 1}. key`
    if (typeof key !== 'string') return new Refusal(`${which} is not a string`)
    if (key.length < KEY_LENGTH_MIN) return new Refusal(`${which} is too short to be safe`)
    if (key.length > KEY_LENGTH_MAX) return new Refusal(`${which} is too long`)
    if (!/^[\x21-\x7e]+$/.test(key)) {
      return new Refusal(`${which} has a character that cannot be sent in a header`)
    }
    keys.push(key)
  }
  return keys
}

export function readOrigins(value: unknown): readonly string[] | Refusal {
  return readList(value, 'origins', 'not an origin', originOf)
}

/** The same without `*`: whoever may be sent anywhere can be sent to a trap. */
export function readRedirects(value: unknown): readonly string[] | Refusal {
  return readList(value, 'origins', 'not an origin', (text) =>
    text === '*' ? undefined : originOf(text),
  )
}

/** `read` gives undefined for a text that is no such item; the message then says `otherwise`. */
export function readList<Item>(
  value: unknown,
  plural: string,
  otherwise: string,
  read: (text: string) => Item | undefined,
): readonly Item[] | Refusal {
  if (!Array.isArray(value)) return new Refusal(`${shown(value)} is not a list`)
  if (value.length > ITEMS_MAX) return new Refusal(`more than ${ITEMS_MAX} ${plural}`)
  const items: Item[] = []
  for (const text of value) {
    const item = typeof text === 'string' ? read(text) : undefined
    if (item === undefined) return new Refusal(`${shown(text)} is ${otherwise}`)
    items.push(item)
  }
  return items
}

/**
 * The origin as browsers send it (lower case, no default port), or `*`; undefined when it is more
 * or less than one.
 */
function originOf(text: string): string | undefined {
  if (text === '*') return text
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  const isBare = url.href === `${url.origin}/` && !/[/?#]$/.test(text)
  return isWeb && isBare ? url.origin : undefined
}

function isScalar(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}
