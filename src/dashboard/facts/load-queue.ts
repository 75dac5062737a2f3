/**
 * One load at a time, the smallest first: a question about an hour does not wait for the thirty days that another has asked
 * for, since long stretches are loaded in parts.
 */

type Waiting = { cost: number; start: () => void }

export class LoadQueue {
  readonly #waiting: Waiting[] = []
  #busy = false

  async run<T>(cost: number, work: () => Promise<T>): Promise<T> {
    if (this.#busy) {
      await new Promise<void>((start) => this.#waiting.push({ cost, start }))
    }
    this.#busy = true
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #next(): void {
    const cheapest = this.#waiting.reduce<Waiting | null>(
      (best, one) => (best === null || one.cost < best.cost ? one : best),
      null,
    )
    this.#busy = cheapest !== null
    if (cheapest === null) return
    this.#waiting.splice(this.#waiting.indexOf(cheapest), 1)
    cheapest.start()
  }
}
