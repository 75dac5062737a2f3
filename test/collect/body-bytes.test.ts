/**
 * A body takes memory in proportion to what it holds, however it is cut, and all of that memory is
 * charged; byte ranges cut out of it are those of the joined body.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSlicer, openBodyBytes } from '../../src/collect/body-bytes.ts'

const KIB = 1024

/** A budget that counts. */
function openBudget(bytesMax = Number.POSITIVE_INFINITY) {
  const budget = {
    taken: 0,
    take(bytes: number): boolean {
      if (budget.taken + bytes > bytesMax) return false
      budget.taken += bytes
      return true
    },
    release(bytes: number): void {
      budget.taken -= bytes
    },
  }
  return budget
}

/** Buffers of their own, as the HTTP parser makes them. */
function partsOf(sizes: readonly number[]): Buffer[] {
  let next = 0
  return sizes.map((size) => {
    const part = Buffer.allocUnsafeSlow(size)
    for (let at = 0; at < size; at++) part[at] = next++ % 251
    return part
  })
}

/** All memory behind the pieces, each buffer once. */
function memoryOf(pieces: readonly Uint8Array[]): number {
  const buffers = new Set(pieces.map(({ buffer }) => buffer))
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
}

const sizes = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 2000 }),
    fc.integer({ min: 1, max: 100 * KIB }),
  ),
  { maxLength: 200 },
)

test('the bytes of a body come out as they came in, whatever the parts', () => {
  fc.assert(
    fc.property(sizes, (all) => {
      const parts = partsOf(all)
      const body = openBodyBytes(openBudget())
      for (const part of parts) assert.equal(body.add(part), true)
      assert.deepEqual(Buffer.concat(body.pieces()), Buffer.concat(parts))
    }),
  )
})

test('a body is charged for all the memory behind it: at most twice its bytes and a little', () => {
  fc.assert(
    fc.property(sizes, (all) => {
      const budget = openBudget()
      const body = openBodyBytes(budget)
      for (const part of partsOf(all)) body.add(part)
      const bytes = all.reduce((sum, size) => sum + size, 0)
      assert.equal(body.bytes, bytes)
      assert.equal(body.heldBytes, budget.taken)
      assert.ok(memoryOf(body.pieces()) <= budget.taken)
      assert.ok(budget.taken <= 2 * bytes + 2 * KIB, `${budget.taken} for ${bytes}`)
    }),
  )
})

test('the bytes of a body lie in few pieces, also when they come one by one', () => {
  const body = openBodyBytes(openBudget())
  const one = Buffer.allocUnsafeSlow(1)
  for (let at = 0; at < 1024 * KIB; at++) body.add(one)
  assert.equal(body.bytes, 1024 * KIB)
  assert.ok(body.pieces().length < 40, `${body.pieces().length} pieces`)
})

test('the bytes of a body that are a corner of a large buffer do not keep the buffer', () => {
  const body = openBodyBytes(openBudget())
  for (let at = 0; at < 100; at++) body.add(Buffer.alloc(64 * KIB).subarray(0, 50))
  assert.ok(memoryOf(body.pieces()) <= 2 * 100 * 50 + 2 * KIB)
})

test('the bytes of a body are refused before memory is taken that the budget does not have', () => {
  const budget = openBudget(100 * KIB)
  const body = openBodyBytes(budget)
  const part = Buffer.allocUnsafeSlow(10)
  while (body.add(part));
  assert.ok(budget.taken <= 100 * KIB)
  assert.ok(body.bytes > 30 * KIB)
  assert.equal(Buffer.concat(body.pieces()).length, body.bytes)
})

test('rising ranges of a body in chunks are the ranges of the body in one piece', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 12 })
  const cuts = fc.array(fc.nat(120), { maxLength: 20 })
  fc.assert(
    fc.property(chunks, cuts, (parts, at) => {
      const body = Buffer.concat(parts)
      const places = at.filter((place) => place <= body.length).sort((a, b) => a - b)
      const slice = createSlicer(parts)
      for (let index = 0; index + 1 < places.length; index += 2) {
        const [start = 0, end = 0] = places.slice(index, index + 2)
        assert.deepEqual(Buffer.from(slice(start, end)), body.subarray(start, end))
      }
    }),
  )
})
