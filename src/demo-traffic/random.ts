/**
 * A seeded stream of random numbers (sfc32 of PractRand): quick, small, the same on every machine.
 */

export type Random = {
  /** A whole number from 0 to 2³²-1. */
  bits(): number
  /** A number from 0 up to, not including, 1. */
  share(): number
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number
}

const WARM_UP = 16

export function openRandom(seed: number): Random {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = 0x9e3779b9 | 0
  let counter = 1
  const bits = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let round = 0; round < WARM_UP; round++) bits()
  const share = (): number => bits() / 2 ** 32
  return { bits, share, below: (limit) => Math.floor(share() * limit) }
}
