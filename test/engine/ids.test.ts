/** The set of ids against JavaScript's own Set, through every way of growing and being full. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadIdSets } from '../../src/engine.ts'

const MIB = 1 << 20

const openIdSet = await loadIdSets()

/**
 * 16 pseudo-random bytes for each number from `first` on: a 128-bit multiplication, and its halves
 * mixed.
 */
function hashesOf(numbers: readonly number[]): Uint8Array {
  const words = new BigUint64Array(numbers.length * 2)
  for (const [i, number] of numbers.entries()) {
    const product = (BigInt(number) + 1n) * 0x9e3779b97f4a7c15f39cc0605cedc835n
    words[i * 2] = BigInt.asUintN(64, product >> 61n) * 0xd1342543de82ef95n
    words[i * 2 + 1] = BigInt.asUintN(64, product >> 64n) * 0xaf251af3b0f025b5n
  }
  return new Uint8Array(words.buffer)
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

test('a million inserts and lookups agree with Set, repeats within a call included', async () => {
  const set = openIdSet({ bytesMax: 256 * MIB })
  const model = new Set<number>()
  let state = 1
  for (let call = 0; call < 200; call++) {
    const rows = 1 + ((call * 977) % 9_000)
    const numbers = range(0, rows).map(() => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state % 700_000
    })
    const hashes = hashesOf(numbers)
    const skipped = Uint8Array.from(numbers, (number) => Number(number % 11 === 0))
    const mask = skipped.slice()
    set.markPresent(hashes, rows, mask)
    assert.deepEqual(
      mask,
      Uint8Array.from(numbers, (number, i) => skipped[i] || Number(model.has(number))),
    )
    const inserted = skipped.slice()
    assert.equal(set.insertNew(hashes, rows, inserted), rows)
    const expected = numbers.map((number, i) => {
      if (skipped[i] === 1) return 1
      const known = Number(model.has(number))
      model.add(number)
      return known
    })
    assert.deepEqual(inserted, Uint8Array.from(expected))
  }
  assert.equal(set.size, model.size)
  assert.equal(set.full, false)
})

test('of a million ids none is lost, none is invented, and each takes 20 to 40 bytes', async () => {
  const set = openIdSet({ bytesMax: 256 * MIB })
  const count = 1_000_000
  const step = 50_000
  for (let first = 0; first < count; first += step) {
    const mask = new Uint8Array(step)
    assert.equal(set.insertNew(hashesOf(range(first, step)), step, mask), step)
    assert.ok(mask.every((known) => known === 0))
  }
  assert.equal(set.size, count)
  assert.ok(set.bytes > 20 * count && set.bytes < 40 * count, `${set.bytes}`)
  for (let first = 0; first < 2 * count; first += step) {
    const mask = new Uint8Array(step)
    set.markPresent(hashesOf(range(first, step)), step, mask)
    assert.ok(mask.every((known) => known === Number(first < count)))
  }
})

test('a full set takes what it can, says where it stopped, and loses nothing it has', async () => {
  const set = openIdSet({ bytesMax: MIB })
  const rows = 100_000
  const hashes = hashesOf(range(0, rows))
  const mask = new Uint8Array(rows)
  const done = set.insertNew(hashes, rows, mask)
  assert.equal(set.full, true)
  assert.equal(set.size, done)
  assert.ok(done > 25_000 && done < 65_536, `${done}`)
  assert.ok(set.bytes <= MIB)
  assert.ok(mask.every((known) => known === 0))

  const present = new Uint8Array(rows)
  set.markPresent(hashes, rows, present)
  assert.equal(present.indexOf(0), done)
  assert.equal(present.lastIndexOf(1), done - 1)

  const next = openIdSet({ bytesMax: 16 * MIB })
  const rest = present.subarray(done)
  assert.equal(next.insertNew(hashes.subarray(done * 16), rows - done, rest), rows - done)
  assert.equal(next.size, rows - done)
})

test('the set refuses a limit below which not even one page fits', async () => {
  assert.throws(() => openIdSet({ bytesMax: 1_000 }), { code: 'id-set-too-small' })
})

test('ids that differ in one bit only are different, the id 0 is one like any other', async () => {
  const set = openIdSet({ bytesMax: MIB })
  const hashes = new Uint8Array(16 * 129)
  for (let bit = 0; bit < 128; bit++) hashes[(bit + 1) * 16 + (bit >> 3)] = 1 << (bit & 7)
  const mask = new Uint8Array(129)
  set.insertNew(hashes, 129, mask)
  // The one id that shares its place with 0 is 2^64: a matter of 2^-128 for keyed hashes.
  const expected = new Uint8Array(129)
  expected[65] = 1
  assert.deepEqual(mask, expected)
  assert.equal(set.size, 128)
})

test('a dropped set gives its memory back', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const openSet = await loadIdSets()
  const rows = 20_000
  const hashes = hashesOf(range(0, rows))
  let collected = 0
  const registry = new FinalizationRegistry(() => collected++)
  const sets = 200
  for (let i = 0; i < sets; i++) {
    const set = openSet({ bytesMax: 16 * MIB })
    set.insertNew(hashes, rows, new Uint8Array(rows))
    registry.register(set, i)
  }
  for (let round = 0; round < 10 && collected < sets - 2; round++) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(collected >= sets - 2, `${collected} of ${sets}`)
  // 200 sets of a MiB were filled; what is still held is far less.
  assert.ok(process.memoryUsage().arrayBuffers < 100 * MIB)
})
