/**
 * The file of a raw file's cells, cuboid by cuboid. It is derived from the raw file alone, so that
 * it may be lost at any time.
 *
 *   magic     8 bytes   `cells 3\n`
 *   length    u32       of the header
 *   checksum  u32       CRC-32 of header, groups, counts and blocks
 *   header    JSON      CellsHeader, with spaces up to a multiple of 8
 *
 *   for each cuboid, to be held in memory:
 *   groups    u32 × 5 each: platform, country, device (places in the header's lists), and how many
 *             cells and how many revenues there are up to the group's end
 *   counts    u32 × 3 each: impressions, clicks and conversions, each combination once
 *   blocks    u32 × 3 each: how many cells and how many revenues there are up to its end, and the
 *             CRC-32 of its revenues, the cells these are of, and its part of each column
 *
 *   for each cuboid, of which a question reads some:
 *   revenues  f64 each, in millionths; then u32 each: the cell it is of. Others earned nothing.
 *   steps, campaigns, counts (places in those above): a column each, of the least width
 *
 * All are little-endian, and each part begins at a multiple of 8. Cells lie group by group, so that
 * a filter reads only those of its groups, and within a group campaign by campaign. Whole groups
 * make a block, which is read and verified as one: whatever is read is verified each time, and
 * nothing else has to be.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { EventCells } from '../../query.ts'
import { DAY_US } from '../steps.ts'
import {
  type CellColumns,
  type CellValues,
  CUBOID_RULES,
  type Cuboid,
  type CuboidRules,
  type CuboidShape,
  cuboidsOf,
  valuesOf,
} from './cuboids.ts'

const MAGIC = 'cells 3\n'
const PREFIX_BYTES = 16
export const GROUP_FIELDS = 5
export const COUNT_FIELDS = 3
const BLOCK_FIELDS = 3
const ALIGNMENT = 8
/** A block ends with the group that makes it as large. */
const BLOCK_CELLS_MIN = 8_192
/** Combinations of counts below are found by their place in a table. */
const COUNT_PLACES_MAX = 2 ** 20

export type CellColumn = 'steps' | 'campaigns' | 'counts'

/** No bytes where a cuboid has no campaigns. */
export type Width = 0 | 1 | 2 | 4

/** What the cells are of. */
export type CellsSource = Readonly<{ raw: string; rawRows: number; day: number; windowUs: number }>

const SUFFIX = '.cells'

/** The name of the file of a raw file's cells. */
export function cellsName(rawPath: string): string {
  return createHash('sha256').update(rawPath).digest('hex').slice(0, 40) + SUFFIX
}

export type CuboidHeader = CuboidShape &
  Readonly<{
    cells: number
    groups: number
    counts: number
    blocks: number
    revenues: number
    /** Bytes of an entry of each column. */
    widths: Readonly<Record<CellColumn, Width>>
  }>

export type CellsHeader = CellsSource &
  Readonly<{
    /** The first and the last window of the day that has events. */
    windows: readonly [first: number, last: number]
    values: CellValues
    campaigns: readonly string[]
    /** The one with all columns and windows first. */
    cuboids: readonly CuboidHeader[]
  }>

export type CellColumnPart = Uint8Array | Uint16Array | Uint32Array
type Part = CellColumnPart | Float64Array

/** A cuboid as it is written: what is held in memory, and what is read for a question. */
type Written = Readonly<{
  header: CuboidHeader
  held: readonly Part[]
  read: readonly Part[]
}>

