/**
 * Events with figures that a test can add up by hand: so many of each type, so long ago, of one
 * campaign.
 */

export type AdEvents = Readonly<{
  campaign: string
  /** How long before `nowMs` they happened. */
  ageMs: number
  impressions?: number
  clicks?: number
  conversions?: number
  /** One amount an event, from the first conversion on; what is left over goes with clicks. */
  revenue?: readonly number[]
  platform?: string
  country?: string
  device?: string
}>

export const SECOND_MS: number = 1000
export const MINUTE_MS: number = 60 * SECOND_MS
export const HOUR_MS: number = 60 * MINUTE_MS
export const DAY_MS: number = 24 * HOUR_MS

let made = 0

/** NDJSON; every call makes events of their own. */
export function eventsOf(groups: readonly AdEvents[], nowMs: number): string {
  return groups.map((group) => linesOf(group, nowMs)).join('')
}

function linesOf(group: AdEvents, nowMs: number): string {
  const { impressions = 0, clicks = 0, conversions = 0, revenue = [] } = group
  const types = [
    ...Array<string>(conversions).fill('conversion'),
    ...Array<string>(clicks).fill('click'),
    ...Array<string>(impressions).fill('impression'),
  ]
  return types
    .map((type, at) => {
      made += 1
      const event = {
        event_id: `event-${process.pid}-${made}`,
        user_id: `user-${made % 97}`,
        campaign_id: group.campaign,
        event_type: type,
        timestamp: new Date(nowMs - group.ageMs).toISOString(),
        revenue: revenue[at] ?? 0,
        platform: group.platform,
        country: group.country,
        device_type: group.device,
      }
      return `${JSON.stringify(event)}\n`
    })
    .join('')
}
