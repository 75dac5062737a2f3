/**
 * A number for each campaign id, shared by all sums in memory, so that rows hold four bytes in place of a text. Numbers
 * are given back when no row uses them (`sweep`): senders choose campaign ids, and may choose new ones for ever.
 */
import { NameOrder } from './name-order.ts'

export class CampaignNames {
  readonly #codes = new Map<string, number>()
  readonly #names: string[] = []
  /** In lower case, for the search; filled when first asked for. */
  readonly #lower: (string | undefined)[] = []
  readonly #free: number[] = []
  readonly #order = new NameOrder()

  /** Codes are below this. */
  get limit(): number {
    return this.#names.length
  }

  /** How many names are known. */
  get size(): number {
    return this.#codes.size
  }

  /** The code of a name, a new one where it has none. */
  add(name: string): number {
    const known = this.#codes.get(name)
    if (known !== undefined) return known
    const code = this.#free.pop() ?? this.#names.length
    this.#names[code] = name
    this.#lower[code] = undefined
    this.#codes.set(name, code)
    this.#order.add(code)
    return code
  }

  find(name: string): number | undefined {
    return this.#codes.get(name)
  }

  nameOf(code: number): string {
    return this.#names[code] ?? ''
  }

  lowerNameOf(code: number): string {
    const lower = this.#lower[code] ?? this.nameOf(code).toLowerCase()
    this.#lower[code] = lower
    return lower
  }

  /** By code, the place in the order of names. */
  places(): Uint32Array {
    return this.#order.places((code) => this.nameOf(code))
  }

  /** Forgets the names whose codes `isUsed` does not mark. Nobody may hold such a code any longer. */
  sweep(isUsed: Uint8Array): void {
    this.#order.remove((code) => isUsed[code] !== 1)
    for (const [name, code] of this.#codes) {
      if (isUsed[code] === 1) continue
      this.#codes.delete(name)
      this.#names[code] = ''
      this.#lower[code] = undefined
      this.#free.push(code)
    }
  }
}
