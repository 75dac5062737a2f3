/**
 * Adds sums up by step and name, from files of cells and from the query alike, and gives them as
 * the query would. Finding a row costs one look into an array while names and steps are few, and a
 * look into a hash table beyond that.
 */
import type { TimeSpan } from '../../event.ts'
import type { SumRows } from '../../query.ts'
import { widen } from '../steps.ts'
import { eachRow } from '../store/chunk.ts'
import { addSums, RowIndex, SumsTable, WIDTH } from '../store/sums-table.ts'

/** Four bytes each. */
const PLACES_MAX = 4_194_304
const NAMES_AT_FIRST = 64

export class SumsCollector {
  /** The steps that the stretch touches, counted from the epoch as those of the query are. */
  readonly grid: Readonly<{ originUs: number; stepUs: number; points: number }>
  readonly table: SumsTable = new SumsTable()
  readonly #names: string[] = []
  readonly #codes = new Map<string, number>()
  /** Row + 1 of each name and step; 0 is none. null where the hash table is used. */
  #places: Int32Array | null
  #index: RowIndex | null = null

  constructor(stretch: TimeSpan, stepUs: number) {
    const { fromUs: originUs, toUs } = widen(stretch, stepUs)
    this.grid = { originUs, stepUs, points: (toUs - originUs) / stepUs }
    this.#places = new Int32Array(Math.min(PLACES_MAX, NAMES_AT_FIRST * this.grid.points))
  }

  /** The number of a name, for `rowOf`. */
  codeOf(name: string): number {
    const known = this.#codes.get(name)
    if (known !== undefined) return known
    const code = this.#names.length
    this.#names.push(name)
    this.#codes.set(name, code)
    this.#makeRoom()
    return code
  }

  /** The row of a step and a name in `table`, made if it is not there. */
  rowOf(step: number, code: number): number {
    const places = this.#places
    if (places === null) return this.#findRow(step, code)
    const place = code * this.grid.points + step
    const found = places[place] as number // names have room
    if (found > 0) return found - 1
    const row = this.table.append(this.grid.originUs + step * this.grid.stepUs, code)
    places[place] = row + 1
    return row
  }

  /** Adds what the query gives for the same stretch and step. */
  add(rows: SumRows): void {
    const { originUs, stepUs } = this.grid
    const names = { add: (name: string) => this.codeOf(name) }
    eachRow(rows, names, (startUs, code, sums) => {
      const row = this.rowOf((startUs - originUs) / stepUs, code)
      addSums(this.table.sums, row * WIDTH, sums, 0)
    })
  }

  take(): SumRows {
    const { rows, starts, codes, sums } = this.table
    const column = (offset: number): Float64Array => {
      const values = new Float64Array(rows)
      for (let row = 0; row < rows; row++) values[row] = sums[row * WIDTH + offset] ?? 0
      return values
    }
    return {
      names: this.#names,
      codes: codes.slice(0, rows),
      startsUs: starts.slice(0, rows),
      impressions: column(0),
      clicks: column(1),
      conversions: column(2),
      revenueMillionths: column(3),
    }
  }

  #findRow(step: number, code: number): number {
    this.#index ??= new RowIndex(this.table)
    return this.#index.findOrAppend(this.grid.originUs + step * this.grid.stepUs, code)
  }

  #makeRoom(): void {
    const places = this.#places
    if (places === null || this.#names.length * this.grid.points <= places.length) return
    if (this.#names.length * this.grid.points > PLACES_MAX) {
      this.#places = null
      return
    }
    this.#places = new Int32Array(
      Math.min(PLACES_MAX, Math.max(places.length, this.grid.points) * 2),
    )
    this.#places.set(places)
  }
}
