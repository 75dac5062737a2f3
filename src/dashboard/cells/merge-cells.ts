/**
 * The cells of several files added up: those of a raw file that was merged, from those of its
 * inputs. Much cheaper than reading the events again, which there are more of.
 */
import { EVENT_FILTER_IDS } from '../../dashboard-definition.ts'
import type { EventCells } from '../../query.ts'

/** Cells of one window length. Takes one file after the other. */
export function mergeCells(files: Iterable<EventCells>): EventCells {
  const campaigns = new Numbered<string>()
  const groups = new Numbered<EventCells['groups'][number]>()
  const table = new CellTable()
  for (const file of files) {
    const campaignCodes = Uint32Array.from(file.campaigns, (name) => campaigns.codeOf(name, name))
    const groupCodes = Uint32Array.from(file.groups, (group) =>
      groups.codeOf(JSON.stringify(EVENT_FILTER_IDS.map((id) => group[id])), group),
    )
    table.add(file, campaignCodes, groupCodes)
  }
  return { campaigns: campaigns.found, groups: groups.found, ...table.columns() }
}

/** Values numbered as they are met. */
class Numbered<T> {
  readonly found: T[] = []
  readonly #codes = new Map<string, number>()

  codeOf(key: string, value: T): number {
    const known = this.#codes.get(key)
    if (known !== undefined) return known
    this.found.push(value)
    this.#codes.set(key, this.found.length - 1)
    return this.found.length - 1
  }
}

type Columns = Omit<EventCells, 'campaigns' | 'groups'>

const CELLS_AT_FIRST = 16_384
/** At least this many slots for each cell, so that probes stay short. */
const SLOTS_PER_CELL = 2

/** Columns, and a hash table with open addressing that finds the cell of a key. */
class CellTable {
  #cells = 0
  #columns = resized(null, CELLS_AT_FIRST)
  /** Cell + 1; 0 is free. */
  #slots = new Uint32Array(CELLS_AT_FIRST * SLOTS_PER_CELL)

  /** `campaignCodes` and `groupCodes` are the codes here of those of the file. */
  add(file: EventCells, campaignCodes: Uint32Array, groupCodes: Uint32Array): void {
    for (let at = 0; at < file.windows.length; at++) {
      const cell = this.#cellOf(
        groupCodes[file.groupCodes[at] as number] as number, // each of its codes is known here
        campaignCodes[file.campaignCodes[at] as number] as number,
        file.windows[at] as number,
      )
      const { impressions, clicks, conversions, revenueMillionths } = this.#columns
      impressions[cell] = (impressions[cell] as number) + (file.impressions[at] as number)
      clicks[cell] = (clicks[cell] as number) + (file.clicks[at] as number)
      conversions[cell] = (conversions[cell] as number) + (file.conversions[at] as number)
      revenueMillionths[cell] =
        (revenueMillionths[cell] as number) + (file.revenueMillionths[at] as number)
    }
  }

  columns(): Columns {
    return resized(this.#columns, this.#cells)
  }

  #cellOf(group: number, campaign: number, window: number): number {
    const { groupCodes, campaignCodes, windows } = this.#columns
    const mask = this.#slots.length - 1
    let slot = hashOf(group, campaign, window) & mask
    for (;;) {
      const cell = (this.#slots[slot] as number) - 1
      if (cell < 0) return this.#append(slot, group, campaign, window)
      const isSame =
        groupCodes[cell] === group && campaignCodes[cell] === campaign && windows[cell] === window
      if (isSame) return cell
      slot = (slot + 1) & mask
    }
  }

  #append(slot: number, group: number, campaign: number, window: number): number {
    if (this.#cells === this.#columns.windows.length) {
      this.#grow()
      return this.#cellOf(group, campaign, window)
    }
    const cell = this.#cells++
    this.#slots[slot] = cell + 1
    this.#columns.groupCodes[cell] = group
    this.#columns.campaignCodes[cell] = campaign
    this.#columns.windows[cell] = window
    return cell
  }

  #grow(): void {
    this.#columns = resized(this.#columns, this.#columns.windows.length * 2)
    const { groupCodes, campaignCodes, windows } = this.#columns
    const slots = new Uint32Array(windows.length * SLOTS_PER_CELL)
    const mask = slots.length - 1
    for (let cell = 0; cell < this.#cells; cell++) {
      const [group, campaign] = [groupCodes[cell] as number, campaignCodes[cell] as number]
      let slot = hashOf(group, campaign, windows[cell] as number) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = cell + 1
    }
    this.#slots = slots
  }
}

/** Codes are small and dense: all are spread over all bits. */
function hashOf(group: number, campaign: number, window: number): number {
  let hash = Math.imul(group + 1, 0x9e3779b1) ^ Math.imul(campaign + 1, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15) ^ (window + 1), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** The first `length` entries of each column, with zeros where there are fewer. */
function resized(columns: Columns | null, length: number): Columns {
  const of = (column: Uint32Array | undefined): Uint32Array => {
    const copy = new Uint32Array(length)
    copy.set(column?.subarray(0, length) ?? [])
    return copy
  }
  const revenueMillionths = new Float64Array(length)
  revenueMillionths.set(columns?.revenueMillionths.subarray(0, length) ?? [])
  return {
    groupCodes: of(columns?.groupCodes),
    campaignCodes: of(columns?.campaignCodes),
    windows: of(columns?.windows),
    impressions: of(columns?.impressions),
    clicks: of(columns?.clicks),
    conversions: of(columns?.conversions),
    revenueMillionths,
  }
}
