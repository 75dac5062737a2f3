/**
 * Adds up the cells of a file that a selection takes. Only the cells of matching groups are read,
 * some at a time, so that the memory is bounded whatever the size of the file.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { EVENT_FILTER_IDS, mapEventFilters } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import type { EventCells, EventSelection } from '../../query.ts'
import { DAY_US } from '../steps.ts'
import { WIDTH } from '../store/sums-table.ts'
import { CELL_COLUMNS, type CellColumn, type CellsIndex, decodeIndex } from './cell-file.ts'
import type { SumsCollector } from './sums-collector.ts'

/** Cells read at once, unless a single group has more. */
const SLICE_CELLS_MAX = 262_144

type Column = Uint8Array | Uint16Array | Uint32Array

type SliceGroup = Readonly<{ cellsFrom: number; cellsTo: number; code: number }>

/** Neighbouring groups that match, and the stretches of cells and revenues that they take. */
type Slice = {
  readonly groups: SliceGroup[]
  readonly cellsFrom: number
  cellsTo: number
  readonly revenuesFrom: number
  revenuesTo: number
}

export function readIndex(file: string): CellsIndex {
  const descriptor = openSync(file, 'r')
  try {
    return decodeIndex((at, length) => readBytes(descriptor, at, length))
  } finally {
    closeSync(descriptor)
  }
}

