/**
 * Adds up the cells of a file that a selection takes: from the cuboid in which those are the
 * fewest. Only the blocks of matching groups are read, some at a time, so that the memory is bounded
 * whatever the size of the file; and they are verified each time, so that a file that changes
 * meanwhile gives no wrong sums. Within a group cells lie campaign by campaign: those of chosen
 * campaigns are found by bisection.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { EVENT_FILTER_IDS, type EventFilterId, FILTER_IDS } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import type { EventCells, EventSelection } from '../../query.ts'
import { DAY_US } from '../steps.ts'
import { WIDTH } from '../store/sums-table.ts'
import {
  type CellColumn,
  type CellColumnPart,
  type CellsBlock,
  type CellsIndex,
  type CellsRead,
  type CellsStretch,
  COUNT_FIELDS,
  type CuboidIndex,
  cellsName,
  checksumOf,
  damaged,
  decodeIndex,
  GROUP_FIELDS,
} from './cell-file.ts'
import type { SumsCollector } from './sums-collector.ts'

/** Cells read at once, unless a single block has more. */
const SLICE_CELLS_MAX = 262_144
/** Of a buffer that is kept for the next read. */
const KEPT_BYTES_MAX = 4 * SLICE_CELLS_MAX

/** Cells of a group; `code` is the name that they are added up by, if that is not the campaign. */
type Run = CellsStretch & Readonly<{ code: number }>

/** Neighbouring blocks, and the runs in them that are wanted. */
type Slice = Readonly<{ blocks: CellsBlock[]; runs: Run[] }>

