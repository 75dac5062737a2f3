/**
 * Seeded random numbers (mulberry32), so that every generated input and every random kill can be
 * had again from the seed that a failing test prints.
 */
export type Random = Readonly<{
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  below(below: number): number
  pick<T>(values: readonly T[]): T
  chance(probability: number): boolean
  /** In place. */
  shuffle<T>(values: T[]): void
}>

export function openRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    pick: <T>(values: readonly T[]): T => {
      if (values.length === 0) throw new RangeError('pick from nothing')
      return values[below(values.length)] as T
    },
    chance: (probability) => next() < probability,
    shuffle: <T>(values: T[]): void => {
      for (let last = values.length - 1; last > 0; last--) {
        const other = below(last + 1)
        ;[values[last], values[other]] = [values[other] as T, values[last] as T]
      }
    },
  }
}
