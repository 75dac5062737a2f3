/**
 * The place of each campaign in the order of names, so that sorting by name, and by name among equals, compares numbers.
 * New names are merged in when the order is next asked for.
 */

/** A list of codes in order, and the names that are not in it yet. */
export class NameOrder {
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

  /** By code; of codes that were removed it says nothing. */
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

/** By Unicode code point, as SQL engines order texts; JavaScript's own order differs above U+FFFF. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (x !== y) return rankOfUnit(x) - rankOfUnit(y)
  }
  return a.length - b.length
}

/** Halves of surrogate pairs stand for code points above all others. */
function rankOfUnit(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}
