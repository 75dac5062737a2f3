/**
 * RFC 3339 with microseconds, as Python's and Java's clients write it; the part up to the second is
 * kept for the next.
 */

const SECOND_US = 1_000_000

let secondKept = Number.NaN
let textKept = ''

/** `2026-11-22T19:48:39.123456Z` */
export function timestampText(timestampUs: number): string {
  const second = Math.floor(timestampUs / SECOND_US)
  if (second !== secondKept) {
    secondKept = second
    textKept = new Date(second * 1000).toISOString().slice(0, 20)
  }
  return `${textKept}${String(timestampUs - second * SECOND_US).padStart(6, '0')}Z`
}
