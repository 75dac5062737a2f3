/** Lets so many rows in at a time, in the order of asking: questions whose pieces must be loaded wait here for their turn. */

type Waiting = Readonly<{ rows: number; enter: () => void }>

export class RowsGate {
  readonly #rowsMax: number
  readonly #waiting: Waiting[] = []
  #rows = 0

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  /** Does the work when there is room for its rows; work larger than all of it gets in alone. */
  async run<T>(rows: number, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || !this.#hasRoom(rows)) {
      await new Promise<void>((enter) => this.#waiting.push({ rows, enter }))
    } else this.#rows += rows
    try {
      return await work()
    } finally {
      this.#rows -= rows
      this.#letIn()
    }
  }

  #hasRoom(rows: number): boolean {
    return this.#rows === 0 || this.#rows + rows <= this.#rowsMax
  }

  #letIn(): void {
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined || !this.#hasRoom(first.rows)) return
      this.#waiting.shift()
      this.#rows += first.rows
      first.enter()
    }
  }
}
