/**
 * Revenues that are hard to round to millionths, and what each comes to: by hand, half away from
 * zero, from the shortest decimal form. Each dialect is held against them, and against random
 * doubles rounded by src/event.ts.
 */
import type { Random } from '../support/random.ts'

export const HARD_REVENUES: readonly (readonly [revenue: number, millionths: bigint])[] = [
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

/** Doubles of every size up to 1e9, and ties. */
export function randomRevenues(random: Random, count: number): readonly number[] {
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