/** Which values of a column are wanted, by place; null if all are. */
type Wanted = Readonly<Record<EventFilterId, readonly boolean[] | null>>

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
      return readInto(new Uint8Array(length), descriptor, at)
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
  const { header, cuboids } = readIndex(file)
  const finest = cuboids[0] as CuboidIndex // each file has it
  const { day, windowUs, values, campaigns } = header
  const { cells } = finest.header
  const descriptor = openSync(file, 'r')
  try {
    const read = readBlocks(descriptor, finest, finest.blocks)
    const [steps, campaignCodes, counts] = [read.steps, read.campaigns, read.counts].map((column) =>
      Uint32Array.from(column),
    ) as [Uint32Array, Uint32Array, Uint32Array]
    const { revenues, revenueCells } = read
    const revenueMillionths = new Float64Array(cells)
    for (const [place, cell] of revenueCells.entries()) {
      revenueMillionths[cell] = revenues[place] ?? 0
    }
    const groups: EventCells['groups'][number][] = []
    const groupCodes = new Uint32Array(cells)
    let from = 0
    for (let at = 0; at < finest.groups.length; at += GROUP_FIELDS) {
      const [platform = 0, country = 0, device = 0, end = 0] = finest.groups.subarray(at)
      groupCodes.fill(groups.length, from, end)
      groups.push({
        platform: values.platform[platform] ?? '',
        country: values.country[country] ?? '',
        device: values.device[device] ?? '',
      })
      from = end
    }
    const countOf = (field: number): Uint32Array =>
      counts.map((code) => finest.counts[code * COUNT_FIELDS + field] ?? 0)
    const dayBegins = (day * DAY_US) / windowUs
    return {
      campaigns,
      groups,
      groupCodes,
      campaignCodes,
      windows: steps.map((step) => step + dayBegins),
      impressions: countOf(0),
      clicks: countOf(1),
      conversions: countOf(2),
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
  const { by, where } = selection
  const [firstUs, endUs] = boundsOf(index)
  if (firstUs >= stretch.toUs || endUs <= stretch.fromUs) return
  const wanted = wantedOf(index, selection)
  const cuboid = pickCuboid(index, stretch, selection, wanted, into.grid.stepUs)
  const slices = slicesOf(cuboid, runsOf(index, cuboid, by, wanted, into))
  if (slices.length === 0) return
  const scan: Scan = {
    cuboid,
    stepOf: stepsOf(index, cuboid, stretch, into),
    codeOf:
      by === 'campaign'
        ? Int32Array.from(index.header.campaigns, (name) => into.codeOf(name))
        : null,
    chosen: where.campaign.length === 0 ? null : codesOf(index, where.campaign),
    into,
  }
  const descriptor = openSync(file, 'r')
  try {
    for (const slice of slices) addSlice(descriptor, slice, scan)
  } finally {
    closeSync(descriptor)
  }
}

/** Of the windows that have events. */
function boundsOf({ header }: CellsIndex): readonly [firstUs: number, endUs: number] {
  const { day, windowUs, windows } = header
  return [day * DAY_US + windows[0] * windowUs, day * DAY_US + (windows[1] + 1) * windowUs]
}

function wantedOf({ header }: CellsIndex, { where }: EventSelection): Wanted {
  const of = (id: EventFilterId): Wanted[EventFilterId] => {
    if (where[id].length === 0) return null
    const chosen = new Set(where[id])
    return header.values[id].map((value) => chosen.has(value))
  }
  return { platform: of('platform'), country: of('country'), device: of('device') }
}

/** The one with the fewest cells in matching groups, of those that can answer exactly. */
function pickCuboid(
  index: CellsIndex,
  stretch: TimeSpan,
  { by, where }: EventSelection,
  wanted: Wanted,
  stepUs: number,
): CuboidIndex {
  const needed = FILTER_IDS.filter((id) => id === by || where[id].length > 0)
  const fitting = index.cuboids.filter(
    ({ header }) =>
      needed.every((id) => header.columns.includes(id)) &&
      hasStepsFor(index, header.stepUs, stretch, stepUs),
  )
  let [best, bestCells] = [index.cuboids[0] as CuboidIndex, Number.POSITIVE_INFINITY]
  for (const cuboid of fitting) {
    const cells = matchingCells(cuboid, wanted)
    if (cells < bestCells) [best, bestCells] = [cuboid, cells]
  }
  return best
}

/** Whether steps and ends of a stretch fall between those of a cuboid, as far as there are cells. */
function hasStepsFor(
  index: CellsIndex,
  cuboidStepUs: number,
  { fromUs, toUs }: TimeSpan,
  stepUs: number,
): boolean {
  if (cuboidStepUs === index.header.windowUs) return true
  const [firstUs, endUs] = boundsOf(index)
  return (
    stepUs % cuboidStepUs === 0 &&
    (fromUs <= firstUs || fromUs % cuboidStepUs === 0) &&
    (toUs >= endUs || toUs % cuboidStepUs === 0)
  )
}

function matchingCells({ groups }: CuboidIndex, wanted: Wanted): number {
  let [cells, from] = [0, 0]
  for (let at = 0; at < groups.length; at += GROUP_FIELDS) {
    const end = groups[at + 3] as number // each group has all its fields
    if (isWanted(groups, at, wanted)) cells += end - from
    from = end
  }
  return cells
}

function isWanted(groups: Uint32Array, at: number, { platform, country, device }: Wanted): boolean {
  return (
    (platform === null || platform[groups[at] as number] === true) &&
    (country === null || country[groups[at + 1] as number] === true) &&
    (device === null || device[groups[at + 2] as number] === true)
  )
}

/** The cells of each matching group. */
function runsOf(
  { header }: CellsIndex,
  { groups }: CuboidIndex,
  by: EventSelection['by'],
  wanted: Wanted,
  into: SumsCollector,
): readonly Run[] {
  const field = by === 'campaign' ? -1 : EVENT_FILTER_IDS.indexOf(by)
  const runs: Run[] = []
  let [cellsFrom, revenuesFrom] = [0, 0]
  for (let at = 0; at < groups.length; at += GROUP_FIELDS) {
    const cellsTo = groups[at + 3] as number
    const revenuesTo = groups[at + 4] as number
    if (isWanted(groups, at, wanted)) {
      const code =
        by === 'campaign' ? 0 : into.codeOf(header.values[by][groups[at + field] as number] ?? '')
      runs.push({ cellsFrom, cellsTo, revenuesFrom, revenuesTo, code })
    }
    cellsFrom = cellsTo
    revenuesFrom = revenuesTo
  }
  return runs
}

function slicesOf({ blocks }: CuboidIndex, runs: readonly Run[]): readonly Slice[] {
  const slices: Slice[] = []
  let [next, cells] = [0, 0]
  let open: Slice | null = null
  for (const block of blocks) {
    const first = next
    while (next < runs.length && (runs[next] as Run).cellsTo <= block.cellsTo) next++
    if (next === first) {
      open = null
      continue
    }
    const blockCells = block.cellsTo - block.cellsFrom
    if (open === null || cells + blockCells > SLICE_CELLS_MAX) {
      open = { blocks: [], runs: [] }
      slices.push(open)
      cells = 0
    }
    open.blocks.push(block)
    open.runs.push(...runs.slice(first, next))
    cells += blockCells
  }
  return slices
}

type Scan = Readonly<{
  cuboid: CuboidIndex
  /** The step of the question for each of the cuboid's; -1 outside the stretch. */
  stepOf: Int32Array
  /** The name of each campaign's cells; null if they are named by their groups. */
  codeOf: Int32Array | null
  /** The campaigns whose cells are wanted; null if all are. */
  chosen: readonly number[] | null
  into: SumsCollector
}>

function stepsOf(
  index: CellsIndex,
  { header: { stepUs } }: CuboidIndex,
  { fromUs, toUs }: TimeSpan,
  { grid }: SumsCollector,
): Int32Array {
  const [firstUs, endUs] = boundsOf(index)
  const dayUs = index.header.day * DAY_US
  const steps = new Int32Array(Math.ceil((endUs - dayUs) / stepUs)).fill(-1)
  for (let step = Math.floor((firstUs - dayUs) / stepUs); step < steps.length; step++) {
    // The stretch may begin within the first step that has cells, if it does so before them.
    const startUs = Math.max(dayUs + step * stepUs, firstUs)
    if (startUs < fromUs || startUs >= toUs) continue
    steps[step] = Math.floor((startUs - grid.originUs) / grid.stepUs)
  }
  return steps
}

function codesOf({ header }: CellsIndex, names: readonly string[]): readonly number[] {
  return [...new Set(names)].flatMap((name) => {
    const code = header.campaigns.indexOf(name)
    return code < 0 ? [] : [code]
  })
}

function addSlice(descriptor: number, { blocks, runs }: Slice, scan: Scan): void {
  const { chosen } = scan
  const read = readBlocks(descriptor, scan.cuboid, blocks)
  const { cellsFrom = 0, revenuesFrom = 0 } = blocks[0] ?? {}
  for (const run of runs) {
    const here = movedBack(run, cellsFrom, revenuesFrom)
    if (chosen === null) addRun(here, read, cellsFrom, scan)
    else {
      for (const code of chosen)
        addRun(ofCampaign(here, read, cellsFrom, code), read, cellsFrom, scan)
    }
  }
}

/** In places of what was read, which begins with these. */
function movedBack<S extends CellsStretch>(stretch: S, cells: number, revenues: number): S {
  return {
    ...stretch,
    cellsFrom: stretch.cellsFrom - cells,
    cellsTo: stretch.cellsTo - cells,
    revenuesFrom: stretch.revenuesFrom - revenues,
    revenuesTo: stretch.revenuesTo - revenues,
  }
}

/** `cellsFrom` is the cell with which what was read begins. */
function addRun(run: Run, read: CellsRead, cellsFrom: number, scan: Scan): void {
  if (scan.codeOf === null) addByGroup(run, read, cellsFrom, scan)
  else addByCampaign(run, read, cellsFrom, scan, scan.codeOf)
}

function addByGroup(
  { code, ...run }: Run,
  { steps, counts, revenues, revenueCells }: CellsRead,
  cellsFrom: number,
  { cuboid, stepOf, into }: Scan,
): void {
  const combinations = cuboid.counts
  for (let at = run.cellsFrom; at < run.cellsTo; at++) {
    const step = stepOf[steps[at] as number] as number // every place below has an entry
    if (step < 0) continue
    const row = into.rowOf(step, code) * WIDTH
    const from = (counts[at] as number) * COUNT_FIELDS
    const sums = into.table.sums
    sums[row] = (sums[row] as number) + (combinations[from] as number)
    sums[row + 1] = (sums[row + 1] as number) + (combinations[from + 1] as number)
    sums[row + 2] = (sums[row + 2] as number) + (combinations[from + 2] as number)
  }
  for (let at = run.revenuesFrom; at < run.revenuesTo; at++) {
    const cell = (revenueCells[at] as number) - cellsFrom
    const step = stepOf[steps[cell] as number] as number
    if (step < 0) continue
    const row = into.rowOf(step, code) * WIDTH + 3
    const sums = into.table.sums
    sums[row] = (sums[row] as number) + (revenues[at] as number)
  }
}

function addByCampaign(
  run: Run,
  { steps, campaigns, counts, revenues, revenueCells }: CellsRead,
  cellsFrom: number,
  { cuboid, stepOf, into }: Scan,
  codeOf: Int32Array,
): void {
  const combinations = cuboid.counts
  for (let at = run.cellsFrom; at < run.cellsTo; at++) {
    const step = stepOf[steps[at] as number] as number
    if (step < 0) continue
    const row = into.rowOf(step, codeOf[campaigns[at] as number] as number) * WIDTH
    const from = (counts[at] as number) * COUNT_FIELDS
    const sums = into.table.sums
    sums[row] = (sums[row] as number) + (combinations[from] as number)
    sums[row + 1] = (sums[row + 1] as number) + (combinations[from + 1] as number)
    sums[row + 2] = (sums[row + 2] as number) + (combinations[from + 2] as number)
  }
  for (let at = run.revenuesFrom; at < run.revenuesTo; at++) {
    const cell = (revenueCells[at] as number) - cellsFrom
    const step = stepOf[steps[cell] as number] as number
    if (step < 0) continue
    const row = into.rowOf(step, codeOf[campaigns[cell] as number] as number) * WIDTH + 3
    const sums = into.table.sums
    sums[row] = (sums[row] as number) + (revenues[at] as number)
  }
}

/** The part of a run that is of one campaign. */
function ofCampaign(run: Run, read: CellsRead, firstCell: number, code: number): Run {
  const { campaigns, revenueCells } = read
  const cellsFrom = firstNotBelow(campaigns, code, run.cellsFrom, run.cellsTo)
  const cellsTo = firstNotBelow(campaigns, code + 1, cellsFrom, run.cellsTo)
  const revenueOf = (cell: number): number =>
    firstNotBelow(revenueCells, firstCell + cell, run.revenuesFrom, run.revenuesTo)
  return {
    cellsFrom,
    cellsTo,
    revenuesFrom: revenueOf(cellsFrom),
    revenuesTo: revenueOf(cellsTo),
    code: run.code,
  }
}

/** The first place in `[from, to)` of ascending numbers whose number is not below a limit. */
function firstNotBelow(column: CellColumnPart, limit: number, from: number, to: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((column[middle] as number) < limit) low = middle + 1
    else high = middle
  }
  return low
}

