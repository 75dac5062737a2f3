/**
 * The sums of one view (a span of time, a choice of campaigns, a filter) at one moment: chunks, and
 * pending events on top of them. Each window is in exactly one chunk; pending events are in none.
 */

import type { TimeSpan } from '../../event.ts'
import type { Span } from '../steps.ts'
import type { CampaignNames } from '../store/campaign-names.ts'
import type { Chunk } from '../store/chunk.ts'
import {
  addByCampaign,
  addByPoint,
  type Grid,
  gridOf,
  type SumsTable,
  WIDTH,
} from '../store/sums-table.ts'

/** Campaigns that have events; the four sums of `codes[i]` are at `i * WIDTH`. */
export type CampaignSums = Readonly<{ codes: Uint32Array; sums: Float64Array }>

export class ViewSums {
  readonly names: CampaignNames
  readonly #chunks: readonly Chunk[]
  readonly #pending: SumsTable | null
  /** By code: 0 for chosen campaigns, -1 for others; null if all are meant. */
  readonly #chosen: Int32Array | null

  constructor(
    chunks: readonly Chunk[],
    pending: SumsTable | null,
    names: CampaignNames,
    chosen: readonly string[],
  ) {
    this.names = names
    this.#chunks = chunks
    this.#pending = pending
    this.#chosen =
      chosen.length === 0 ? null : linesOf(names, chosen.flatMap(codeIn(names)), () => 0)
  }

  get hasChoice(): boolean {
    return this.#chosen !== null
  }

  /** Four sums. */
  total(stretch: TimeSpan): Float64Array {
    const stepUs = Math.max(1, stretch.toUs - stretch.fromUs)
    const pointOf = new Int32Array(1)
    return this.#series(stretch, { originUs: stretch.fromUs, stepUs, points: 1, pointOf })
  }

  /** Four sums for each point that begins at `startsUs`. */
  series(span: Span, startsUs: readonly number[]): Float64Array {
    return this.#series(span, gridOf(span, span.stepUs, startsUs))
  }

  /** The same for some campaigns, one after the other. */
  lines(
    span: Span,
    startsUs: readonly number[],
    codes: readonly number[],
  ): readonly Float64Array[] {
    const grid = gridOf(span, span.stepUs, startsUs)
    const lineOf = linesOf(this.names, codes, (line) => line)
    const length = grid.points * WIDTH
    const into = new Float64Array(codes.length * length)
    for (const table of this.#tablesIn(span)) addByPoint(table, span, grid, lineOf, into)
    return codes.map((_, line) => into.subarray(line * length, (line + 1) * length))
  }

  /** Those that were chosen, or all if none was; `others` are those that were not chosen. */
  campaigns(stretch: TimeSpan, which: 'chosen' | 'others' = 'chosen'): CampaignSums {
    const byCode = new Float64Array(this.names.limit * WIDTH)
    for (const table of this.#tablesIn(stretch)) addByCampaign(table, stretch, byCode)
    const codes: number[] = []
    for (let code = 0; code < this.names.limit; code++) {
      const isChosen = this.#chosen === null || this.#chosen[code] === 0
      if (isChosen !== (which === 'chosen')) continue
      if (hasEvents(byCode, code * WIDTH)) codes.push(code)
    }
    const sums = new Float64Array(codes.length * WIDTH)
    for (const [index, code] of codes.entries()) {
      sums.set(byCode.subarray(code * WIDTH, (code + 1) * WIDTH), index * WIDTH)
    }
    return { codes: Uint32Array.from(codes), sums }
  }

  #tablesIn({ fromUs, toUs }: TimeSpan): readonly SumsTable[] {
    const chunks = this.#chunks.filter(({ span }) => span.fromUs < toUs && span.toUs > fromUs)
    const tables = chunks.map(({ table }) => table)
    return this.#pending === null ? tables : [...tables, this.#pending]
  }

  #series(stretch: TimeSpan, grid: Grid): Float64Array {
    const into = new Float64Array(grid.points * WIDTH)
    if (this.#chosen !== null) {
      for (const table of this.#tablesIn(stretch)) {
        addByPoint(table, stretch, grid, this.#chosen, into)
      }
      return into
    }
    for (const chunk of this.#chunks) chunk.addTotals(stretch, grid, into)
    if (this.#pending !== null) addByPoint(this.#pending, stretch, grid, null, into)
    return into
  }
}

/** Every event is an impression, a click or a conversion. */
function hasEvents(sums: Float64Array, at: number): boolean {
  return sums[at] !== 0 || sums[at + 1] !== 0 || sums[at + 2] !== 0
}

function codeIn(names: CampaignNames): (name: string) => number[] {
  return (name) => {
    const code = names.find(name)
    return code === undefined ? [] : [code]
  }
}

function linesOf(
  names: CampaignNames,
  codes: readonly number[],
  lineAt: (index: number) => number,
): Int32Array {
  const lines = new Int32Array(names.limit).fill(-1)
  for (const [index, code] of codes.entries()) lines[code] = lineAt(index)
  return lines
}
