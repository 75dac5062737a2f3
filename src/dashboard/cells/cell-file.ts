/**
 * The file of a raw file's cells: what its events add up to in each window, for each campaign and
 * each group, which is a combination of platform, country and device. It is derived from the raw
 * file alone, so that it may be lost at any time.
 *
 *   magic     8 bytes   `cells 2\n`
 *   length    u32       of the header
 *   checksum  u32       CRC-32 of header and groups
 *   header    JSON      CellsHeader, with spaces up to a multiple of 8
 *   groups    u32 × 6 each: platform, country, device (places in the header's lists), how many
 *             cells and how many revenues there are up to the group's end, and the CRC-32 of the
 *             group's revenues, the cells these are of, and its part of each column
 *   revenues  f64 each, in millionths; then u32 each: the cell it is of. Others earned nothing.
 *   windows, campaigns, impressions, clicks, conversions: a column each, of the least width
 *
 * All are little-endian, and each column begins at a multiple of 8. Cells lie group by group, so
 * that a filter reads only those of its groups. Groups are sorted first by what has the fewest
 * values, so that those of a filter lie together. Each group has a checksum of its own, so that what
 * is read can be verified whenever it is read, and nothing else has to be.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { EVENT_FILTER_IDS, type EventFilterId } from '../../dashboard-definition.ts'
import type { EventCells } from '../../query.ts'
import { DAY_US } from '../steps.ts'

const MAGIC = 'cells 2\n'
const PREFIX_BYTES = 16
const GROUP_FIELDS = 6
const ALIGNMENT = 8

export const CELL_COLUMNS = [
  'windows',
  'campaigns',
  'impressions',
  'clicks',
  'conversions',
] as const
export type CellColumn = (typeof CELL_COLUMNS)[number]

type Width = 1 | 2 | 4

/** What the cells are of. */
export type CellsSource = Readonly<{ raw: string; rawRows: number; day: number; windowUs: number }>

const SUFFIX = '.cells'

/** The name of the file of a raw file's cells. */
export function cellsName(rawPath: string): string {
  return createHash('sha256').update(rawPath).digest('hex').slice(0, 40) + SUFFIX
}

export type CellsHeader = CellsSource &
  Readonly<{
    cells: number
    groups: number
    revenues: number
    /** The first and the last window of the day that has events. */
    windows: readonly [first: number, last: number]
    /** Bytes of an entry of each column. */
    widths: Readonly<Record<CellColumn, Width>>
    values: Readonly<Record<EventFilterId, readonly string[]>>
    campaigns: readonly string[]
  }>

export type WrittenColumn = Uint8Array | Uint16Array | Uint32Array

/** The bytes of a file, in order; null if there are events of another day, or none. */
export function encodeCells(cells: EventCells, source: CellsSource): readonly Uint8Array[] | null {
  const dayBegins = (source.day * DAY_US) / source.windowUs
  const dayEnds = ((source.day + 1) * DAY_US) / source.windowUs
  const isOfDay = (window: number): boolean => window >= dayBegins && window < dayEnds
  if (cells.windows.length === 0 || !cells.windows.every(isOfDay)) return null
  const values = valuesOf(cells)
  const order = groupOrder(cells, values)
  const { places, ends } = placeCells(cells, order)
  const windows = picked(cells.windows, places).map((window) => window - dayBegins)
  const revenueCells = cellsWithRevenue(cells, places)
  const columns: Readonly<Record<CellColumn, WrittenColumn>> = {
    windows: narrowed(windows),
    campaigns: narrowed(picked(cells.campaignCodes, places)),
    impressions: narrowed(picked(cells.impressions, places)),
    clicks: narrowed(picked(cells.clicks, places)),
    conversions: narrowed(picked(cells.conversions, places)),
  }
  const header: CellsHeader = {
    ...source,
    cells: places.length,
    groups: order.length,
    revenues: revenueCells.length,
    windows: [least(windows), most(windows)],
    widths: {
      windows: widthOf(columns.windows),
      campaigns: widthOf(columns.campaigns),
      impressions: widthOf(columns.impressions),
      clicks: widthOf(columns.clicks),
      conversions: widthOf(columns.conversions),
    },
    values,
    campaigns: cells.campaigns,
  }
  const revenues = Float64Array.from(
    revenueCells,
    (at) => cells.revenueMillionths[places[at] ?? 0] ?? 0,
  )
  const written: CellColumns = { revenues, revenueCells, columns }
  const groups = groupRecords(cells, order, values, ends, written)
  const headerBytes = Buffer.from(paddedJson(header))
  const body = [
    headerBytes,
    groups,
    revenues,
    revenueCells,
    ...CELL_COLUMNS.map((name) => columns[name]),
  ].flatMap(aligned)
  return [prefixOf(headerBytes, groups), ...body]
}

