/**
 * Waits in a reader's thread for the log's end to move, without blocking the thread. `Atomics.waitAsync` cannot be taken back, so one
 * wait at most is left over, and the next call uses it. The timer keeps the thread alive; a wait alone would not.
 */
import type { Cursor } from './cursor.ts'

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
