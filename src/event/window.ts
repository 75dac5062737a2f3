/** A window of one campaign: what names it, what it adds up to, and what a batch adds to it. */

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
