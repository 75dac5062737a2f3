/**
 * How the page writes numbers and times: numbers in the reader's language, money in the configured
 * currency, times on a 24-hour clock in the configured zone. Made once and passed on, so that
 * everything that draws stays pure.
 */
import { MEASURES, type MeasureId } from '../dashboard-definition.ts'

export type Format = Readonly<{
  locale: string
  timezone: string
  /** A measure in full, by its digits: `1,234,567`, `2.31%`, `€1,234.50`; `–` for null. */
  figure: (id: MeasureId, value: number | null) => string
  /** Short enough for an axis or a tile: `12.3M`. Below ten thousand the same as `figure`. */
  compact: (id: MeasureId, value: number | null) => string
  count: (value: number) => string
  /** Money without its minor unit: `€406,717`. */
  wholeMoney: (value: number) => string
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
  /** Whole days, from the start of the first to the end of the last: `Sat, 21 – Sun, 22 Nov`. */
  days: (fromMs: number, toMs: number) => string
}>

/** A format whose zone can be changed: everything that was made with it follows. */
export type ZonedFormat = Format & Readonly<{ setTimezone: (timezone: string) => void }>

export const NOTHING = '–'
/** Above this a tile shows millions. */
const FULL_MAX = 9_999_999
const CENTS_MAX = 99_999.99
const COMPACT_FROM = 10_000
/** Of money whose currency is not known. */
const MONEY_DIGITS = 2
/** Revenue is summed in millionths. */
const AMOUNT_DIGITS_MAX = 6
/** The digits of a larger change mean nothing. */
const CHANGE_MAX_PERCENT = 9999

type Place = Readonly<{
  locale: string
  timezone: string
  /** A code of ISO 4217; null where money is a plain number. */
  currency: string | null
}>

export function createFormat({ locale, timezone, currency }: Place): ZonedFormat {
  const figures = figureFormats(locale, currency)
  let shown = timezone
  let times = timeFormats(locale, timezone)
  const day = (ms: number): string => times.day.format(ms)
  const time = (ms: number): string => times.time.format(ms)
  const dayTime = (ms: number): string => `${day(ms)} ${time(ms)}`
  return {
    locale,
    get timezone() {
      return shown
    },
    setTimezone: (zone) => {
      if (zone === shown) return
      shown = zone
      times = timeFormats(locale, zone)
    },
    ...figures,
    day,
    time,
    timeWithSeconds: (ms) => times.seconds.format(ms),
    dayTime,
    span: (fromMs, toMs) =>
      day(fromMs) === day(toMs)
        ? `${dayTime(fromMs)}–${time(toMs)}`
        : `${dayTime(fromMs)} – ${dayTime(toMs)}`,
    days: (fromMs, toMs) => times.days.formatRange(fromMs, toMs - 1),
  }
}

type FigureFormats = Pick<Format, 'figure' | 'compact' | 'count' | 'wholeMoney' | 'change'>

/**
 * The first of the browser's languages that Intl accepts; the list may be empty or missing. Some
 * browsers have the names of a system's locales, such as `en-US@posix` and `de_DE.UTF-8`, for which
 * Intl throws.
 */
export function readLocale(browser: Partial<Pick<Navigator, 'language' | 'languages'>>): string {
  const languages = [...(browser.languages ?? []), browser.language ?? '']
  return (
    languages.map((name) => name.replace(/[.@].*/, '').replace('_', '-')).find(isLocale) ?? 'en'
  )
}

function isLocale(language: string): boolean {
  try {
    return Intl.getCanonicalLocales(language).length === 1
  } catch {
    return false
  }
}

function figureFormats(locale: string, currency: string | null): FigureFormats {
  const plain = { style: 'decimal' } as const
  const money =
    currency === null
      ? plain
      : ({ style: 'currency', currency, currencyDisplay: 'narrowSymbol' } as const)
  const fixed = fixedFormats(locale, plain)
  const fixedMoney = fixedFormats(locale, money)
  const minorDigits =
    currency === null
      ? MONEY_DIGITS
      : (new Intl.NumberFormat(locale, money).resolvedOptions().maximumFractionDigits ?? 0)
  const compactOptions = {
    notation: 'compact',
    minimumSignificantDigits: 3,
    maximumSignificantDigits: 3,
  } as const
  const short = new Intl.NumberFormat(locale, compactOptions)
  const shortMoney = new Intl.NumberFormat(locale, { ...money, ...compactOptions })

  const figure = (id: MeasureId, value: number | null): string => {
    if (value === null) return NOTHING
    const { unit, digits: ofMeasure } = MEASURES[id]
    const digits = unit === 'money' ? moneyDigits(value, ofMeasure, minorDigits) : ofMeasure
    // An amount that rounds to zero has no sign.
    const shown = roundsToZero(value, digits) ? 0 : value
    if (unit === 'money') return fixedMoney(digits).format(shown)
    const text = fixed(digits).format(shown)
    return unit === 'percent' ? `${text}%` : text
  }
  return {
    figure,
    compact: (id, value) =>
      value !== null && Math.abs(value) >= COMPACT_FROM && MEASURES[id].unit !== 'percent'
        ? (MEASURES[id].unit === 'money' ? shortMoney : short).format(value)
        : figure(id, value),
    count: (value) => fixed(0).format(value),
    wholeMoney: (value) => fixedMoney(0).format(value),
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
  return MEASURES[id].unit === 'money' ? format.wholeMoney(value) : format.figure(id, value)
}

/** Made when it is first asked for: making a format is expensive. */
function fixedFormats(locale: string, options: Intl.NumberFormatOptions) {
  const byDigits = new Map<number, Intl.NumberFormat>()
  return (digits: number): Intl.NumberFormat => {
    const known = byDigits.get(digits)
    if (known !== undefined) return known
    const made = new Intl.NumberFormat(locale, {
      ...options,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    })
    byDigits.set(digits, made)
    return made
  }
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

/**
 * The decimals of an amount. From 1 up, more than the currency has mean nothing; below 1, two
 * significant digits are shown, such as `0.004` and `0.0043`, and at least the measure's decimals.
 */
function moneyDigits(value: number, ofMeasure: number, ofCurrency: number): number {
  const size = Math.abs(value)
  if (size === 0 || size >= 1) return ofCurrency
  const significant = Math.min(1 - Math.floor(Math.log10(size)), AMOUNT_DIGITS_MAX)
  const needed = String(Number(size.toFixed(significant))).split('.')[1]?.length ?? 0
  return Math.max(ofMeasure, ofCurrency, needed)
}

function roundsToZero(value: number, digits: number): boolean {
  return Math.abs(value) < 0.5 / 10 ** digits
}

type TimeFormats = Readonly<Record<'day' | 'days' | 'time' | 'seconds', Intl.DateTimeFormat>>

function timeFormats(locale: string, timeZone: string): TimeFormats {
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone } as const
  const day = { day: 'numeric', month: 'short', timeZone } as const
  return {
    day: new Intl.DateTimeFormat(locale, day),
    days: new Intl.DateTimeFormat(locale, { ...day, weekday: 'short' }),
    time: new Intl.DateTimeFormat(locale, clock),
    seconds: new Intl.DateTimeFormat(locale, { ...clock, second: '2-digit' }),
  }
}