/** The bytes of a file, in order; null if there are events of another day, or none. */
export function encodeCells(
  cells: EventCells,
  source: CellsSource,
  rules: CuboidRules = CUBOID_RULES,
): readonly Uint8Array[] | null {
  const dayBegins = (source.day * DAY_US) / source.windowUs
  const dayEnds = ((source.day + 1) * DAY_US) / source.windowUs
  const [first, last] = [least(cells.windows), most(cells.windows)]
  if (cells.windows.length === 0 || first < dayBegins || last >= dayEnds) return null
  const values = valuesOf(cells)
  const cuboids = cuboidsOf(cells, values, source, rules).map(written)
  const header: CellsHeader = {
    ...source,
    windows: [first - dayBegins, last - dayBegins],
    values,
    campaigns: cells.campaigns,
    cuboids: cuboids.map((cuboid) => cuboid.header),
  }
  const headerBytes = Buffer.from(paddedJson(header))
  const held = cuboids.flatMap((cuboid) => cuboid.held).flatMap(aligned)
  const read = cuboids.flatMap((cuboid) => cuboid.read).flatMap(aligned)
  return [prefixOf(headerBytes, held), headerBytes, ...held, ...read]
}

function written({ columns, stepUs, groups, cells }: Cuboid): Written {
  const revenueCells = cellsWithRevenue(cells)
  const revenues = Float64Array.from(revenueCells, (cell) => cells.revenueMillionths[cell] ?? 0)
  const { combinations, codes } = numberCounts(cells)
  const stepColumn = narrowed(cells.steps)
  const campaignColumn = columns.includes('campaign')
    ? narrowed(cells.campaigns)
    : new Uint8Array(0)
  const countColumn = narrowed(codes)
  const columnsRead = {
    revenues,
    revenueCells,
    steps: stepColumn,
    campaigns: campaignColumn,
    counts: countColumn,
  }
  const groupsHeld = groupRecords({ groups, cells }, revenueCells)
  const blocks = blockRecords(groupsHeld, columnsRead)
  const header: CuboidHeader = {
    columns,
    stepUs,
    cells: cells.steps.length,
    groups: groups.length,
    counts: combinations.length / COUNT_FIELDS,
    blocks: blocks.length / BLOCK_FIELDS,
    revenues: revenues.length,
    widths: {
      steps: widthOf(stepColumn),
      campaigns: columns.includes('campaign') ? widthOf(campaignColumn) : 0,
      counts: widthOf(countColumn),
    },
  }
  return {
    header,
    held: [groupsHeld, combinations, blocks],
    read: [revenues, revenueCells, stepColumn, campaignColumn, countColumn],
  }
}

function cellsWithRevenue({ revenueMillionths }: CellColumns): Uint32Array {
  const found = new Uint32Array(revenueMillionths.length)
  let count = 0
  for (let cell = 0; cell < revenueMillionths.length; cell++) {
    if (revenueMillionths[cell] === 0) continue
    found[count] = cell
    count++
  }
  return found.slice(0, count)
}

function groupRecords(
  { groups, cells }: Pick<Cuboid, 'groups' | 'cells'>,
  revenueCells: Uint32Array,
): Uint32Array {
  const records = new Uint32Array(groups.length * GROUP_FIELDS)
  let [end, revenues] = [0, 0]
  for (const [place, { platform, country, device }] of groups.entries()) {
    while (end < cells.groups.length && cells.groups[end] === place) end++
    while (revenues < revenueCells.length && (revenueCells[revenues] ?? 0) < end) revenues++
    records.set([platform, country, device, end, revenues], place * GROUP_FIELDS)
  }
  return records
}

function blockRecords(groups: Uint32Array, read: CellsRead): Uint32Array {
  const records: number[] = []
  let [cellsFrom, revenuesFrom] = [0, 0]
  for (let at = 0; at < groups.length; at += GROUP_FIELDS) {
    const [cellsTo, revenuesTo] = [groups[at + 3] ?? 0, groups[at + 4] ?? 0]
    const isLast = at + GROUP_FIELDS === groups.length
    if (cellsTo - cellsFrom < BLOCK_CELLS_MIN && !isLast) continue
    const stretch = { cellsFrom, cellsTo, revenuesFrom, revenuesTo }
    records.push(cellsTo, revenuesTo, checksumOf(read, stretch))
    cellsFrom = cellsTo
    revenuesFrom = revenuesTo
  }
  return Uint32Array.from(records)
}

