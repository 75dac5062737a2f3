/**
 * Why an event is rejected: two closed lists, of what is wrong with the event and of what is wrong
 * with its sending.
 *
 * `sender-time` is a fault of a record of Kafka, whatever its bytes are; all others are faults of
 * the bytes.
 *
 * The order is the precedence: of several faults in one event, the one that stands first here is
 * reported. 1 + the index is the verdict byte of the engine. `syntax` and `depth` stop the reading
 * of an event, so of these two the one met first from the left is reported.
 */
import type { OptionalColumn } from './event.ts'

/** The texts are for people, and start with the name of the field, or `event`. */
export const REJECTION_REASONS = [
  {
    code: 'sender-time',
    text: "event: its record carries the sender's time (message.timestamp.type of the topic)",
  },
  { code: 'too-large', text: 'event: longer than 32768 bytes' },
  { code: 'utf8', text: 'event: not valid UTF-8' },
  { code: 'byte-order-mark', text: 'event: begins with a byte order mark' },
  { code: 'syntax', text: 'event: not valid JSON (RFC 8259)' },
  { code: 'depth', text: 'event: nested deeper than 64' },
  { code: 'not-object', text: 'event: expected a JSON object' },
  { code: 'event-id-missing', text: 'event_id: required' },
  { code: 'event-id-not-string', text: 'event_id: expected a string' },
  { code: 'event-id-surrogate', text: 'event_id: holds a lone surrogate' },
  { code: 'event-id-length', text: 'event_id: expected 1 to 128 bytes of UTF-8' },
  { code: 'user-id-missing', text: 'user_id: required' },
  { code: 'user-id-not-string', text: 'user_id: expected a string' },
  { code: 'user-id-surrogate', text: 'user_id: holds a lone surrogate' },
  { code: 'user-id-length', text: 'user_id: expected 1 to 256 bytes of UTF-8' },
  { code: 'campaign-id-missing', text: 'campaign_id: required' },
  { code: 'campaign-id-not-string', text: 'campaign_id: expected a string' },
  { code: 'campaign-id-surrogate', text: 'campaign_id: holds a lone surrogate' },
  { code: 'campaign-id-length', text: 'campaign_id: expected 1 to 256 bytes of UTF-8' },
  { code: 'event-type-missing', text: 'event_type: required' },
  { code: 'event-type-not-string', text: 'event_type: expected a string' },
  { code: 'event-type-unknown', text: 'event_type: expected impression, click or conversion' },
  { code: 'timestamp-missing', text: 'timestamp: required' },
  { code: 'timestamp-not-string', text: 'timestamp: expected a string' },
  {
    code: 'timestamp-format',
    text: 'timestamp: expected RFC 3339, as 2026-11-22T19:30:00.123Z or with an offset as +01:00',
  },
  { code: 'timestamp-early', text: 'timestamp: before 2000-01-01T00:00:00Z' },
  {
    code: 'timestamp-retention',
    text: 'timestamp: its day is no longer kept (retention.events, retention.metrics)',
  },
  { code: 'timestamp-future', text: 'timestamp: more than 5 minutes after the arrival' },
  { code: 'revenue-not-number', text: 'revenue: expected a number or null' },
  { code: 'revenue-range', text: 'revenue: expected a number from -1e9 to 1e9' },
  { code: 'platform-not-string', text: 'platform: expected a string or null' },
  { code: 'platform-surrogate', text: 'platform: holds a lone surrogate' },
  { code: 'platform-length', text: 'platform: expected at most 64 bytes of UTF-8' },
  { code: 'country-not-string', text: 'country: expected a string or null' },
  { code: 'country-surrogate', text: 'country: holds a lone surrogate' },
  { code: 'country-length', text: 'country: expected at most 64 bytes of UTF-8' },
  { code: 'device-type-not-string', text: 'device_type: expected a string or null' },
  { code: 'device-type-surrogate', text: 'device_type: holds a lone surrogate' },
  { code: 'device-type-length', text: 'device_type: expected at most 64 bytes of UTF-8' },
] as const

/**
 * What only the collector finds, since it depends on how an event was sent: engine and Flink know
 * none of these. `bot` comes before everything, so that what bots send is kept in their own share;
 * `macro` before the faults of the bytes, which may follow from it; what stands behind it, after
 * them.
 */
export const SENDER_REASONS = [
  {
    code: 'bot',
    text: 'event: sent by a program that is known as a bot by its User-Agent (bots)',
  },
  {
    code: 'macro',
    text: 'event: a required field holds a macro that was not replaced, such as [CACHEBUSTER]',
  },
  {
    code: 'page-conversion',
    text: 'event_type: a key of keys.page may send impressions and clicks only (page.conversions)',
  },
] as const

type Hyphened<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Head}-${Hyphened<Rest>}`
  : Name

export type IdField = 'event-id' | 'user-id' | 'campaign-id'
export type OptionalField = Hyphened<OptionalColumn>

/** The stable code, as stored under `rejected/` and counted in `/metrics`. */
export type RejectionReason = (typeof REJECTION_REASONS | typeof SENDER_REASONS)[number]['code']

export type Rejection = Readonly<{ reason: RejectionReason }>

const TEXTS: ReadonlyMap<RejectionReason, string> = new Map(
  [...REJECTION_REASONS, ...SENDER_REASONS].map(({ code, text }) => [code, text]),
)

export function reasonText(reason: RejectionReason): string {
  return TEXTS.get(reason) ?? reason
}
