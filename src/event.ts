/**
 * The event: its fields, its limits, the closed list of reasons for rejection, and the plain
 * reference parser.
 *
 * The reference parser is the oracle of the byte engine (src/engine.ts): slow, obvious and strict.
 * The engine must give the same verdict and the same values for any bytes; where they differ, this
 * one is right.
 */
export {
  type DayRows,
  type EncodedColumn,
  type EncodedPage,
  EVENT_COLUMNS,
  EVENT_TYPES,
  type Event,
  LIMITS,
  OPTIONAL_COLUMNS,
} from './event/event.ts'
export { parseEvent } from './event/parse-event.ts'
export {
  REJECTION_REASONS,
  type RejectionReason,
  reasonText,
  SENDER_REASONS,
} from './event/rejection.ts'
export { type BodyForm, splitBody, trimmed, type Unsplittable } from './event/split-body.ts'
export { KEEPS_ALL_US, keptFromDay, keptFromUs, parseTimestampUs } from './event/timestamp.ts'
export {
  keyOf,
  revenueMillionths,
  type TimeSpan,
  type WindowDelta,
  type WindowKey,
  type WindowSums,
} from './event/window.ts'
