import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { type Inspection, type Inspector, openInspector } from '../../src/engine.ts'
import type { BodyForm } from '../../src/event.ts'
import { eventWith } from '../golden/json/whole-events.ts'
import { openRandom } from '../support/random.ts'
import { assertSameInspection } from './both-parsers.ts'
import { randomBody } from './random-bodies.ts'

const ARRIVAL_US = Date.UTC(2026, 10, 22, 19, 30) * 1000
const GOOD = eventWith('')

let inspector: Inspector

before(async () => {
  inspector = await openInspector()
})

function inspect(body: string, form: BodyForm): Inspection & { text: string } {
  const inspection = inspector.inspect([Buffer.from(body)], form, ARRIVAL_US)
  assert.ok(!('unsplittable' in inspection))
  return { ...inspection, text: Buffer.concat(inspection.lines).toString() }
}

test('accepted events come as lines, the rejected ones with their place in the body', () => {
  const body = `[${GOOD}, {"event_id":5} ,7,\n${GOOD}]`
  const { count, rejected, text } = inspect(body, 'array')
  assert.equal(count, 4)
  assert.equal(text, `${GOOD}\n${GOOD}\n`)
  assert.deepEqual(
    rejected.map(({ index, reason, start, end }) => [index, reason, body.slice(start, end)]),
    [
      [1, 'event-id-not-string', '{"event_id":5}'],
      [2, 'not-object', '7'],
    ],
  )
})

test('the body itself is given, uncopied, when it is nothing but accepted lines', () => {
  const text = Buffer.from(`${GOOD}\n`.repeat(3000))
  const body = [text.subarray(0, 1000), text.subarray(1000)]
  const inspection = inspector.inspect(body, 'lines', ARRIVAL_US)
  assert.ok('lines' in inspection)
  assert.ok(inspection.lines === body)
  assert.equal(inspection.count, 3000)
})

test('blank lines, white space, a bad line or no last feed make the inspector copy lines', () => {
  const wanted = `${GOOD}\n${GOOD}\n`
  for (const body of [
    `${GOOD}\n\n${GOOD}\n`,
    `${GOOD}\r\n${GOOD}\r\n`,
    ` ${GOOD} \n${GOOD}\n`,
    `${GOOD}\n${GOOD}`,
    `${GOOD}\n${GOOD} `,
    `${GOOD}\nbad\n${GOOD}\n`,
  ]) {
    assert.equal(inspect(body, 'lines').text, wanted, JSON.stringify(body))
  }
})

test('line feeds and carriage returns between tokens become spaces', () => {
  const pretty = JSON.stringify(JSON.parse(GOOD), null, 2).replaceAll('\n', '\r\n')
  const flat = `${pretty.replaceAll(/[\r\n]/g, ' ')}\n`
  assert.equal(inspect(pretty, 'object').text, flat)
  assert.equal(inspect(`${pretty}\n`, 'object').text, flat)
  assert.equal(inspect(`[${pretty},${pretty}]`, 'array').text, flat + flat)
  assert.equal(
    inspect(`${GOOD.replace(',', ',\r')}\n`, 'lines').text,
    `${GOOD.replace(',', ', ')}\n`,
  )
})

test('line feeds become spaces also in spacing learned before and forgotten midway', async () => {
  const fresh = await openInspector()
  const pretty = JSON.stringify(JSON.parse(GOOD), null, 2)
  const junk = Array.from({ length: 1023 }, (_, event) => {
    const keys = Array.from({ length: 70 }, (_, key) => `"k${event}_${key}":1`)
    return eventWith(keys.join(','))
  })
  for (const events of [
    [pretty, pretty],
    [pretty, ...junk],
  ]) {
    const body = Buffer.from(`[${events.join(',')}]`)
    const inspection = fresh.inspect([body], 'array', ARRIVAL_US)
    assert.ok('lines' in inspection)
    assert.equal(
      Buffer.concat(inspection.lines).filter((byte) => byte === 0x0a).length,
      events.length,
    )
  }
})

test('the inspector says why a body cannot be split, and goes on with the next one', () => {
  const body = [Buffer.from(`[${GOOD},`)]
  assert.deepEqual(inspector.inspect(body, 'array', ARRIVAL_US), { unsplittable: 'unclosed' })
  assert.equal(inspect(GOOD, 'object').count, 1)
  assert.equal(inspect('', 'lines').count, 0)
  assert.equal(inspect('[]', 'array').text, '')
})

test('for any body in any chunks the verdicts and lines are the reference parser’s', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const random = openRandom(seed)
      const { body, form } = randomBody(random, random.chance(0.02) ? 1200 : 8)
      const chunks: Uint8Array[] = []
      for (let at = 0; at < body.length; ) {
        const end = at + random.below(random.chance(0.5) ? 20 : body.length + 1)
        chunks.push(body.subarray(at, end))
        at = end
      }
      assertSameInspection(inspector, chunks, form, ARRIVAL_US)
    }),
    { numRuns: 600 },
  )
})

test('a body of more events than a sound one can hold is refused, and they are not listed', () => {
  const lines = 'x\n'.repeat(200_000)
  assert.equal(inspect(lines, 'lines').rejected.length, 200_000)
  const refusal = { unsplittable: 'too-many' }
  assert.deepEqual(inspector.inspect([Buffer.from(`${lines}x`)], 'lines', ARRIVAL_US), refusal)
  const elements = Buffer.from(`[${'0,'.repeat(200_000)}0]`)
  assert.deepEqual(inspector.inspect([elements], 'array', ARRIVAL_US), refusal)
  assertSameInspection(inspector, [elements], 'array', ARRIVAL_US)
  const unclosed = [Buffer.from(`[${'0,'.repeat(200_000)}0`)]
  assert.deepEqual(inspector.inspect(unclosed, 'array', ARRIVAL_US), { unsplittable: 'unclosed' })
})

test('the inspector takes 16 MiB, as one event or as many, without growing by each body', () => {
  const many = Buffer.from(
    `${GOOD}\n`.repeat(Math.floor(inspector.bodyBytesMax / (GOOD.length + 1))),
  )
  const one = Buffer.from(`{"x":"${'a'.repeat(inspector.bodyBytesMax - 8)}"}`)
  assert.equal(one.length, inspector.bodyBytesMax)
  for (let round = 0; round < 2; round++) {
    const inspection = inspector.inspect([many], 'lines', ARRIVAL_US)
    assert.ok('lines' in inspection && inspection.rejected.length === 0)
    const large = inspector.inspect([one], 'object', ARRIVAL_US)
    assert.ok('lines' in large)
    assert.deepEqual(large.rejected, [{ index: 0, reason: 'too-large', start: 0, end: one.length }])
  }
  const above = [one, Buffer.from(' ')]
  assert.throws(() => inspector.inspect(above, 'object', ARRIVAL_US), /before the engine/)
})