/** Neighbouring blocks, as they were written. */
function readBlocks(
  descriptor: number,
  cuboid: CuboidIndex,
  blocks: readonly CellsBlock[],
): CellsRead {
  const { cellsFrom = 0, revenuesFrom = 0 } = blocks[0] ?? {}
  const { cellsTo = 0, revenuesTo = 0 } = blocks.at(-1) ?? {}
  const column = (name: CellColumn): CellColumnPart => {
    const width = cuboid.header.widths[name]
    const at = cuboid.columnsAt[name] + cellsFrom * width
    const bytes = readKept(name, descriptor, at, (cellsTo - cellsFrom) * width)
    if (width === 4) return asUint32(bytes)
    return width === 2 ? new Uint16Array(bytes.buffer, 0, bytes.length / 2) : bytes
  }
  const earned = (name: string, at: number, width: number): Uint8Array =>
    readKept(name, descriptor, at + revenuesFrom * width, (revenuesTo - revenuesFrom) * width)
  const read: CellsRead = {
    revenues: asFloat64(earned('revenues', cuboid.revenuesAt, 8)),
    revenueCells: asUint32(earned('revenueCells', cuboid.revenueCellsAt, 4)),
    steps: column('steps'),
    campaigns: column('campaigns'),
    counts: column('counts'),
  }
  for (const block of blocks) {
    const sum = checksumOf(read, movedBack(block, cellsFrom, revenuesFrom))
    if (sum !== block.checksum) throw damaged('has damaged cells')
  }
  return read
}

function asUint32({ buffer, length }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, 0, length / 4)
}

function asFloat64({ buffer, length }: Uint8Array): Float64Array {
  return new Float64Array(buffer, 0, length / 8)
}

/** Buffers by what is read into them. A slice is added up before the next one is read. */
const keptBuffers = new Map<string, ArrayBuffer>()

/** From the start of a buffer, so that columns of wider numbers are views of it. */
function readKept(name: string, descriptor: number, at: number, length: number): Uint8Array {
  if (length > KEPT_BYTES_MAX) return readInto(new Uint8Array(length), descriptor, at)
  let buffer = keptBuffers.get(name)
  if (buffer === undefined) {
    buffer = new ArrayBuffer(KEPT_BYTES_MAX)
    keptBuffers.set(name, buffer)
  }
  return readInto(new Uint8Array(buffer, 0, length), descriptor, at)
}

function readInto(bytes: Uint8Array, descriptor: number, at: number): Uint8Array {
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(descriptor, bytes, done, bytes.length - done, at + done)
    if (read === 0) throw damaged('ends too early')
    done += read
  }
  return bytes
}