/** Each value of each column once. */
function valuesOf({ groups }: EventCells): CellsHeader['values'] {
  const listOf = (id: EventFilterId): string[] => [...new Set(groups.map((group) => group[id]))]
  return { platform: listOf('platform'), country: listOf('country'), device: listOf('device') }
}

/** The codes of the groups in the order in which they are written. */
function groupOrder({ groups }: EventCells, values: CellsHeader['values']): readonly number[] {
  const ids = EVENT_FILTER_IDS.toSorted((a, b) => values[a].length - values[b].length)
  const places = new Map(
    ids.map((id) => [id, new Map(values[id].map((value, place) => [value, place]))] as const),
  )
  const placeIn = (id: EventFilterId, code: number): number =>
    places.get(id)?.get(groups[code]?.[id] ?? '') ?? 0
  return [...groups.keys()].sort((a, b) => {
    const differing = ids.find((id) => groups[a]?.[id] !== groups[b]?.[id])
    return differing === undefined ? 0 : placeIn(differing, a) - placeIn(differing, b)
  })
}

/**
 * The cells in the order of their groups, and where each group ends. Within a group they are in the
 * order of campaigns: adding up then meets one campaign after the other, which the processor's
 * caches like.
 */
function placeCells(
  { groupCodes, campaignCodes, campaigns }: EventCells,
  order: readonly number[],
): Readonly<{ places: Uint32Array; ends: Uint32Array }> {
  const byCampaign = sortedBy(campaignCodes, Uint32Array.from(campaigns.keys()), null)
  return sortedBy(groupCodes, Uint32Array.from(order), byCampaign.places)
}

/** A stable counting sort of `cells` (null: all) by codes, whose order is given. */
function sortedBy(
  codes: Uint32Array,
  order: Uint32Array,
  cells: Uint32Array | null,
): Readonly<{ places: Uint32Array; ends: Uint32Array }> {
  const counts = new Uint32Array(order.length)
  for (const code of codes) counts[code] = (counts[code] as number) + 1 // codes are below
  const next = new Uint32Array(order.length)
  const ends = new Uint32Array(order.length)
  let end = 0
  for (const [place, code] of order.entries()) {
    next[code] = end
    end += counts[code] ?? 0
    ends[place] = end
  }
  const places = new Uint32Array(codes.length)
  for (let at = 0; at < codes.length; at++) {
    const cell = cells === null ? at : (cells[at] as number)
    const code = codes[cell] as number
    const place = next[code] as number
    places[place] = cell
    next[code] = place + 1
  }
  return { places, ends }
}

function cellsWithRevenue({ revenueMillionths }: EventCells, places: Uint32Array): Uint32Array {
  const found = new Uint32Array(places.length)
  let count = 0
  for (let at = 0; at < places.length; at++) {
    if (revenueMillionths[places[at] as number] === 0) continue
    found[count] = at
    count++
  }
  return found.slice(0, count)
}

function groupRecords(
  { groups }: EventCells,
  order: readonly number[],
  values: CellsHeader['values'],
  ends: Uint32Array,
  written: CellColumns,
): Uint32Array {
  const { revenueCells } = written
  const records = new Uint32Array(order.length * GROUP_FIELDS)
  let [cellsFrom, revenuesFrom] = [0, 0]
  for (const [place, code] of order.entries()) {
    const cellsTo = ends[place] ?? 0
    let revenuesTo = revenuesFrom
    while ((revenueCells[revenuesTo] ?? cellsTo) < cellsTo) revenuesTo++
    const fields = (['platform', 'country', 'device'] as const).map((id) =>
      values[id].indexOf(groups[code]?.[id] ?? ''),
    )
    const stretch = { cellsFrom, cellsTo, revenuesFrom, revenuesTo }
    const checksum = groupChecksum(written, stretch)
    records.set([...fields, cellsTo, revenuesTo, checksum], place * GROUP_FIELDS)
    cellsFrom = cellsTo
    revenuesFrom = revenuesTo
  }
  return records
}

/** Cells in columns: of a file, or of a part of it. */
export type CellColumns = Readonly<{
  /** In millionths. */
  revenues: Float64Array
  /** The cell of each revenue. */
  revenueCells: Uint32Array
  columns: Readonly<Record<CellColumn, WrittenColumn>>
}>

/** Which cells and revenues are of a group. */
export type GroupStretch = Readonly<{
  cellsFrom: number
  cellsTo: number
  revenuesFrom: number
  revenuesTo: number
}>

export function groupChecksum(
  { revenues, revenueCells, columns }: CellColumns,
  { cellsFrom, cellsTo, revenuesFrom, revenuesTo }: GroupStretch,
): number {
  const parts = [
    revenues.subarray(revenuesFrom, revenuesTo),
    revenueCells.subarray(revenuesFrom, revenuesTo),
    ...CELL_COLUMNS.map((name) => columns[name].subarray(cellsFrom, cellsTo)),
  ]
  return parts.reduce((sum, part) => crc32(part, sum), 0)
}

