/**
 * A window of one campaign: what names it, what it adds up to, and what a batch adds to it. Revenue
 * is summed in whole millionths.
 */

/** A stretch of time, `[fromUs, toUs)`, microseconds since the epoch. */
export type TimeSpan = Readonly<{ fromUs: number; toUs: number }>

export type WindowKey = Readonly<{ campaignId: string; windowStartUs: number }>

/** Names a window of a campaign in a Map. */
export const keyOf = (key: WindowKey): string => `${key.windowStartUs}|${key.campaignId}`

/** Revenue in whole millionths, so that sums do not depend on the order of events. */
export type WindowSums = Readonly<{
  impressions: number
  clicks: number
  conversions: number
  revenueMillionths: bigint
}>

/** What a batch adds to a window. */
export type WindowDelta = WindowKey & WindowSums

/**
 * The shortest decimal form of `revenue` rounded to millionths, half away from zero.
 *
 * The shortest form is the one ECMAScript's Number::toString, Python's repr and Java's
 * Double.toString print, so that every engine rounds the same decimal: 1.0000005 is 1000001
 * although its double lies below the tie. `revenue` must be finite.
 */
export function revenueMillionths(revenue: number): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(revenue))
  if (parts === null) throw new RangeError(`revenue must be finite, got ${revenue}`)
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts
  const digits = BigInt(whole + fraction)
  const scale = Number(exponent) - fraction.length + 6
  const magnitude =
    scale >= 0 ? digits * 10n ** BigInt(scale) : roundHalfUp(digits, 10n ** BigInt(-scale))
  return sign === '-' ? -magnitude : magnitude
}

function roundHalfUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend * 2n + divisor) / (divisor * 2n)
}
