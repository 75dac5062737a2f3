/**
 * Converts between moments and the wall time of a zone. JavaScript's dates know only the browser's
 * zone, but the page has a configured one.
 *
 * A wall time that a clock change skips is shifted forward by the length of the gap; of one that
 * occurs twice, the first is meant. (This is the `compatible` rule of ECMAScript's Temporal.)
 */

const WALL_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/
const DAY_MS = 86_400_000

/** `2026-11-22T10:25`, the format of an input of type datetime-local. */
export function toWallTime(ms: number, timezone: string): string {
  return new Date(ms + offsetMs(ms, timezone)).toISOString().slice(0, 16)
}

/** The moment of a wall time; null if the text is invalid. */
export function fromWallTime(text: string, timezone: string): number | null {
  const wallMs = parseWallTime(text)
  if (wallMs === null) return null
  const before = offsetMs(wallMs - DAY_MS, timezone)
  const after = offsetMs(wallMs + DAY_MS, timezone)
  const possible = [wallMs - before, wallMs - after]
    .filter((ms) => ms + offsetMs(ms, timezone) === wallMs)
    .sort((a, b) => a - b)
  return possible[0] ?? wallMs - before
}

/** How far the zone is ahead of UTC at a moment. */
export function offsetMs(ms: number, timezone: string): number {
  const part = Object.fromEntries(
    clockOf(timezone)
      .formatToParts(ms)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const wall = Date.UTC(
    part.year ?? 0,
    (part.month ?? 1) - 1,
    part.day ?? 1,
    part.hour ?? 0,
    part.minute ?? 0,
    part.second ?? 0,
  )
  return wall - Math.floor(ms / 1000) * 1000
}

const clocks = new Map<string, Intl.DateTimeFormat>()

/** Cached, because making a format is expensive. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  clocks.set(timeZone, made)
  return made
}

/** The wall time as if it were UTC; null if there is no such day or hour. */
function parseWallTime(text: string): number | null {
  const match = WALL_TIME.exec(text)
  if (match === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((digits) => Number(digits ?? 0))
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  const isReal = new Date(ms).toISOString().startsWith(text.slice(0, 16))
  return isReal ? ms : null
}
