/**
 * Times as other programs write them, turned into what an event takes: RFC 3339. A text that is not
 * of its format is left to the collector's rules, which reject it.
 */

export const TIME_FORMATS = ['iso', 'date', 'epoch-s', 'epoch-ms', 'epoch-us', 'epoch-ns'] as const

export type TimeFormat = (typeof TIME_FORMATS)[number]

/** How many decimal places one unit lies above a microsecond. */
const EPOCH_SCALES: Readonly<Record<Exclude<TimeFormat, 'iso' | 'date'>, number>> = {
  'epoch-s': 6,
  'epoch-ms': 3,
  'epoch-us': 0,
  'epoch-ns': -3,
}
/** RFC 3339, and the forms of it that databases print: a space, no seconds, a short offset. */
const ISO =
  /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?([.,]\d{1,9})? ?(?:([Zz]|UTC|GMT)|([+-]\d\d)(?::?(\d\d))?)?$/
const DATE = /^\d{4}-\d\d-\d\d$/
const DECIMAL = /^([+-]?)(\d{1,30})(?:\.(\d{0,30}))?(?:[eE]([+-]?\d{1,2}))?$/
/** The furthest moment of an ECMAScript date, either way. */
const DATE_MAX_US = 8_640_000_000_000_000_000n

/** Null: not of this format. Without a zone it is UTC; what is finer than a microsecond is cut. */
export function rfc3339Of(text: string, format: TimeFormat): string | null {
  const trimmed = text.trim()
  switch (format) {
    case 'iso':
      return ofIso(trimmed)
    case 'date':
      return DATE.test(trimmed) ? `${trimmed}T00:00:00Z` : null
    default:
      return ofEpoch(trimmed, EPOCH_SCALES[format])
  }
}

function ofIso(text: string): string | null {
  const parts = ISO.exec(text)
  if (parts === null) return null
  const [, day, minute, second = ':00', fraction = '', , hours, minutes = '00'] = parts
  const offset = hours === undefined ? 'Z' : `${hours}:${minutes}`
  return `${day}T${minute}${second}${fraction.replace(',', '.')}${offset}`
}

function ofEpoch(text: string, scale: number): string | null {
  const parts = DECIMAL.exec(text)
  if (parts === null) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts
  const shift = scale + Number(exponent) - fraction.length
  const digits = BigInt(`${sign}${whole}${fraction}`)
  const us = shift >= 0 ? digits * 10n ** BigInt(shift) : floorOf(digits, 10n ** BigInt(-shift))
  if (us > DATE_MAX_US || us < -DATE_MAX_US) return null
  const ms = floorOf(us, 1000n)
  const micros = String(us - ms * 1000n).padStart(3, '0')
  return new Date(Number(ms)).toISOString().replace('Z', `${micros}Z`)
}

function floorOf(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return dividend % divisor < 0n ? quotient - 1n : quotient
}
