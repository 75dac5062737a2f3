/**
 * Which event ids were stored: a set of hashes, eight bytes each, since there may be many millions.
 * Two ids with one hash are as good as excluded: 2^24 ids meet one more with a chance of 2^-40.
 */
import { createHash } from 'node:crypto'

const SLOTS_MIN = 2 ** 16
/** 2 GB. */
const SLOTS_MAX = 2 ** 28
const EMPTY = 0n

export type IdSet = Readonly<{
  /** False once there is no room for more. */
  add(id: Uint8Array | string): boolean
  has(id: string): boolean
  size(): number
}>

export function newIdSet(): IdSet {
  let slots = new BigUint64Array(SLOTS_MIN)
  let size = 0

  function slotOf(hash: bigint): number {
    const mask = slots.length - 1
    let at = Number(hash & BigInt(mask))
    while (slots[at] !== EMPTY && slots[at] !== hash) at = (at + 1) & mask
    return at
  }

  function grow(): void {
    const before = slots
    slots = new BigUint64Array(before.length * 2)
    for (const hash of before) {
      if (hash !== EMPTY) slots[slotOf(hash)] = hash
    }
  }

  return {
    add(id) {
      if (size * 2 >= slots.length) {
        if (slots.length === SLOTS_MAX) return false
        grow()
      }
      const hash = hashOf(id)
      const at = slotOf(hash)
      if (slots[at] === EMPTY) size += 1
      slots[at] = hash
      return true
    },
    has: (id) => slots[slotOf(hashOf(id))] !== EMPTY,
    size: () => size,
  }
}

function hashOf(id: Uint8Array | string): bigint {
  const hash = createHash('sha256').update(id).digest().readBigUInt64LE(0)
  return hash === EMPTY ? 1n : hash
}
