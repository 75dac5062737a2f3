/**
 * What travels: the fields of an event, its limits, the closed list of reasons for rejection, and the plain
 * reference parser.
 *
 * The reference parser is the oracle of the byte engine (src/engine.ts): slow, obvious and strict. The engine
 * must give the same verdict and the same values for any bytes; where they differ, this one is right.
 */
export type { DayRows, EncodedColumn, EncodedPage } from './event/day-rows.ts'
export { EVENT_TYPES, type Event, type EventType, LIMITS } from './event/event.ts'
export { parseEvent } from './event/parse-event.ts'
export {
  REJECTION_REASONS,
  type Rejection,
  type RejectionReason,
  reasonText,
} from './event/rejection.ts'
export { KEEPS_ALL_US, keptFromDay, keptFromUs } from './event/retention.ts'
export { revenueMillionths } from './event/revenue.ts'
export type { Span } from './event/span.ts'
export { type BodyForm, splitBody, type Unsplittable } from './event/split-body.ts'
export { parseTimestampUs } from './event/timestamp.ts'
export {
  keyOf,
  type TimeSpan,
  type WindowDelta,
  type WindowKey,
  type WindowSums,
} from './event/window.ts'
