/**
 * A number (code) for each campaign id, shared by all sums in memory: a row stores four bytes in
 * place of a text. Codes that no row uses are freed (`sweep`), because senders choose campaign ids
 * and may choose new ones forever. The values of platform, country and device are numbered the same
 * way.
 *
 * Campaigns may also have names that people gave them (`campaignNames` of the configuration): they
 * are searched and ordered by these too.
 */
import { searchText } from '../../dashboard-definition.ts'

export class CampaignNames {
  readonly #codes = new Map<string, number>()
  readonly #names: string[] = []
  /** Filled on first use. */
  readonly #searched: (string | undefined)[] = []
  /** By id; null if there is no file of names, or it has not been read yet. */
  #given: ReadonlyMap<string, string> | null = null
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
    this.#searched[code] = undefined
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

  /** Replaces the names that people gave, by id. */
  giveNames(given: ReadonlyMap<string, string>): void {
    this.#given = given
    this.#searched.fill(undefined)
    this.#order.restart(this.#codes.values())
  }

  /** Whether there are such names. */
  get areGiven(): boolean {
    return this.#given !== null
  }

  /** Null if nobody has named it. */
  givenNameOf(id: string): string | null {
    return this.#given?.get(id) ?? null
  }

  /** What the search looks in, folded: the given name and the id, a line each; or only the id. */
  searchedTextOf(code: number): string {
    const known = this.#searched[code]
    if (known !== undefined) return known
    const id = this.nameOf(code)
    const given = this.givenNameOf(id)
    const text = searchText(given === null ? id : `${given}\n${id}`)
    this.#searched[code] = text
    return text
  }

  /** The place of each campaign in the order of given names and ids, by code. */
  places(): Uint32Array {
    return this.#order.places((a, b) => {
      const byName = this.areGiven
        ? compareTexts(this.searchedTextOf(a), this.searchedTextOf(b))
        : 0
      return byName === 0 ? compareTexts(this.nameOf(a), this.nameOf(b)) : byName
    })
  }

  /** Frees the codes that `isUsed` does not mark. No row may have such a code any more. */
  sweep(isUsed: Uint8Array): void {
    this.#order.remove((code) => isUsed[code] !== 1)
    for (const [name, code] of this.#codes) {
      if (isUsed[code] === 1) continue
      this.#codes.delete(name)
      this.#names[code] = ''
      this.#searched[code] = undefined
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

  /** With these codes only, whose keys have changed. */
  restart(codes: Iterable<number>): void {
    this.#ordered = []
    this.#fresh = [...codes]
  }

  /** By code; undefined for removed codes. */
  places(compare: (a: number, b: number) => number): Uint32Array {
    if (this.#fresh.length === 0) return this.#places
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
function compareTexts(a: string, b: string): number {
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