/** All cells of a file, as they were written to it. Throws what reading the file throws. */
export function readCells(file: string): EventCells {
  const index = readIndex(file)
  const { header, groups } = index
  const { day, windowUs, values, campaigns } = header
  const descriptor = openSync(file, 'r')
  try {
    const [windows, ...others] = CELL_COLUMNS.map((name) =>
      Uint32Array.from(readColumn(descriptor, index, name, 0, header.cells)),
    ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array]
    const [campaignCodes, impressions, clicks, conversions] = others
    const { revenues, cells } = readRevenues(descriptor, index, 0, header.revenues)
    const revenueMillionths = new Float64Array(header.cells)
    for (const [place, cell] of cells.entries()) revenueMillionths[cell] = revenues[place] ?? 0
    const groupCodes = new Uint32Array(header.cells)
    let from = 0
    for (const [code, { cellsEnd }] of groups.entries()) {
      groupCodes.fill(code, from, cellsEnd)
      from = cellsEnd
    }
    const dayBegins = (day * DAY_US) / windowUs
    return {
      campaigns,
      groups: groups.map((group) => mapEventFilters((id) => values[id][group[id]] ?? '')),
      groupCodes,
      campaignCodes,
      windows: windows.map((window) => window + dayBegins),
      impressions,
      clicks,
      conversions,
      revenueMillionths,
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Adds the cells of `file` to the collector. Throws what reading the file throws. */
export function addCells(
  file: string,
  index: CellsIndex,
  stretch: TimeSpan,
  selection: EventSelection,
  into: SumsCollector,
): void {
  const stepOf = stepsOfWindows(index, stretch, into)
  if (stepOf === null) return
  const codeOf = codesOfCampaigns(index, selection, into)
  const slices = slicesOf(index, selection, into)
  if (slices.length === 0) return
  const descriptor = openSync(file, 'r')
  try {
    for (const slice of slices) addSlice(descriptor, index, slice, stepOf, codeOf, into)
  } finally {
    closeSync(descriptor)
  }
}

/** The step of each window of the day, -1 outside the stretch; null if no cell is in it. */
function stepsOfWindows(
  { header }: CellsIndex,
  { fromUs, toUs }: TimeSpan,
  { grid }: SumsCollector,
): Int32Array | null {
  const { day, windowUs, windows } = header
  const [first, last] = windows
  const startOf = (window: number): number => day * DAY_US + window * windowUs
  if (startOf(first) >= toUs || startOf(last) < fromUs) return null
  const steps = new Int32Array(last + 1).fill(-1)
  for (let window = first; window <= last; window++) {
    const startUs = startOf(window)
    if (startUs < fromUs || startUs >= toUs) continue
    steps[window] = Math.floor((startUs - grid.originUs) / grid.stepUs)
  }
  return steps
}

/**
 * The name of each campaign's cells, -1 if it is not selected; what is added up by another column
 * is named by its group, and any number but -1 will do.
 */
function codesOfCampaigns(
  { header }: CellsIndex,
  { by, where }: EventSelection,
  into: SumsCollector,
): Int32Array {
  const chosen = new Set(where.campaign)
  return Int32Array.from(header.campaigns, (campaign) => {
    if (chosen.size > 0 && !chosen.has(campaign)) return -1
    return by === 'campaign' ? into.codeOf(campaign) : 0
  })
}

function slicesOf(
  { header, groups }: CellsIndex,
  { by, where }: EventSelection,
  into: SumsCollector,
): readonly Slice[] {
  const wanted = EVENT_FILTER_IDS.map((id) => {
    const chosen = new Set(where[id])
    return [id, header.values[id].map((value) => chosen.size === 0 || chosen.has(value))] as const
  })
  const slices: Slice[] = []
  let [cellsFrom, revenuesFrom] = [0, 0]
  let open: Slice | null = null
  for (const group of groups) {
    if (wanted.every(([id, isWanted]) => isWanted[group[id]])) {
      const code = by === 'campaign' ? -1 : into.codeOf(header.values[by][group[by]] ?? '')
      const { cellsEnd: cellsTo, revenuesEnd: revenuesTo } = group
      const one = { cellsFrom, cellsTo, code }
      if (open === null || cellsTo - open.cellsFrom > SLICE_CELLS_MAX) {
        open = { groups: [one], cellsFrom, cellsTo, revenuesFrom, revenuesTo }
        slices.push(open)
      } else {
        open.groups.push(one)
        open.cellsTo = cellsTo
        open.revenuesTo = revenuesTo
      }
    } else open = null
    cellsFrom = group.cellsEnd
    revenuesFrom = group.revenuesEnd
  }
  return slices
}

function addSlice(
  descriptor: number,
  index: CellsIndex,
  slice: Slice,
  stepOf: Int32Array,
  codeOf: Int32Array,
  into: SumsCollector,
): void {
  const { cellsFrom, cellsTo, revenuesFrom, revenuesTo } = slice
  const [windows, campaigns, impressions, clicks, conversions] = CELL_COLUMNS.map((name) =>
    readColumn(descriptor, index, name, cellsFrom, cellsTo),
  ) as [Column, Column, Column, Column, Column]
  const { revenues, cells } = readRevenues(descriptor, index, revenuesFrom, revenuesTo)
  let earned = 0
  for (const { cellsFrom: from, cellsTo: to, code: ofGroup } of slice.groups) {
    const end = to - cellsFrom
    for (let at = from - cellsFrom; at < end; at++) {
      const step = stepOf[windows[at] as number] as number // every place below has an entry
      const ofCampaign = codeOf[campaigns[at] as number] as number
      if (step < 0 || ofCampaign < 0) continue
      const row = into.rowOf(step, ofGroup < 0 ? ofCampaign : ofGroup) * WIDTH
      const sums = into.table.sums
      sums[row] = (sums[row] as number) + (impressions[at] as number)
      sums[row + 1] = (sums[row + 1] as number) + (clicks[at] as number)
      sums[row + 2] = (sums[row + 2] as number) + (conversions[at] as number)
    }
    for (; earned < cells.length; earned++) {
      const at = (cells[earned] as number) - cellsFrom
      if (at >= end) break
      const step = stepOf[windows[at] as number] as number
      const ofCampaign = codeOf[campaigns[at] as number] as number
      if (step < 0 || ofCampaign < 0) continue
      const row = into.rowOf(step, ofGroup < 0 ? ofCampaign : ofGroup) * WIDTH + 3
      const sums = into.table.sums
      sums[row] = (sums[row] as number) + (revenues[earned] as number)
    }
  }
}

function readColumn(
  descriptor: number,
  { header, columnsAt }: CellsIndex,
  name: CellColumn,
  from: number,
  to: number,
): Column {
  const width = header.widths[name]
  const bytes = readBytes(descriptor, columnsAt[name] + from * width, (to - from) * width)
  if (width === 1) return bytes
  return width === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer)
}

function readRevenues(
  descriptor: number,
  { revenuesAt, revenueCellsAt }: CellsIndex,
  from: number,
  to: number,
): Readonly<{ revenues: Float64Array; cells: Uint32Array }> {
  const revenues = readBytes(descriptor, revenuesAt + from * 8, (to - from) * 8)
  const cells = readBytes(descriptor, revenueCellsAt + from * 4, (to - from) * 4)
  return { revenues: new Float64Array(revenues.buffer), cells: new Uint32Array(cells.buffer) }
}

/** In a buffer of its own, so that columns of wider numbers are views of it. */
function readBytes(descriptor: number, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const read = readSync(descriptor, bytes, done, length - done, at + done)
    if (read === 0) throw new Error('a file of sums ends too early')
    done += read
  }
  return bytes
}
