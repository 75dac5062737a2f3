/**
 * Who loads when. A question first waits until there is memory for its rows (`RowSemaphore`); its
 * parts then take turns with those of other questions (`LoadQueue`).
 */

type QueuedLoad = Readonly<{ cost: number; start: () => void }>

/**
 * One load at a time, the smallest first. Long stretches are loaded in parts, so that a question
 * about an hour does not wait for thirty days that somebody else asked for.
 */
export class LoadQueue {
  readonly #waiting: QueuedLoad[] = []
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
    const cheapest = this.#waiting.reduce<QueuedLoad | null>(
      (best, one) => (best === null || one.cost < best.cost ? one : best),
      null,
    )
    this.#busy = cheapest !== null
    if (cheapest === null) return
    this.#waiting.splice(this.#waiting.indexOf(cheapest), 1)
    cheapest.start()
  }
}

type QueuedRows = Readonly<{ rows: number; enter: () => void }>

/** Bounds the rows that are loaded at the same time; first come, first served. */
export class RowSemaphore {
  readonly #rowsMax: number
  readonly #waiting: QueuedRows[] = []
  #rows = 0

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  /** Does the work when there is room for its rows; work larger than the bound runs alone. */
  async run<T>(rows: number, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || !this.#hasRoom(rows)) {
      await new Promise<void>((enter) => this.#waiting.push({ rows, enter }))
    } else this.#rows += rows
    try {
      return await work()
    } finally {
      this.#rows -= rows
      this.#admit()
    }
  }

  #hasRoom(rows: number): boolean {
    return this.#rows === 0 || this.#rows + rows <= this.#rowsMax
  }

  #admit(): void {
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined || !this.#hasRoom(first.rows)) return
      this.#waiting.shift()
      this.#rows += first.rows
      first.enter()
    }
  }
}
