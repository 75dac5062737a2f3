import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LIMITS,
  OPTIONAL_COLUMNS,
  parseEvent,
  REJECTION_REASONS,
  type RejectionReason,
  reasonText,
  revenueMillionths,
} from '../../src/event.ts'
import { JSON_GROUPS } from '../golden/json/groups.ts'
import { ARRIVAL_US, REVENUES, TIMESTAMPS } from '../golden/json/values.ts'
import { eventWith } from '../golden/json/whole-events.ts'

function verdictOf(bytes: string): string {
  const event = parseEvent(Buffer.from(bytes, 'latin1'), ARRIVAL_US)
  return 'reason' in event ? event.reason : 'accepted'
}

for (const [title, cases, event] of JSON_GROUPS) {
  for (const { rule, name, bytes, verdict } of cases) {
    test(`${title}: ${rule}: ${name}`, () => assert.equal(verdictOf(event(bytes)), verdict))
  }
}

test('the reference parser reads every timestamp as counted by hand', () => {
  for (const [text, expected] of TIMESTAMPS) {
    const event = parseEvent(eventOf({ timestamp: text }), ARRIVAL_US)
    assert.equal('reason' in event ? event.reason : event.timestampUs, expected, text)
  }
})

test('every revenue is read to the nearest double and to millionths of its shortest form', () => {
  for (const [text, revenue, millionths] of REVENUES) {
    const event = parseEvent(Buffer.from(eventWith(`"revenue":${text}`)), ARRIVAL_US)
    assert.ok(!('reason' in event), text)
    assert.ok(Object.is(event.revenue, revenue), `${text} is ${event.revenue}`)
    assert.equal(revenueMillionths(event.revenue), millionths, text)
  }
})

test('the reference parser gives null for absent optional fields and 0 for absent revenue', () => {
  assert.deepEqual(parseEvent(Buffer.from(eventWith('')), ARRIVAL_US), {
    eventId: 'e1',
    userId: 'u1',
    campaignId: 'c1',
    eventType: 'click',
    timestampUs: 1_795_375_800_000_000,
    revenue: 0,
    platform: null,
    country: null,
    deviceType: null,
  })
})

test('the first fault in the order of the fields is named, whatever the order in the text', () => {
  const faults = {
    device_type: 1,
    country: 1,
    platform: 1,
    revenue: '1',
    timestamp: 'now',
    event_type: 'view',
    campaign_id: '',
    user_id: null,
  }
  const named = []
  const fields: Record<string, unknown> = { ...faults, event_id: 5 }
  const sound = { event_id: 'e', user_id: 'u', campaign_id: 'c', event_type: 'click' }
  for (;;) {
    const event = parseEvent(Buffer.from(JSON.stringify(fields)), ARRIVAL_US)
    if (!('reason' in event)) break
    named.push(event.reason)
    const field = reasonText(event.reason).split(':')[0] ?? ''
    if (field === 'timestamp') fields[field] = '2026-01-01T00:00:00Z'
    else fields[field] = field in sound ? sound[field as keyof typeof sound] : null
  }
  assert.deepEqual(named, [
    'event-id-not-string',
    'user-id-not-string',
    'campaign-id-length',
    'event-type-unknown',
    'timestamp-format',
    'revenue-not-number',
    'platform-not-string',
    'country-not-string',
    'device-type-not-string',
  ])
})

const fault = (fields: Readonly<Record<string, unknown>>): string | null => {
  const parsed = parseEvent(eventOf({ timestamp: '2026-01-01T00:00:00Z', ...fields }), ARRIVAL_US)
  return 'reason' in parsed ? parsed.reason : null
}

test('optional columns may be absent or null, and hold text of 64 bytes at most', () => {
  for (const column of OPTIONAL_COLUMNS) {
    const name = column.replaceAll('_', '-')
    assert.equal(fault({}), null)
    assert.equal(fault({ [column]: null }), null, column)
    assert.equal(fault({ [column]: 'ä'.repeat(32) }), null, column)
    assert.equal(fault({ [column]: `${'ä'.repeat(32)}a` }), `${name}-length`)
    assert.equal(fault({ [column]: 5 }), `${name}-not-string`)
    assert.equal(fault({ [column]: '\ud800' }), `${name}-surrogate`)
  }
})

test('each reason for rejection has its own code, and a text that begins with its subject', () => {
  const fields = 'event event_id user_id campaign_id event_type timestamp revenue'
  const known = new Set(`${fields} platform country device_type`.split(' '))
  const codes = REJECTION_REASONS.map(({ code }) => code)
  assert.equal(new Set(codes).size, codes.length)
  for (const code of codes) assert.ok(known.has(reasonText(code).split(':')[0] ?? ''), code)
})

test('the texts of reasons name the limits that are applied', () => {
  const limits = new Map<RejectionReason, number>([
    ['too-large', LIMITS.eventBytesMax],
    ['depth', LIMITS.depthMax],
    ['event-id-length', LIMITS.eventIdBytesMax],
    ['user-id-length', LIMITS.userIdBytesMax],
    ['campaign-id-length', LIMITS.campaignIdBytesMax],
    ['platform-length', LIMITS.optionalBytesMax],
    ['country-length', LIMITS.optionalBytesMax],
    ['device-type-length', LIMITS.optionalBytesMax],
  ])
  for (const [code, limit] of limits) assert.match(reasonText(code), new RegExp(`\\b${limit}\\b`))
})

function eventOf(fields: Readonly<Record<string, unknown>>): Uint8Array {
  const sound = { event_id: 'e', user_id: 'u', campaign_id: 'c', event_type: 'click' }
  return Buffer.from(JSON.stringify({ ...sound, ...fields }))
}
