/**
 * An event on its way: what the caller gave, and what the queue has to know of it. The line that
 * is sent is made of the same parts each time, so a retry sends the same bytes.
 */
import type { Moment } from './clock.ts'

export type EventType = 'impression' | 'click' | 'conversion'

/** What a caller may say about an event; all of it is documented in docs/events-and-tables.md. */
export type EventFields = Readonly<{
  campaign_id?: string
  user_id?: string
  /** Default: a random UUID. */
  event_id?: string
  /** Default: now. A Date, or RFC 3339 text. */
  timestamp?: Date | string
  revenue?: number
  platform?: string | null
  country?: string | null
  device_type?: string | null
}>

/** First sending, by the collector's time where it was known, and by the device's. */
type Sending = Readonly<{ trueMs: number | null; wallMs: number }>

export type QueuedEvent = {
  /** In order of the calls; 0 = of an earlier page. */
  readonly sequence: number
  readonly type: EventType
  /** JSON without `user_id` and `timestamp`. */
  readonly body: string
  readonly bytes: number
  readonly moment: Moment
  /** Given, or the tracker's own. */
  userId: string
  /** null until its time is fixed. */
  timestamp: string | null
  /** null = never sent, or surely not taken. */
  sent: Sending | null
  /** Part of a request under way, or of a beacon a moment ago. */
  isUnderWay: boolean
  /** Its key in storage; null = in memory only. */
  place: string | null
}

/** What a line has beside body and user: both names and the timestamp. */
export const REST_BYTES = 100

export function eventLine({ body, userId, timestamp }: QueuedEvent): string {
  const user = JSON.stringify(userId)
  return `${body.slice(0, -1)},"user_id":${user},"timestamp":${JSON.stringify(timestamp)}}`
}

export function isoText(ms: number): string {
  return new Date(ms).toISOString()
}
