import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import type { BodyForm } from '../../src/event.ts'
import { openRandom } from '../support/random.ts'
import { assertSame, type EngineUnderTest, openEngine } from './both-parsers.ts'
import { mutated, randomBody } from './random-bodies.ts'

const ARRIVAL_US = Date.UTC(2026, 10, 22, 19, 30) * 1000

let engine: EngineUnderTest

before(async () => {
  engine = await openEngine()
})

const forms = fc.constantFrom<BodyForm>('lines', 'array', 'object')
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })

/** Any JSON value, spelled with or without white space. */
const jsonTexts = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom<string | number>('', ' ', '\t', 1))
  .map(([value, space]) => JSON.stringify(value, null, space))

const ids = fc.oneof(fc.uuid(), fc.string({ unit: 'binary', minLength: 0, maxLength: 140 }))
const fieldValues = {
  event_id: ids,
  user_id: ids,
  campaign_id: ids,
  event_type: fc.constantFrom('impression', 'click', 'conversion', 'view'),
  timestamp: fc.oneof(
    fc
      .date({ min: new Date('1999-12-30'), max: new Date('2026-11-23'), noInvalidDate: true })
      .map((date) => date.toISOString()),
    fc.string(),
  ),
  revenue: fc.oneof(fc.double(), fc.float(), fc.integer(), fc.constant(null), fc.string()),
  platform: fc.option(fc.string({ unit: 'grapheme', maxLength: 40 })),
  country: fc.option(fc.string({ unit: 'binary', maxLength: 70 })),
  device_type: fc.option(fc.string({ unit: 'grapheme-composite' })),
  more: fc.jsonValue({ maxDepth: 3 }),
}

/** Events whose keys come in any order; some keys may be absent. */
const eventTexts = fc
  .tuple(
    fc.record(fieldValues, { requiredKeys: ['event_id', 'user_id', 'campaign_id', 'event_type'] }),
    fc.shuffledSubarray(Object.keys(fieldValues), { minLength: 8 }),
    fc.constantFrom<string | number>('', 1),
  )
  .map(([event, order, space]) => {
    const entries = order.map((key) => [key, event[key as keyof typeof event]] as const)
    const defined = entries.filter(([, value]) => value !== undefined)
    return JSON.stringify(Object.fromEntries(defined), null, space).replaceAll('\n', ' ')
  })

test('both parsers say the same of events with keys in any order and values of any kind', () => {
  const bodies = fc.array(eventTexts, { maxLength: 12 })
  fc.assert(
    fc.property(bodies, forms, (events, form) => {
      assertSame(engine, encode(joined(events, form)), form, ARRIVAL_US)
    }),
    { numRuns: 1500 },
  )
})

test('both parsers say the same of events with any JSON value in any field', () => {
  const keys = fc.constantFrom(...Object.keys(fieldValues))
  fc.assert(
    fc.property(eventTexts, keys, jsonTexts, forms, (event, key, value, form) => {
      const changed = `${event.slice(0, -1).trimEnd()},"${key}":${value}}`
      assertSame(engine, encode(joined([event, changed, event], form)), form, ARRIVAL_US)
    }),
    { numRuns: 1500 },
  )
})

test('both parsers say the same of events with any bytes changed', () => {
  fc.assert(
    fc.property(fc.array(eventTexts, { maxLength: 6 }), forms, seeds, (events, form, seed) => {
      const random = openRandom(seed)
      const body = mutated(random, encode(joined(events, form)), 1 + random.below(5))
      assertSame(engine, body, form, ARRIVAL_US)
    }),
    { numRuns: 2000 },
  )
})

test('both parsers say the same of any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), forms, (bytes, form) => {
      assertSame(engine, bytes, form, ARRIVAL_US)
    }),
    { numRuns: 2000 },
  )
})

test('both parsers say the same of any bytes inside a string, whatever is around them', () => {
  const fill = fc.constantFrom(0, 1, 13, 14, 15, 16, 31)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fill, fill, (bytes, ahead, behind) => {
      const parts = [encode(`{"x":"${'a'.repeat(ahead)}`), bytes, encode(`${'b'.repeat(behind)}"}`)]
      assertSame(engine, Buffer.concat(parts), 'object', ARRIVAL_US)
    }),
    { numRuns: 3000 },
  )
})

test('both parsers say the same of any number', () => {
  const digits = fc.stringMatching(/^-?[0-9]{1,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?$/)
  const numbers = fc.oneof(digits, fc.double({ noNaN: true }).map(String))
  const bodies = fc.array(numbers, { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(bodies, (texts) => {
      const lines = texts.map((text) => SOUND.replace('}', `,"revenue":${text}}`))
      assertSame(engine, encode(lines.join('\n')), 'lines', ARRIVAL_US)
    }),
    { numRuns: 2000 },
  )
})

test('both parsers say the same of whatever the fuzzer makes', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const { body, form } = randomBody(openRandom(seed), 8)
      assertSame(engine, body, form, ARRIVAL_US)
    }),
    { numRuns: 3000 },
  )
})

test('an event has one verdict, whatever its neighbours are', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const random = openRandom(seed)
      const { body } = randomBody(random, 4)
      const line = Buffer.from(body).toString('latin1').replaceAll('\n', ' ')
      const neighbours = Buffer.from(randomBody(random, 4).body).toString('latin1')
      const alone = outcomesOfLines(line)
      const among = outcomesOfLines(`${neighbours}\n${line}\n${neighbours}`)
      const [verdict] = alone
      if (verdict === undefined) return
      assert.ok(among.some((other) => JSON.stringify(other) === JSON.stringify(verdict)))
    }),
    { numRuns: 1000 },
  )
})

const SOUND =
  '{"event_id":"e","user_id":"u","campaign_id":"c","event_type":"click",' +
  '"timestamp":"2026-01-01T00:00:00Z"}'

function outcomesOfLines(text: string): readonly unknown[] {
  const all = engine.parse(Buffer.from(text, 'latin1'), 'lines', ARRIVAL_US)
  assert.ok(!('unsplittable' in all))
  return all.map(({ verdict }) =>
    typeof verdict === 'string' ? verdict : { ...verdict, millionths: String(verdict.millionths) },
  )
}

function joined(events: readonly string[], form: BodyForm): string {
  if (form === 'array') return `[${events.join(',')}]`
  return form === 'lines' ? events.join('\n') : (events[0] ?? '')
}

function encode(text: string): Buffer {
  return Buffer.from(text)
}
