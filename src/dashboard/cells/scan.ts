/**
 * Adds up the cells of a file that a selection takes. Only the cells of matching groups are read,
 * some at a time, so that the memory is bounded whatever the size of the file; and they are
 * verified each time, so that a file that changes meanwhile gives no wrong sums.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { EVENT_FILTER_IDS, mapEventFilters } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import type { EventCells, EventSelection } from '../../query.ts'
import { DAY_US } from '../steps.ts'
import { WIDTH } from '../store/sums-table.ts'
import {
  type CellColumn,
  type CellColumns,
  type CellsGroup,
  type CellsIndex,
  cellsName,
  damaged,
  decodeIndex,
  type GroupStretch,
  groupChecksum,
  type WrittenColumn,
} from './cell-file.ts'
import type { SumsCollector } from './sums-collector.ts'

/** Cells read at once, unless a single group has more. */
const SLICE_CELLS_MAX = 262_144

type SliceGroup = CellsGroup & Readonly<{ code: number }>

/** Neighbouring groups that match, and the stretches of cells and revenues that they take. */
type Slice = {
  readonly groups: SliceGroup[]
  readonly cellsFrom: number
  cellsTo: number
  readonly revenuesFrom: number
  revenuesTo: number
}

/**
 * Throws if the file is damaged as far as it is read here, has not all of its cells, or is of
 * another raw file than its name says.
 */
export function readIndex(file: string): CellsIndex {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const index = decodeIndex((at, length) => {
      // Before memory is taken for a length that is not true.
      if (!(at + length <= size)) throw damaged('ends too early')
      return readBytes(descriptor, at, length)
    })
    if (index.bytes !== size) throw damaged(`has ${size} bytes in place of ${index.bytes}`)
    if (cellsName(index.header.raw) !== basename(file)) throw damaged('has the name of another')
    return index
  } finally {
    closeSync(descriptor)
  }
}

/**
 * All cells of a file, as they were written to it. Throws if the file cannot be read or is not as
 * it was written.
 */
export function readCells(file: string): EventCells {
  const index = readIndex(file)
  const { header, groups } = index
  const { day, windowUs, values, campaigns } = header
  const { cells: cellsTo, revenues: revenuesTo } = header
  const descriptor = openSync(file, 'r')
  try {
    const stretch = { cellsFrom: 0, cellsTo, revenuesFrom: 0, revenuesTo }
    const read = readSlice(descriptor, index, stretch)
    verifyGroups(read, groups)
    const { revenues, revenueCells, columns } = read
    const revenueMillionths = new Float64Array(header.cells)
    for (const [place, cell] of revenueCells.entries()) {
      revenueMillionths[cell] = revenues[place] ?? 0
    }
    const groupCodes = new Uint32Array(header.cells)
    for (const [code, { cellsFrom, cellsTo }] of groups.entries()) {
      groupCodes.fill(code, cellsFrom, cellsTo)
    }
    const dayBegins = (day * DAY_US) / windowUs
    return {
      campaigns,
      groups: groups.map((group) => mapEventFilters((id) => values[id][group[id]] ?? '')),
      groupCodes,
      campaignCodes: Uint32Array.from(columns.campaigns),
      windows: Uint32Array.from(columns.windows, (window) => window + dayBegins),
      impressions: Uint32Array.from(columns.impressions),
      clicks: Uint32Array.from(columns.clicks),
      conversions: Uint32Array.from(columns.conversions),
      revenueMillionths,
    }
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Adds the cells of `file` to the collector. Throws if the file cannot be read or is not as it was
 * written; part of it may be added then.
 */
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
  let open: Slice | null = null
  for (const group of groups) {
    if (wanted.every(([id, isWanted]) => isWanted[group[id]])) {
      const code = by === 'campaign' ? -1 : into.codeOf(header.values[by][group[by]] ?? '')
      const { cellsFrom, cellsTo, revenuesFrom, revenuesTo } = group
      const one = { ...group, code }
      if (open === null || cellsTo - open.cellsFrom > SLICE_CELLS_MAX) {
        open = { groups: [one], cellsFrom, cellsTo, revenuesFrom, revenuesTo }
        slices.push(open)
      } else {
        open.groups.push(one)
        open.cellsTo = cellsTo
        open.revenuesTo = revenuesTo
      }
    } else open = null
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
  const { cellsFrom } = slice
  const read = readSlice(descriptor, index, slice)
  verifyGroups(read, slice.groups)
  const { revenues, revenueCells: cells } = read
  const { windows, campaigns, impressions, clicks, conversions } = read.columns
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

function readSlice(
  descriptor: number,
  index: CellsIndex,
  { cellsFrom, cellsTo, revenuesFrom, revenuesTo }: GroupStretch,
): CellColumns {
  const part = (at: number, from: number, to: number, width: number): ArrayBuffer =>
    readBytes(descriptor, at + from * width, (to - from) * width).buffer
  const column = (name: CellColumn): WrittenColumn => {
    const width = index.header.widths[name]
    const bytes = part(index.columnsAt[name], cellsFrom, cellsTo, width)
    if (width === 1) return new Uint8Array(bytes)
    return width === 2 ? new Uint16Array(bytes) : new Uint32Array(bytes)
  }
  return {
    revenues: new Float64Array(part(index.revenuesAt, revenuesFrom, revenuesTo, 8)),
    revenueCells: new Uint32Array(part(index.revenueCellsAt, revenuesFrom, revenuesTo, 4)),
    columns: {
      windows: column('windows'),
      campaigns: column('campaigns'),
      impressions: column('impressions'),
      clicks: column('clicks'),
      conversions: column('conversions'),
    },
  }
}

/** `read` are the cells of a stretch that begins with the first of these groups. */
function verifyGroups(read: CellColumns, groups: readonly CellsGroup[]): void {
  const { cellsFrom = 0, revenuesFrom = 0 } = groups[0] ?? {}
  for (const group of groups) {
    const stretch = {
      cellsFrom: group.cellsFrom - cellsFrom,
      cellsTo: group.cellsTo - cellsFrom,
      revenuesFrom: group.revenuesFrom - revenuesFrom,
      revenuesTo: group.revenuesTo - revenuesFrom,
    }
    if (groupChecksum(read, stretch) !== group.checksum) throw damaged('has damaged cells')
  }
}

/** In a buffer of its own, so that columns of wider numbers are views of it. */
function readBytes(descriptor: number, at: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const read = readSync(descriptor, bytes, done, length - done, at + done)
    if (read === 0) throw damaged('ends too early')
    done += read
  }
  return bytes
}
