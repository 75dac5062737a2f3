/** Wakes those who wait for something to have happened. */

export class Signal {
  readonly #wakes = new Set<() => void>()

  fire(): void {
    for (const wake of [...this.#wakes]) wake()
  }

  /** Resolves when it is fired, or after `waitMs`. The timer keeps the thread alive. */
  wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wakes.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, waitMs)
      this.#wakes.add(wake)
    })
  }
}