/** Neighbouring cells, and the revenues that are of them. */
export type CellsStretch = Readonly<{
  cellsFrom: number
  cellsTo: number
  revenuesFrom: number
  revenuesTo: number
}>

/** All cells of a cuboid, or some that were read. */
export type CellsRead = Readonly<Record<CellColumn, CellColumnPart>> &
  Readonly<{ revenues: Float64Array; revenueCells: Uint32Array }>

/** Of a stretch of these cells. */
export function checksumOf(read: CellsRead, stretch: CellsStretch): number {
  const { cellsFrom, cellsTo, revenuesFrom, revenuesTo } = stretch
  const parts = [
    read.revenues.subarray(revenuesFrom, revenuesTo),
    read.revenueCells.subarray(revenuesFrom, revenuesTo),
    read.steps.subarray(cellsFrom, cellsTo),
    read.campaigns.subarray(cellsFrom, cellsTo),
    read.counts.subarray(cellsFrom, cellsTo),
  ]
  return parts.reduce((sum, part) => crc32(bytesOf(part), sum), 0)
}

/**
 * Numbers the combinations of counts. They are few: most cells are of one event, and what many
 * events add up to is much the same from cell to cell.
 */
function numberCounts({ impressions, clicks, conversions }: CellColumns): Readonly<{
  combinations: Uint32Array
  codes: Uint32Array
}> {
  const clicksLimit = most(clicks) + 1
  const conversionsLimit = most(conversions) + 1
  const places = (most(impressions) + 1) * clicksLimit * conversionsLimit
  /** Code + 1; 0 is none yet. */
  const table = places <= COUNT_PLACES_MAX ? new Uint32Array(places) : null
  const known = new Map<number | string, number>()
  const found: number[] = []
  const codes = new Uint32Array(impressions.length)
  for (let cell = 0; cell < codes.length; cell++) {
    const i = impressions[cell] ?? 0
    const k = clicks[cell] ?? 0
    const v = conversions[cell] ?? 0
    const place = (i * clicksLimit + k) * conversionsLimit + v
    const key = Number.isSafeInteger(places) ? place : `${i} ${k} ${v}`
    let code = table === null ? known.get(key) : table[place]
    if (code === undefined || code === 0) {
      found.push(i, k, v)
      code = found.length / COUNT_FIELDS
      if (table === null) known.set(key, code)
      else table[place] = code
    }
    codes[cell] = code - 1
  }
  return { combinations: Uint32Array.from(found), codes }
}

/** In as few bytes as its largest entry needs. */
function narrowed(column: Uint32Array): CellColumnPart {
  const largest = most(column)
  if (largest < 2 ** 8) return Uint8Array.from(column)
  return largest < 2 ** 16 ? Uint16Array.from(column) : column
}

function widthOf(column: CellColumnPart): Width {
  return column.BYTES_PER_ELEMENT as Width // of one of three kinds of arrays
}

function least(column: Uint32Array): number {
  let found = Number.MAX_SAFE_INTEGER
  for (let at = 0; at < column.length; at++) found = Math.min(found, column[at] as number)
  return found
}

function most(column: Uint32Array): number {
  let found = 0
  for (let at = 0; at < column.length; at++) found = Math.max(found, column[at] as number)
  return found
}

function paddedJson(header: CellsHeader): string {
  const text = JSON.stringify(header)
  return text + ' '.repeat(padding(Buffer.byteLength(text)))
}

function aligned(part: Part): Uint8Array[] {
  const bytes = bytesOf(part)
  return [bytes, new Uint8Array(padding(bytes.length))]
}

function bytesOf(part: Part): Uint8Array {
  return new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
}

