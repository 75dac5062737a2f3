import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import fc from 'fast-check'
import { boundsOf } from '../../src/table/bounds.ts'
import { EVENTS_SCHEMA, type Field, fieldNamed } from '../../src/table/schema.ts'

const eventId = fieldNamed(EVENTS_SCHEMA, 'event_id')
const campaignId = fieldNamed(EVENTS_SCHEMA, 'campaign_id')
const revenue = fieldNamed(EVENTS_SCHEMA, 'revenue')

function textBounds(field: Field, min: string, max: string): (string | null)[] {
  const { lower, upper } = boundsOf(field, Buffer.from(min), Buffer.from(max))
  return [lower, upper].map((bytes) => (bytes === null ? null : Buffer.from(bytes).toString()))
}

test('bounds of campaigns are whole, those of ids have 16 characters, the upper one raised', () => {
  const long = 'abcdefghijklmnopqrstuvwxyz'
  assert.deepEqual(textBounds(campaignId, long, long), [long, long])
  assert.deepEqual(textBounds(eventId, long, long), ['abcdefghijklmnop', 'abcdefghijklmnoq'])
  assert.deepEqual(textBounds(eventId, 'abcdefghijklmnop', 'z'), ['abcdefghijklmnop', 'z'])
})

test('raising skips surrogates, carries past the last character, gives up at the very top', () => {
  const fill = 'x'.repeat(15)
  const last = '\u{10ffff}'
  assert.deepEqual(textBounds(eventId, 'a', `${fill}\ud7ffz`), ['a', `${fill}\ue000`])
  assert.deepEqual(textBounds(eventId, 'a', `${fill}${last}z`), ['a', `${'x'.repeat(14)}y`])
  assert.deepEqual(textBounds(eventId, 'a', last.repeat(17)), ['a', null])
})

test('whatever the text, cut bounds are valid UTF-8 and enclose it', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(text, (value) => {
      fc.pre(value.isWellFormed())
      const bytes = Buffer.from(value)
      const { lower, upper } = boundsOf(eventId, bytes, bytes)
      assert(lower !== null && Buffer.compare(lower, bytes) <= 0)
      assert(upper === null || Buffer.compare(upper, bytes) >= 0)
      new TextDecoder('utf-8', { fatal: true }).decode(lower)
      if (upper !== null) new TextDecoder('utf-8', { fatal: true }).decode(upper)
    }),
  )
})

test('a zero is between both zeros, and a NaN makes no bounds', () => {
  const bytes = (value: number) => Buffer.from(new Float64Array([value]).buffer)
  const zero = boundsOf(revenue, bytes(0), bytes(-0))
  assert(Object.is(Buffer.from(zero.lower!).readDoubleLE(), -0))
  assert(Object.is(Buffer.from(zero.upper!).readDoubleLE(), 0))
  assert.deepEqual(boundsOf(revenue, bytes(Number.NaN), bytes(1)), { lower: null, upper: null })
  assert.deepEqual(boundsOf(revenue, null, null), { lower: null, upper: null })
})
