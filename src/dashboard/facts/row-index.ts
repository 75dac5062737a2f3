/**
 * Finds the row of a step and campaign in a table: open addressing over row numbers, four bytes a slot. Built only for
 * pieces that gain something after they were loaded, which are few at any time.
 */
import type { SumsTable } from './sums-table.ts'

const SLOTS_MIN = 64
/** Slots for each row at least, so that probes stay short. */
const SLOTS_PER_ROW = 2

export class RowIndex {
  readonly #table: SumsTable
  /** Row + 1; 0 is an empty slot. */
  #slots = new Int32Array(0)

  constructor(table: SumsTable) {
    this.#table = table
    this.#rebuild()
  }

  /** The row of a step and campaign, appended where there is none yet. */
  findOrAppend(startUs: number, code: number): number {
    const slot = this.#slotOf(startUs, code)
    const found = this.#slots[slot] ?? 0
    if (found > 0) return found - 1
    const row = this.#table.append(startUs, code)
    this.#slots[slot] = row + 1
    if (this.#table.rows * SLOTS_PER_ROW > this.#slots.length) this.#rebuild()
    return row
  }

  #rebuild(): void {
    const { rows, starts, codes } = this.#table
    let length = SLOTS_MIN
    while (length < rows * SLOTS_PER_ROW * 2) length *= 2
    this.#slots = new Int32Array(length)
    for (let row = 0; row < rows; row++) {
      this.#slots[this.#slotOf(starts[row] ?? 0, codes[row] ?? 0)] = row + 1
    }
  }

  /** The slot that holds the row, or the empty one where it belongs. */
  #slotOf(startUs: number, code: number): number {
    const { starts, codes } = this.#table
    const mask = this.#slots.length - 1
    let slot = hashOf(startUs, code) & mask
    for (;;) {
      const row = (this.#slots[slot] ?? 0) - 1
      if (row < 0 || (starts[row] === startUs && codes[row] === code)) return slot
      slot = (slot + 1) & mask
    }
  }
}

/** Starts are whole seconds, codes small and dense: both are spread over all bits. */
function hashOf(startUs: number, code: number): number {
  const seconds = Math.floor(startUs / 1_000_000) | 0
  let hash = Math.imul(seconds, 0x9e3779b1) ^ Math.imul(code + 1, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