function padding(bytes: number): number {
  return (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT
}

function prefixOf(header: Uint8Array, held: readonly Uint8Array[]): Uint8Array {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.write(MAGIC, 'latin1')
  prefix.writeUInt32LE(header.length, 8)
  prefix.writeUInt32LE(
    held.reduce((sum, part) => crc32(part, sum), crc32(header)),
    12,
  )
  return prefix
}

/** The raw file is read instead, and the file made again: nobody needs to know. */
export function damaged(what: string): Error {
  return new Error(`a file of cells ${what}`)
}

/** Cells that are read and verified as one. */
export type CellsBlock = CellsStretch & Readonly<{ checksum: number }>

export type CuboidIndex = Readonly<{
  header: CuboidHeader
  /** GROUP_FIELDS each. */
  groups: Uint32Array
  /** COUNT_FIELDS each. */
  counts: Uint32Array
  blocks: readonly CellsBlock[]
  revenuesAt: number
  revenueCellsAt: number
  columnsAt: Readonly<Record<CellColumn, number>>
}>

/** A file as far as it is held in memory: all but its cells. */
export type CellsIndex = Readonly<{
  header: CellsHeader
  cuboids: readonly CuboidIndex[]
  /** Where the file ends. */
  bytes: number
}>

/**
 * `read` gives `length` bytes of the file from a place on, in a buffer of their own. Throws if they
 * are not as they were written.
 */
export function decodeIndex(read: (at: number, length: number) => Uint8Array): CellsIndex {
  const prefix = Buffer.from(read(0, PREFIX_BYTES))
  if (prefix.toString('latin1', 0, 8) !== MAGIC) throw damaged('is none of this version')
  const headerBytes = read(PREFIX_BYTES, prefix.readUInt32LE(8))
  const header: CellsHeader = JSON.parse(Buffer.from(headerBytes).toString('utf8'))
  const heldAt = PREFIX_BYTES + headerBytes.length
  const heldBytes = header.cuboids.reduce((sum, cuboid) => sum + heldBytesOf(cuboid), 0)
  const held = read(heldAt, heldBytes)
  if (crc32(held, crc32(headerBytes)) !== prefix.readUInt32LE(12)) {
    throw damaged('has a damaged index')
  }
  let [from, at] = [0, heldAt + heldBytes]
  const take = (entries: number): Uint32Array => {
    const part = new Uint32Array(held.buffer, held.byteOffset + from, entries)
    from += padded(entries * 4)
    return part
  }
  const begin = (bytes: number): number => {
    const start = at
    at += padded(bytes)
    return start
  }
  const cuboids = header.cuboids.map((cuboid): CuboidIndex => {
    const { cells, widths } = cuboid
    return {
      header: cuboid,
      groups: take(cuboid.groups * GROUP_FIELDS),
      counts: take(cuboid.counts * COUNT_FIELDS),
      blocks: blocksOf(take(cuboid.blocks * BLOCK_FIELDS)),
      revenuesAt: begin(cuboid.revenues * 8),
      revenueCellsAt: begin(cuboid.revenues * 4),
      columnsAt: {
        steps: begin(cells * widths.steps),
        campaigns: begin(cells * widths.campaigns),
        counts: begin(cells * widths.counts),
      },
    }
  })
  return { header, cuboids, bytes: at }
}

function blocksOf(records: Uint32Array): readonly CellsBlock[] {
  const blocks: CellsBlock[] = []
  let [cellsFrom, revenuesFrom] = [0, 0]
  for (let at = 0; at < records.length; at += BLOCK_FIELDS) {
    const [cellsTo = 0, revenuesTo = 0, checksum = 0] = records.subarray(at)
    blocks.push({ cellsFrom, cellsTo, revenuesFrom, revenuesTo, checksum })
    cellsFrom = cellsTo
    revenuesFrom = revenuesTo
  }
  return blocks
}

function heldBytesOf({ groups, counts, blocks }: CuboidHeader): number {
  const parts = [groups * GROUP_FIELDS, counts * COUNT_FIELDS, blocks * BLOCK_FIELDS]
  return parts.reduce((sum, entries) => sum + padded(entries * 4), 0)
}

function padded(bytes: number): number {
  return bytes + padding(bytes)
}
