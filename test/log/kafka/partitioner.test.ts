/**
 * The id of each line, however the event is written (JSON.parse is the model), and the partition it
 * chooses: that of every default producer. The numbers are what Kafka's Java client (4.4.0) gives.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2 as clientMurmur2 } from '@platformatic/kafka'
import fc from 'fast-check'
import { murmur2, partitionOf, visitLines } from '../../../src/log/kafka/partitioner.ts'
import { openRandom } from '../../support/random.ts'

/** Utils.murmur2, and Utils.toPositive of it modulo 12. */
const JAVA: readonly (readonly [key: string, hash: number, partition: number])[] = [
  ['', 275646681, 9],
  ['a', -1563381124, 4],
  ['ab', 316155434, 2],
  ['abc', 479470107, 3],
  ['abcd', -1323649548, 8],
  ['21', -973932308, 0],
  ['foobar', -790332482, 6],
  ['a-little-bit-long-string', -985981536, 8],
  ['a-little-bit-longer-string', -1486304829, 11],
  ['é-1', 1694741599, 7],
  ['00000000-0000-4000-8000-000000000000', -1337040123, 5],
]

test('keys hash and are placed as by the Java client', () => {
  for (const [key, hash, partition] of JAVA) {
    const bytes = Buffer.from(`<${key}>`)
    assert.equal(murmur2(bytes, 1, bytes.length - 1), hash, key)
    assert.equal(partitionOf(bytes, 1, bytes.length - 1, 12), partition, key)
  }
})

test('any bytes hash as by the JavaScript client', () => {
  const random = openRandom(22)
  for (let length = 0; length < 300; length += 1) {
    const bytes = Buffer.from(Array.from({ length }, () => random.below(256)))
    assert.equal(murmur2(bytes, 0, length), clientMurmur2(bytes))
  }
})

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
