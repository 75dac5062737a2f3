/**
 * Where the log ends, in memory that all threads share. The writer stores, readers load and wait.
 * Only `end` is a promise: frames below it are on disk.
 *
 *  slot  0  i64  end             offset after the last durable line
 *        1  i64  start           first offset still there
 *        2  i64  tail base       base offset of the segment being written;
 *                               stored before `end` enters that segment
 *        3  i64  tail position   byte in that segment where the durable frames end:
 *                               a hint for the size of reads
 */

const SLOTS = { end: 0, start: 1, tailBase: 2, tailPosition: 3 } as const

type CursorSlot = keyof typeof SLOTS

export type Cursor = Readonly<{
  get(slot: CursorSlot): number
  set(slot: CursorSlot, value: number): void
  /** Stores the end and wakes those who wait for it. */
  publishEnd(value: number): void
  /** Resolves when the end is no longer `end`; never on its own. */
  changed(end: number): Promise<unknown>
}>

export function newCursorMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Object.keys(SLOTS).length * BigInt64Array.BYTES_PER_ELEMENT)
}

export function openCursor(memory: SharedArrayBuffer): Cursor {
  const slots = new BigInt64Array(memory)
  return {
    get: (slot) => Number(Atomics.load(slots, SLOTS[slot])),
    set(slot, value) {
      Atomics.store(slots, SLOTS[slot], BigInt(value))
    },
    publishEnd(value) {
      Atomics.store(slots, SLOTS.end, BigInt(value))
      Atomics.notify(slots, SLOTS.end)
    },
    async changed(end) {
      await Atomics.waitAsync(slots, SLOTS.end, BigInt(end)).value
    },
  }
}

/**
 * Waits in a reader's thread for the log's end to move, without blocking the thread.
 * `Atomics.waitAsync` cannot be cancelled, so at most one wait is left over, and the next call uses
 * it. The timer keeps the thread alive; a wait alone would not.
 */
export class EndWaiter {
  readonly #cursor: Cursor
  #waitsFor: number | null = null
  #wake: () => void = () => {}

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  wait(end: number, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#waitsFor === end) return
      this.#waitsFor = end
      const woken = () => {
        if (this.#waitsFor !== end) return
        this.#waitsFor = null
        this.#wake()
      }
      this.#cursor.changed(end).then(woken, woken)
    })
  }

  stop(): void {
    this.#wake()
  }
}
