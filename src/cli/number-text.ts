/** Numbers, sizes, times and durations for people. */

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** 1234567 is `1,234,567`. */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** `2 events`, `1 event` */
export function countOf(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `1.5 GiB`, `unknown` */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return 'unknown'
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`, `91 d 2 h` */
export function elapsedText(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`
  if (durationMs < 60_000) return `${(durationMs / 1000).toFixed(1)} s`
  const seconds = Math.round(durationMs / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`
}

/**
 * `2026-11-22 20:01:02` in the zone; `UTC` is written out; another zone is the user's own choice.
 */
export function timeText(timeUs: number, timezone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return `${format.format(new Date(timeUs / 1000))}${timezone === 'UTC' ? ' UTC' : ''}`
}
