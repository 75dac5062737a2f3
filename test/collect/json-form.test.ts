/**
 * What `application/json` is taken for: never several events for one. Held against JSON.parse and
 * against lines that were broken on purpose.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonForm, skipBlanks } from '../../src/collect/json-form.ts'

const formOf = (body: string, cuts: readonly number[] = []): string => {
  const bytes = Buffer.from(body)
  const places = [0, ...cuts.filter((cut) => cut < bytes.length), bytes.length]
  const chunks = places
    .sort((a, b) => a - b)
    .map((start, index, all) => bytes.subarray(start, all[index + 1] ?? bytes.length))
  return jsonForm(chunks, skipBlanks(chunks, 0)?.at ?? 0)
}

for (const [body, form] of [
  ['{}', 'object'],
  [' {} \n\n', 'object'],
  ['{\n}', 'object'],
  ['{"a":[{"b":[]},{}]}', 'object'],
  ['{"a}{":"]\\"{"}', 'object'],
  ['{"a" 1}', 'object'],
  ['{\n"a" 1\n}', 'object'],
  ['{"a":1', 'object'],
  ['{"a":1\n', 'object'],
  ['{"a', 'object'],
  ['nonsense', 'object'],
  ['5', 'object'],
  ['{}\n{}', 'lines'],
  ['{}\r\n \n{}\n', 'lines'],
  ['{}\nnonsense', 'lines'],
  ['nonsense\n{}', 'lines'],
  ['null\n', 'object'],
  ['{}{}', 'body-unsplittable'],
  ['{} {}', 'body-unsplittable'],
  ['{} x', 'body-unsplittable'],
  ['{},\n{}', 'body-unsplittable'],
  ['{\n}\n{}', 'body-unsplittable'],
  ['{"a":1\n{}', 'body-unsplittable'],
  ['{"a":1,\n{}}', 'body-unsplittable'],
  ['{"a":"x\n"}', 'body-unsplittable'],
  ['{"a":"x\\\n{"}', 'body-unsplittable'],
  ['{"a":[1}\n{"b":2]}', 'body-unsplittable'],
] as const) {
  test(`${JSON.stringify(body)} is ${form}`, () => assert.equal(formOf(body), form))
}

test('a body longer than an event may be is judged by its lines only', () => {
  const long = `{"a":"${'x'.repeat(40_000)}"}`
  assert.equal(formOf(long), 'object')
  assert.equal(formOf(`${long}\n{}`), 'body-unsplittable')
})

test('an object nested deeper than an event may be is one bad event on one line', () => {
  const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  assert.equal(formOf(deep(10_000)), 'object')
  assert.equal(formOf(`${deep(64)}\n{}`), 'lines')
  assert.equal(formOf(`${deep(65)}\n{}`), 'body-unsplittable')
})

const anyEvent = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 3 }), {
  maxKeys: 4,
})

test('one object is one event, however it is laid out and wherever its chunks end', () => {
  const cuts = fc.array(fc.nat(200), { maxLength: 5 })
  const layout = fc.constantFrom('', ' ', '  ', '\t')
  fc.assert(
    fc.property(anyEvent, layout, cuts, (event, indent, at) => {
      assert.equal(formOf(JSON.stringify(event, null, indent), at), 'object')
    }),
  )
})

test('several events, one a line, are lines', () => {
  const several = fc.array(anyEvent, { minLength: 2, maxLength: 5 })
  const feed = fc.constantFrom('\n', '\r\n', '\n\n', ' \n\t')
  fc.assert(
    fc.property(several, feed, (events, end) => {
      const body = events.map((event) => JSON.stringify(event)).join(end)
      assert.equal(formOf(body), 'lines')
    }),
  )
})

test('several events of which any was damaged are never taken for one', () => {
  const several = fc.array(anyEvent, { minLength: 2, maxLength: 5 })
  const damage = fc.array(
    fc.record({
      line: fc.nat(4),
      at: fc.nat(40),
      remove: fc.nat(40),
      insert: fc.constantFrom('', '{', '}', '[', ']', '"', ',', ':', '\\'),
    }),
    { minLength: 1, maxLength: 3 },
  )
  fc.assert(
    fc.property(several, several, damage, (damaged, sound, faults) => {
      const lines = damaged.map((event) => JSON.stringify(event))
      for (const { line, at, remove, insert } of faults) {
        const old = lines[line % lines.length] ?? ''
        lines[line % lines.length] = old.slice(0, at) + insert + old.slice(at + remove)
      }
      const body = [...lines, ...sound.map((event) => JSON.stringify(event))].join('\n')
      fc.pre(!body.startsWith('['))
      assert.notEqual(formOf(body), 'object', body)
    }),
    { numRuns: 5000 },
  )
})
