/**
 * The plain reference parser: bytes to an event or the reason why not. See rejection.ts for the
 * precedence.
 */

import { EVENT_TYPES, type Event, type EventType, LIMITS } from './event.ts'
import { type JsonObject, type JsonValue, readJson } from './json.ts'
import type { IdField, OptionalField, Rejection, RejectionReason } from './rejection.ts'
import { trimmed } from './split-body.ts'
import { KEEPS_ALL_US, parseTimestampUs } from './timestamp.ts'

/**
 * `arrivalUs`: when the event arrived; `keptFromUs`: the start of the oldest day that the tables
 * keep (see timestamp.ts). Both in microseconds since the epoch.
 */
export function parseEvent(
  bytes: Uint8Array,
  arrivalUs: number,
  keptFromUs: number = KEEPS_ALL_US,
): Event | Rejection {
  const { start, end } = trimmed(bytes, 0, bytes.length)
  if (end - start > LIMITS.eventBytesMax) return reject('too-large')
  const text = decodeUtf8(bytes.subarray(start, end))
  if (text === null) return reject('utf8')
  if (text.startsWith('\ufeff')) return reject('byte-order-mark')
  const json = readJson(text, LIMITS.depthMax)
  if ('fault' in json) return reject(json.fault)
  if (!(json.value instanceof Map)) return reject('not-object')
  return readFields(json.value, arrivalUs, keptFromUs)
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/**
 * The first fault in the order of the fields decides, so each step returns as soon as it finds one.
 */
function readFields(object: JsonObject, arrivalUs: number, keptFromUs: number): Event | Rejection {
  const eventId = readId(object.get('event_id'), 'event-id', LIMITS.eventIdBytesMax)
  if (typeof eventId !== 'string') return eventId
  const userId = readId(object.get('user_id'), 'user-id', LIMITS.userIdBytesMax)
  if (typeof userId !== 'string') return userId
  const campaignId = readId(object.get('campaign_id'), 'campaign-id', LIMITS.campaignIdBytesMax)
  if (typeof campaignId !== 'string') return campaignId
  const eventType = readEventType(object.get('event_type'))
  if (typeof eventType !== 'string') return eventType
  const timestampUs = readTimestamp(object.get('timestamp'), arrivalUs, keptFromUs)
  if (typeof timestampUs !== 'number') return timestampUs
  const revenue = readRevenue(object.get('revenue'))
  if (typeof revenue !== 'number') return revenue
  const platform = readOptional(object.get('platform'), 'platform')
  if (isRejection(platform)) return platform
  const country = readOptional(object.get('country'), 'country')
  if (isRejection(country)) return country
  const deviceType = readOptional(object.get('device_type'), 'device-type')
  if (isRejection(deviceType)) return deviceType
  return {
    ...{ eventId, userId, campaignId, eventType, timestampUs, revenue },
    ...{ platform, country, deviceType },
  }
}

function readId(
  value: JsonValue | undefined,
  field: IdField,
  bytesMax: number,
): string | Rejection {
  if (value === undefined) return reject(`${field}-missing`)
  if (typeof value !== 'string') return reject(`${field}-not-string`)
  if (!value.isWellFormed()) return reject(`${field}-surrogate`)
  const length = utf8Length(value)
  return length < 1 || length > bytesMax ? reject(`${field}-length`) : value
}

function readEventType(value: JsonValue | undefined): EventType | Rejection {
  if (value === undefined) return reject('event-type-missing')
  if (typeof value !== 'string') return reject('event-type-not-string')
  return EVENT_TYPES.find((type) => type === value) ?? reject('event-type-unknown')
}

function readTimestamp(
  value: JsonValue | undefined,
  arrivalUs: number,
  keptFromUs: number,
): number | Rejection {
  if (value === undefined) return reject('timestamp-missing')
  if (typeof value !== 'string') return reject('timestamp-not-string')
  const timestampUs = parseTimestampUs(value)
  if (timestampUs === null) return reject('timestamp-format')
  if (timestampUs < LIMITS.earliestUs) return reject('timestamp-early')
  if (timestampUs < keptFromUs) return reject('timestamp-retention')
  if (timestampUs > arrivalUs + LIMITS.futureSlackUs) return reject('timestamp-future')
  return timestampUs
}

function readRevenue(value: JsonValue | undefined): number | Rejection {
  if (value === undefined || value === null) return 0
  if (typeof value !== 'number') return reject('revenue-not-number')
  // Adding 0 turns -0 into 0; 1e400 was read as Infinity.
  return Math.abs(value) <= LIMITS.revenueMax ? value + 0 : reject('revenue-range')
}

function readOptional(
  value: JsonValue | undefined,
  field: OptionalField,
): string | null | Rejection {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') return reject(`${field}-not-string`)
  if (!value.isWellFormed()) return reject(`${field}-surrogate`)
  return utf8Length(value) > LIMITS.optionalBytesMax ? reject(`${field}-length`) : value
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length
}

function isRejection(value: string | null | Rejection): value is Rejection {
  return typeof value === 'object' && value !== null
}

function reject(reason: RejectionReason): Rejection {
  return { reason }
}
