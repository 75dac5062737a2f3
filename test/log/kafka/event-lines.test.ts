/** The id of each line, however the event is written: JSON.parse is the model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { visitLines } from '../../../src/log/kafka/partitioner.ts'

type Visited = Readonly<{ line: string; id: string }>

function visited(lines: readonly string[]): Visited[] {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  const found: Visited[] = []
  visitLines(bytes, (start, end, key, idStart, idEnd) => {
    found.push({
      line: bytes.toString('utf8', start, end),
      id: key.toString('utf8', idStart, idEnd),
    })
  })
  return found
}

function modelled(lines: readonly string[]): Visited[] {
  return lines.map((line) => ({ line, id: JSON.parse(line).event_id }))
}

const HARD: readonly string[] = [
  '{"event_id":"plain","user_id":"u"}',
  '{"user_id":"event_id","event_id":"as a value, too"}',
  '{ "user_id" : "u" , "event_id" : "spaced" }',
  '{"event_id":"first","event_id":"last wins"}',
  '{"context":{"event_id":"nested"},"event_id":"outer"}',
  '{"event_id":"outer","context":{"event_id":"nested"}}',
  '{"context":"\\"event_id\\"","event_id":"in an escape"}',
  '{"event\\u005fid":"escaped key"}',
  '{"event_id":"literal","event\\u005fid":"escaped key wins"}',
  '{"event_id":"quote \\" inside"}',
  '{"event_id":"é\\u00e9\\ud83d\\ude00"}',
  '{"event_id":"","user_id":"empty"}',
  '{"__proto__":{"event_id":"no"},"event_id":"yes"}',
]

test('hard lines have their ids, alone and among others', () => {
  for (const line of HARD) assert.deepEqual(visited([line]), modelled([line]))
  assert.deepEqual(visited(HARD), modelled(HARD))
  assert.deepEqual(visited(HARD.toReversed()), modelled(HARD.toReversed()))
})

test('any event has the id that JSON.parse finds', () => {
  const name = fc.constantFrom('event_id', 'user_id', 'a', '"event_id"', 'event\\u005fid')
  const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('event_id', '"event_id"'))
  const line = fc
    .tuple(fc.array(fc.tuple(name, value), { maxLength: 5 }), value, fc.boolean())
    .map(([fields, id, spaced]) => {
      const parts = [...fields, ['event_id', id] as const].map(
        ([key, one]) =>
          `${key.includes('\\') ? `"${key}"` : JSON.stringify(key)}:${JSON.stringify(one)}`,
      )
      return spaced ? `{ ${parts.join(' , ')} }` : `{${parts.join(',')}}`
    })
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
      assert.deepEqual(visited(lines), modelled(lines))
    }),
    { numRuns: 2_000, seed: 5 },
  )
})
