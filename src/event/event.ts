/** An event as it is stored, and the limits that every event keeps. */

/** The index of a type is its code in the engine. */
export const EVENT_TYPES = ['impression', 'click', 'conversion'] as const

export type EventType = (typeof EVENT_TYPES)[number]

export type Event = Readonly<{
  eventId: string
  userId: string
  campaignId: string
  eventType: EventType
  /** Microseconds since the epoch, UTC; digits beyond the microsecond are cut. */
  timestampUs: number
  /** Finite, at most 1e9 either way, never -0; absent or null in the JSON is 0. */
  revenue: number
  platform: string | null
  country: string | null
  deviceType: string | null
}>

export const LIMITS = {
  /** Of the event's object, without the white space around it. */
  eventBytesMax: 32_768,
  /** The event's own object is depth 1. */
  depthMax: 64,
  /** Lengths are bytes of the decoded string in UTF-8. */
  eventIdBytesMax: 128,
  userIdBytesMax: 256,
  campaignIdBytesMax: 256,
  optionalBytesMax: 64,
  revenueMax: 1e9,
  /** Events of one body, bad ones included: more than any body of 16 MiB holds of good ones. */
  bodyEventsMax: 200_000,
  /** How far an event may be dated after its arrival. */
  futureSlackUs: 300_000_000,
  /** 2000-01-01T00:00:00Z. */
  earliestUs: 946_684_800_000_000,
} as const
