/**
 * How the page writes numbers and times: numbers in the reader's language, times on a 24-hour clock
 * in the configured zone. Made once and passed on, so that everything that draws stays pure.
 */
import { MEASURES, type MeasureId } from '../dashboard-definition.ts'

export type Format = Readonly<{
  locale: string
  timezone: string
  /** A measure in full, by its digits: `1,234,567`, `2.31 %`; `–` for null. */
  figure: (id: MeasureId, value: number | null) => string
  /** Short enough for an axis or a tile: `12.3M`. Below ten thousand the same as `figure`. */
  compact: (id: MeasureId, value: number | null) => string
  count: (value: number) => string
  /** A change, with its sign: `+4.2%`, `−12%`, `0.0%`. */
  change: (percent: number) => string
  /** `10:25` */
  time: (ms: number) => string
  /** `10:25:07` */
  timeWithSeconds: (ms: number) => string
  /** `22 Nov` */
  day: (ms: number) => string
  /** `22 Nov 10:25` */
  dayTime: (ms: number) => string
  /** `22 Nov 10:25–10:30`; with two days if they differ. */
  span: (fromMs: number, toMs: number) => string
}>

export const NOTHING = '–'
/** Above this a tile shows millions. */
const FULL_MAX = 9_999_999
const CENTS_MAX = 99_999.99
const COMPACT_FROM = 10_000
/** The digits of a larger change mean nothing. */
const CHANGE_MAX_PERCENT = 9999

export function createFormat(place: Readonly<{ locale: string; timezone: string }>): Format {
  const { locale, timezone } = place
  const figures = figureFormats(locale)
  const times = timeFormats(locale, timezone)
  const day = (ms: number): string => times.day.format(ms)
  const time = (ms: number): string => times.time.format(ms)
  const dayTime = (ms: number): string => `${day(ms)} ${time(ms)}`
  return {
    locale,
    timezone,
    ...figures,
    day,
    time,
    timeWithSeconds: (ms) => times.seconds.format(ms),
    dayTime,
    span: (fromMs, toMs) =>
      day(fromMs) === day(toMs)
        ? `${dayTime(fromMs)}–${time(toMs)}`
        : `${dayTime(fromMs)} – ${dayTime(toMs)}`,
  }
}

type FigureFormats = Pick<Format, 'figure' | 'compact' | 'count' | 'change'>

/**
 * The first of the browser's languages that Intl accepts. Some browsers have invalid ones, such as
 * `en-US@posix`, for which Intl throws.
 */
export function readLocale(languages: readonly string[]): string {
  return languages.find(isLocale) ?? 'en'
}

function isLocale(language: string): boolean {
  try {
    return Intl.getCanonicalLocales(language).length === 1
  } catch {
    return false
  }
}

function figureFormats(locale: string): FigureFormats {
  const byDigits = new Map<number, Intl.NumberFormat>()
  const fixed = (digits: number): Intl.NumberFormat => {
    const known = byDigits.get(digits)
    if (known !== undefined) return known
    const made = new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    })
    byDigits.set(digits, made)
    return made
  }
  const short = new Intl.NumberFormat(locale, {
    notation: 'compact',
    minimumSignificantDigits: 3,
    maximumSignificantDigits: 3,
  })
  const figure = (id: MeasureId, value: number | null): string => {
    if (value === null) return NOTHING
    const { unit, digits } = MEASURES[id]
    // An amount that rounds to zero has no sign.
    const text = fixed(digits).format(roundsToZero(value, digits) ? 0 : value)
    return unit === 'percent' ? `${text}%` : text
  }
  return {
    figure,
    compact: (id, value) =>
      value !== null && Math.abs(value) >= COMPACT_FROM && MEASURES[id].unit !== 'percent'
        ? short.format(value)
        : figure(id, value),
    count: (value) => fixed(0).format(value),
    change: (percent) => changeText(percent, fixed),
  }
}

/**
 * A tile's number: in full if the tile has room for it, so that readers see every event arrive;
 * large amounts without cents.
 */
export function tileText(format: Format, id: MeasureId, value: number | null): string {
  const size = Math.abs(value ?? 0)
  if (value === null || size <= CENTS_MAX) return format.figure(id, value)
  if (size > FULL_MAX) return format.compact(id, value)
  return MEASURES[id].unit === 'money' ? format.count(value) : format.figure(id, value)
}

function changeText(percent: number, fixed: (digits: number) => Intl.NumberFormat): string {
  const size = Math.abs(percent)
  if (size > CHANGE_MAX_PERCENT) {
    const most = `${fixed(0).format(CHANGE_MAX_PERCENT)}%`
    return percent < 0 ? `<−${most}` : `>+${most}`
  }
  const digits = size < 100 ? 1 : 0
  const text = fixed(digits).format(size)
  if (roundsToZero(size, digits)) return `${text}%`
  return `${percent < 0 ? '−' : '+'}${text}%`
}

function roundsToZero(value: number, digits: number): boolean {
  return Math.abs(value) < 0.5 / 10 ** digits
}

function timeFormats(
  locale: string,
  timeZone: string,
): Readonly<{ day: Intl.DateTimeFormat; time: Intl.DateTimeFormat; seconds: Intl.DateTimeFormat }> {
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone } as const
  return {
    day: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone }),
    time: new Intl.DateTimeFormat(locale, clock),
    seconds: new Intl.DateTimeFormat(locale, { ...clock, second: '2-digit' }),
  }
}
