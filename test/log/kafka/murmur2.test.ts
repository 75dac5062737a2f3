/** A key's partition is that of every default producer. The numbers are what Kafka's Java client (4.4.0) gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2 as clientMurmur2 } from '@platformatic/kafka'
import { murmur2, partitionOf } from '../../../src/log/kafka/partitioner.ts'
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
