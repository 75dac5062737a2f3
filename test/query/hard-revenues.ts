/**
 * Revenues that are hard to round to millionths, and what each comes to: by hand, half away from
 * zero, from the shortest decimal form. Each dialect is held against them, and against random
 * doubles rounded by src/event.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { revenueMillionths } from '../../src/event.ts'
import { openRandom, type Random } from '../support/random.ts'

const HARD_REVENUES: readonly (readonly [revenue: number, millionths: bigint])[] = [
  [0, 0n],
  [-0, 0n],
  [5e-7, 1n],
  [-5e-7, -1n],
  [4.999999999999999e-7, 0n],
  [1e-7, 0n],
  [5e-324, 0n],
  [1.7e-308, 0n],
  [1e-300, 0n],
  [1.0000005, 1_000_001n],
  [-2.5e-6, -3n],
  [0.1 + 0.2, 300_000n],
  [123456.7890125, 123_456_789_013n],
  [999999999.9999995, 1_000_000_000_000_000n],
  [999999999.9999994, 999_999_999_999_999n],
  [1e9, 1_000_000_000_000_000n],
  [-1e9, -1_000_000_000_000_000n],
]

/** What every dialect is held to; `roundedBySql` gives the millionths of each revenue. */
export function testRounding(
  roundedBySql: (revenues: readonly number[]) => Promise<readonly unknown[]>,
  { rounds, count }: Readonly<{ rounds: number; count: number }>,
): void {
  test('hard values round to millionths half away from zero, by their shortest form', async () => {
    assert.deepEqual(
      await roundedBySql(HARD_REVENUES.map(([revenue]) => revenue)),
      HARD_REVENUES.map(([, millionths]) => millionths),
    )
  })

  test('random doubles of every size, and random ties, round as in src/event.ts', async () => {
    const seed = Date.now() >>> 0
    const random = openRandom(seed)
    for (let round = 0; round < rounds; round++) {
      const revenues = randomRevenues(random, count)
      const rounded = await roundedBySql(revenues)
      for (const [index, revenue] of revenues.entries()) {
        assert.equal(rounded[index], revenueMillionths(revenue), `${revenue}, seed ${seed}`)
      }
    }
  })
}

/** Doubles of every size up to 1e9, and ties. */
function randomRevenues(random: Random, count: number): readonly number[] {
  const bits = new DataView(new ArrayBuffer(8))
  const anyDouble = (): number => {
    bits.setUint32(0, random.below(2 ** 32))
    bits.setUint32(4, random.below(2 ** 32))
    return bits.getFloat64(0)
  }
  const makers = [
    anyDouble,
    () => (random.next() - 0.5) * 2e9,
    () => Number((random.next() * 10 ** (random.next() * 17 - 8)).toFixed(7)),
    () => (random.below(2_000_000_000) * 10 + 5) / 1e7,
    () => random.next() * 1e-6,
  ]
  const revenues: number[] = []
  while (revenues.length < count) {
    const revenue = random.pick(makers)()
    if (Math.abs(revenue) <= 1e9) revenues.push(revenue)
  }
  return revenues
}