function picked(column: Uint32Array, places: Uint32Array): Uint32Array {
  const result = new Uint32Array(places.length)
  for (let at = 0; at < places.length; at++) result[at] = column[places[at] ?? 0] ?? 0
  return result
}

/** In as few bytes as its largest entry needs. */
function narrowed(column: Uint32Array): WrittenColumn {
  const largest = most(column)
  if (largest < 2 ** 8) return Uint8Array.from(column)
  return largest < 2 ** 16 ? Uint16Array.from(column) : column
}

function widthOf(column: WrittenColumn): Width {
  return column.BYTES_PER_ELEMENT as Width // of one of three kinds of arrays
}

function least(column: Uint32Array): number {
  return column.reduce((found, entry) => Math.min(found, entry), Number.MAX_SAFE_INTEGER)
}

function most(column: Uint32Array): number {
  return column.reduce((found, entry) => Math.max(found, entry), 0)
}

function paddedJson(header: CellsHeader): string {
  const text = JSON.stringify(header)
  return text + ' '.repeat(padding(Buffer.byteLength(text)))
}

function aligned(part: Uint8Array | Uint16Array | Uint32Array | Float64Array): Uint8Array[] {
  const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
  return [bytes, new Uint8Array(padding(bytes.length))]
}

function padding(bytes: number): number {
  return (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT
}

function prefixOf(header: Uint8Array, groups: Uint32Array): Uint8Array {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.write(MAGIC, 'latin1')
  prefix.writeUInt32LE(header.length, 8)
  prefix.writeUInt32LE(crc32(groups, crc32(header)), 12)
  return prefix
}

/** A group: the places of its values, its cells and its revenues, and its checksum. */
export type CellsGroup = GroupStretch &
  Readonly<Record<EventFilterId, number>> &
  Readonly<{ checksum: number }>

/** A file as far as it is read at once: all but its cells. */
export type CellsIndex = Readonly<{
  header: CellsHeader
  groups: readonly CellsGroup[]
  revenuesAt: number
  revenueCellsAt: number
  columnsAt: Readonly<Record<CellColumn, number>>
  /** Where the file ends. */
  bytes: number
}>

/**
 * `read` gives `length` bytes of the file from a place on. Throws if they are not as they were
 * written.
 */
export function decodeIndex(read: (at: number, length: number) => Uint8Array): CellsIndex {
  const prefix = Buffer.from(read(0, PREFIX_BYTES))
  if (prefix.toString('latin1', 0, 8) !== MAGIC) throw damaged('is none of this version')
  const headerBytes = read(PREFIX_BYTES, prefix.readUInt32LE(8))
  const header: CellsHeader = JSON.parse(Buffer.from(headerBytes).toString('utf8'))
  const groupsAt = PREFIX_BYTES + headerBytes.length
  const groupBytes = read(groupsAt, header.groups * GROUP_FIELDS * 4)
  if (crc32(groupBytes, crc32(headerBytes)) !== prefix.readUInt32LE(12)) {
    throw damaged('has a damaged index')
  }
  const revenuesAt = nextPart(groupsAt, groupBytes.length)
  const revenueCellsAt = nextPart(revenuesAt, header.revenues * 8)
  let at = nextPart(revenueCellsAt, header.revenues * 4)
  const begin = (name: CellColumn): number => {
    const start = at
    at = nextPart(start, header.cells * header.widths[name])
    return start
  }
  const columnsAt = {
    windows: begin('windows'),
    campaigns: begin('campaigns'),
    impressions: begin('impressions'),
    clicks: begin('clicks'),
    conversions: begin('conversions'),
  }
  const groups = groupsOf(groupBytes, header.groups)
  return { header, groups, revenuesAt, revenueCellsAt, columnsAt, bytes: at }
}

/** The raw file is read instead, and the file made again: nobody needs to know. */
export function damaged(what: string): Error {
  return new Error(`a file of cells ${what}`)
}

function groupsOf(bytes: Uint8Array, count: number): readonly CellsGroup[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let [cellsFrom, revenuesFrom] = [0, 0]
  return Array.from({ length: count }, (_, group) => {
    const field = (index: number): number =>
      view.getUint32((group * GROUP_FIELDS + index) * 4, true)
    const [cellsTo, revenuesTo] = [field(3), field(4)]
    const stretch = { cellsFrom, cellsTo, revenuesFrom, revenuesTo }
    cellsFrom = cellsTo
    revenuesFrom = revenuesTo
    return {
      platform: field(0),
      country: field(1),
      device: field(2),
      ...stretch,
      checksum: field(5),
    }
  })
}

function nextPart(at: number, bytes: number): number {
  return at + bytes + padding(bytes)
}
