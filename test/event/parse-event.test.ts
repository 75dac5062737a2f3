import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  LIMITS,
  OPTIONAL_COLUMNS,
  parseEvent,
  REJECTION_REASONS,
  type RejectionReason,
  reasonText,
  revenueMillionths,
} from '../../src/event.ts'
import type { JsonCase } from '../golden/json/case.ts'
import { NUMBERS } from '../golden/json/numbers.ts'
import { STRINGS } from '../golden/json/strings.ts'
import { STRUCTURE } from '../golden/json/structure.ts'
import { UTF8 } from '../golden/json/utf8.ts'
import { ARRIVAL_US, REVENUES, TIMESTAMPS } from '../golden/json/values.ts'
import { eventWith, FIELD_FAULTS, WHOLE_EVENTS } from '../golden/json/whole-events.ts'

function verdictOf(bytes: string): string {
  const event = parseEvent(Buffer.from(bytes, 'latin1'), ARRIVAL_US)
  return 'reason' in event ? event.reason : 'accepted'
}

function claimAll(title: string, cases: readonly JsonCase[], event: (bytes: string) => string) {
  describe(title, () => {
    for (const { rule, name, bytes, verdict } of cases) {
      it(`${rule}: ${name}`, () => assert.equal(verdictOf(event(bytes)), verdict))
    }
  })
}

const asValue = (bytes: string) => eventWith(`"x":${bytes}`)

claimAll('numbers of RFC 8259', NUMBERS, asValue)
claimAll('strings of RFC 8259', STRINGS, asValue)
claimAll('structure of RFC 8259', STRUCTURE, asValue)
claimAll('bytes of RFC 3629', UTF8, asValue)
claimAll('events as a whole', WHOLE_EVENTS, (bytes) => bytes)
claimAll('faults of fields', FIELD_FAULTS, (bytes) => bytes)

describe('the reference parser', () => {
  it('reads every timestamp as counted by hand', () => {
    for (const [text, expected] of TIMESTAMPS) {
      const event = parseEvent(eventOf({ timestamp: text }), ARRIVAL_US)
      assert.equal('reason' in event ? event.reason : event.timestampUs, expected, text)
    }
  })

  it('reads every revenue to the nearest double and to millionths of its shortest form', () => {
    for (const [text, revenue, millionths] of REVENUES) {
      const event = parseEvent(Buffer.from(eventWith(`"revenue":${text}`)), ARRIVAL_US)
      assert.ok(!('reason' in event), text)
      assert.ok(Object.is(event.revenue, revenue), `${text} is ${event.revenue}`)
      assert.equal(revenueMillionths(event.revenue), millionths, text)
    }
  })

  it('gives null for absent optional fields and 0 for absent revenue', () => {
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

  it('names the first fault in the order of the fields, whatever the order in the text', () => {
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
})

describe('the columns that an event may leave out', () => {
  const fault = (fields: Readonly<Record<string, unknown>>): string | null => {
    const parsed = parseEvent(eventOf({ timestamp: '2026-01-01T00:00:00Z', ...fields }), ARRIVAL_US)
    return 'reason' in parsed ? parsed.reason : null
  }

  it('may be absent or null, and hold text of 64 bytes at most', () => {
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
})

describe('the reasons for rejection', () => {
  it('have codes of their own, and texts that begin with a field or the event', () => {
    const fields = 'event event_id user_id campaign_id event_type timestamp revenue'
    const known = new Set(`${fields} platform country device_type`.split(' '))
    const codes = REJECTION_REASONS.map(({ code }) => code)
    assert.equal(new Set(codes).size, codes.length)
    for (const code of codes) assert.ok(known.has(reasonText(code).split(':')[0] ?? ''), code)
  })
})

it('the texts of reasons name the limits that are applied', () => {
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
  for (const [code, limit] of limits) {
    assert.match(reasonText(code), new RegExp(`\\b${limit}\\b`))
  }
})

function eventOf(fields: Readonly<Record<string, unknown>>): Uint8Array {
  const sound = { event_id: 'e', user_id: 'u', campaign_id: 'c', event_type: 'click' }
  return Buffer.from(JSON.stringify({ ...sound, ...fields }))
}
