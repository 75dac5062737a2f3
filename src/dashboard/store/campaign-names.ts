/**
 * A number (code) for each campaign id, shared by all sums in memory: a row stores four bytes in
 * place of a text. Codes that no row uses are freed (`sweep`), because senders choose campaign ids
 * and may choose new ones forever. The values of platform, country and device are numbered the same
 * way.
 */

export class CampaignNames {
  readonly #codes = new Map<string, number>()
  readonly #names: string[] = []
  /** In lower case, for the search; filled on first use. */
  readonly #lower: (string | undefined)[] = []
  readonly #free: number[] = []
  readonly #order = new NameOrder()

  /** All codes are below this. */
  get limit(): number {
    return this.#names.length
  }

  /** How many names are known. */
  get size(): number {
    return this.#codes.size
  }

  /** The code of a name; a new one if it has none. */
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

  /** The place of each name in the order of names, by code. */
  places(): Uint32Array {
    return this.#order.places((code) => this.nameOf(code))
  }

  /** Frees the codes that `isUsed` does not mark. No row may have such a code any more. */
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

/**
 * The place of each campaign in the order of names, so that sorting by name compares numbers. New
 * names are merged in when the order is next needed.
 */
class NameOrder {
  #ordered: number[] = []
  #fresh: number[] = []
  #places = new Uint32Array(0)

  add(code: number): void {
    this.#fresh.push(code)
  }

  remove(isGone: (code: number) => boolean): void {
    this.#ordered = this.#ordered.filter((code) => !isGone(code))
    this.#fresh = this.#fresh.filter((code) => !isGone(code))
  }

  /** By code; undefined for removed codes. */
  places(nameOf: (code: number) => string): Uint32Array {
    if (this.#fresh.length === 0) return this.#places
    const compare = (a: number, b: number): number => compareNames(nameOf(a), nameOf(b))
    this.#ordered = merge(this.#ordered, this.#fresh.sort(compare), compare)
    this.#fresh = []
    this.#places = new Uint32Array(
      this.#ordered.reduce((most, code) => Math.max(most, code), 0) + 1,
    )
    for (const [place, code] of this.#ordered.entries()) this.#places[code] = place
    return this.#places
  }
}

function merge(
  some: readonly number[],
  more: readonly number[],
  compare: (a: number, b: number) => number,
): number[] {
  const merged: number[] = []
  let at = 0
  for (const code of some) {
    for (let next = more[at]; next !== undefined && compare(next, code) < 0; next = more[++at]) {
      merged.push(next)
    }
    merged.push(code)
  }
  for (; at < more.length; at++) merged.push(more[at] ?? 0)
  return merged
}

/** By Unicode code point, as SQL engines do; JavaScript's own order differs above U+FFFF. */
function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (x !== y) return rankOfUnit(x) - rankOfUnit(y)
  }
  return a.length - b.length
}

/** Halves of surrogate pairs stand for the code points above all others. */
function rankOfUnit(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}
