/**
 * Why an event is rejected: a closed list.
 *
 * The order is the precedence: of several faults in one event, the one that stands first here is
 * reported. 1 + the index is the verdict byte of the engine. `syntax` and `depth` stop the reading
 * of an event, so of these two the one met first from the left is reported.
 */
import { LIMITS, OPTIONAL_COLUMNS, type OptionalColumn } from './event.ts'

type Hyphened<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Head}-${Hyphened<Rest>}`
  : Name

export type IdField = 'event-id' | 'user-id' | 'campaign-id'
export type OptionalField = Hyphened<OptionalColumn>

/** The stable code, as stored under `rejected/` and counted in `/metrics`. */
export type RejectionReason =
  | 'too-large'
  | 'utf8'
  | 'byte-order-mark'
  | 'syntax'
  | 'depth'
  | 'not-object'
  | `${IdField}-${'missing' | 'not-string' | 'surrogate' | 'length'}`
  | `event-type-${'missing' | 'not-string' | 'unknown'}`
  | `timestamp-${'missing' | 'not-string' | 'format' | 'early' | 'retention' | 'future'}`
  | `revenue-${'not-number' | 'range'}`
  | `${OptionalField}-${'not-string' | 'surrogate' | 'length'}`

type ReasonText = Readonly<{ code: RejectionReason; text: string }>

/** The texts are for people, and start with the name of the field, or `event`. */
export const REJECTION_REASONS: readonly ReasonText[] = [
  { code: 'too-large', text: `event: longer than ${LIMITS.eventBytesMax} bytes` },
  { code: 'utf8', text: 'event: not valid UTF-8' },
  { code: 'byte-order-mark', text: 'event: begins with a byte order mark' },
  { code: 'syntax', text: 'event: not valid JSON (RFC 8259)' },
  { code: 'depth', text: `event: nested deeper than ${LIMITS.depthMax}` },
  { code: 'not-object', text: 'event: expected a JSON object' },
  ...idReasons('event-id', 'event_id', LIMITS.eventIdBytesMax),
  ...idReasons('user-id', 'user_id', LIMITS.userIdBytesMax),
  ...idReasons('campaign-id', 'campaign_id', LIMITS.campaignIdBytesMax),
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
  ...OPTIONAL_COLUMNS.flatMap(optionalReasons),
]

export type Rejection = Readonly<{ reason: RejectionReason }>

const TEXTS: ReadonlyMap<RejectionReason, string> = new Map(
  REJECTION_REASONS.map(({ code, text }) => [code, text]),
)

export function reasonText(reason: RejectionReason): string {
  return TEXTS.get(reason) ?? reason
}

function idReasons(field: IdField, column: string, bytesMax: number): readonly ReasonText[] {
  return [
    { code: `${field}-missing`, text: `${column}: required` },
    { code: `${field}-not-string`, text: `${column}: expected a string` },
    { code: `${field}-surrogate`, text: `${column}: holds a lone surrogate` },
    { code: `${field}-length`, text: `${column}: expected 1 to ${bytesMax} bytes of UTF-8` },
  ]
}

function optionalReasons(column: OptionalColumn): readonly ReasonText[] {
  const field = column.replaceAll('_', '-') as OptionalField
  const { optionalBytesMax } = LIMITS
  return [
    { code: `${field}-not-string`, text: `${column}: expected a string or null` },
    { code: `${field}-surrogate`, text: `${column}: holds a lone surrogate` },
    {
      code: `${field}-length`,
      text: `${column}: expected at most ${optionalBytesMax} bytes of UTF-8`,
    },
  ]
}
