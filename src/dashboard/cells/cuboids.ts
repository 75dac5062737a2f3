/**
 * The cuboids of a raw file: its cells, and the same added up over some of their columns or over
 * the windows of an hour, so that a question reads the smallest that can answer it. The first has
 * all columns and windows. Of the others those are kept that are much smaller than every cuboid
 * from which they could be made.
 *
 *   campaign, platform, country, device │ by window, by hour
 *             platform, country, device │ by window, by hour
 *   campaign and one of the three       │ by window, by hour
 */
import {
  EVENT_FILTER_IDS,
  type EventFilterId,
  FILTER_IDS,
  type FilterId,
  mapEventFilters,
} from '../../dashboard-definition.ts'
import type { EventCells } from '../../query.ts'
import { DAY_US, HOUR_US } from '../steps.ts'

/** What the cells of a cuboid are told apart by. */
export type CuboidShape = Readonly<{ columns: readonly FilterId[]; stepUs: number }>

/** The values of each column; groups name them by their places. */
export type CellValues = Readonly<Record<EventFilterId, readonly string[]>>

/** A combination of values; 0 in columns that the cuboid does not have. */
export type Group = Readonly<Record<EventFilterId, number>>

/** One entry for each cell, in all that follow. */
export type CellColumns = Readonly<{
  groups: Uint32Array
  /** Zeros in a cuboid without campaigns. */
  campaigns: Uint32Array
  /** Counted from the start of the day. */
  steps: Uint32Array
  impressions: Uint32Array
  clicks: Uint32Array
  conversions: Uint32Array
  revenueMillionths: Float64Array
}>

/**
 * Cells in the order of groups, campaigns and steps, each of them once. Groups are in the order of
 * the column with the most values first: cells of one value, of which a filter takes the fewest,
 * then lie together.
 */
export type Cuboid = CuboidShape & Readonly<{ groups: readonly Group[]; cells: CellColumns }>

export type CuboidRules = Readonly<{
  /** Fewer cells are read at once anyway. */
  cellsMin: number
  /** Of the cells of the cuboid it is made from. */
  shareMax: number
}>

export const CUBOID_RULES: CuboidRules = { cellsMin: 4_096, shareMax: 0.5 }

/** A bit each. */
const PLACES_MAX = 2 ** 27

/** Each value of each column once. */
export function valuesOf({ groups }: EventCells): CellValues {
  return mapEventFilters((id) => [...new Set(groups.map((group) => group[id]))])
}

/** The finest first. */
export function cuboidsOf(
  cells: EventCells,
  values: CellValues,
  { day, windowUs }: Readonly<{ day: number; windowUs: number }>,
  { cellsMin, shareMax }: CuboidRules,
): readonly Cuboid[] {
  const campaigns = cells.campaigns.length
  const dayBegins = (day * DAY_US) / windowUs
  const steps = cells.windows.slice()
  for (let cell = 0; cell < steps.length; cell++) steps[cell] = (steps[cell] as number) - dayBegins
  const finest = ordered(
    {
      columns: FILTER_IDS,
      stepUs: windowUs,
      groups: placesOf(cells, values),
      cells: { ...cells, groups: cells.groupCodes, campaigns: cells.campaignCodes, steps },
    },
    values,
    campaigns,
  )
  if (cellsIn(finest) < cellsMin) return [finest]
  const made = [finest]
  for (const shape of coarserShapes(windowUs)) {
    const [source = finest] = made
      .filter((cuboid) => canMake(cuboid, shape))
      .sort((a, b) => cellsIn(a) - cellsIn(b))
    const cuboid = addedUp(source, shape, values, campaigns, cellsIn(source) * shareMax)
    if (cuboid !== null) made.push(cuboid)
  }
  return made
}

function coarserShapes(windowUs: number): readonly CuboidShape[] {
  const hasHours = windowUs < HOUR_US && HOUR_US % windowUs === 0
  const steps = hasHours ? [windowUs, HOUR_US] : [windowUs]
  const columns: readonly (readonly FilterId[])[] = [
    FILTER_IDS,
    EVENT_FILTER_IDS,
    ...EVENT_FILTER_IDS.map((id) => ['campaign', id] as const),
  ]
  const [, ...coarser] = columns.flatMap((some) =>
    steps.map((stepUs) => ({ columns: some, stepUs })),
  )
  return coarser
}

function canMake(cuboid: Cuboid, { columns, stepUs }: CuboidShape): boolean {
  return cuboid.stepUs <= stepUs && columns.every((id) => cuboid.columns.includes(id))
}

function cellsIn({ cells }: Cuboid): number {
  return cells.steps.length
}

function placesOf({ groups }: EventCells, values: CellValues): readonly Group[] {
  const places = mapEventFilters((id) => new Map(values[id].map((value, place) => [value, place])))
  return groups.map((group) => mapEventFilters((id) => places[id].get(group[id]) ?? 0))
}

/** The groups that remain in other columns, in order, and which of them each group belongs to. */
function regroup(
  groups: readonly Group[],
  columns: readonly FilterId[],
  values: CellValues,
): Readonly<{ groups: readonly Group[]; groupOf: Uint32Array }> {
  const ids = EVENT_FILTER_IDS.filter((id) => columns.includes(id)).sort(
    (a, b) => values[b].length - values[a].length,
  )
  const keys = groups.map((group) =>
    ids.reduce((key, id) => key * values[id].length + group[id], 0),
  )
  const sorted = [...new Set(keys)].sort((a, b) => a - b)
  const ranks = new Map(sorted.map((key, rank) => [key, rank]))
  const groupOf = Uint32Array.from(keys, (key) => ranks.get(key) ?? 0)
  const found: Group[] = []
  for (const [at, group] of groups.entries()) {
    found[groupOf[at] ?? 0] ??= mapEventFilters((id) => (columns.includes(id) ? group[id] : 0))
  }
  return { groups: found, groupOf }
}

/** The cells in the order of a cuboid, and added up where several are of one place. */
function ordered(
  { groups, cells, ...shape }: Cuboid,
  values: CellValues,
  campaigns: number,
): Cuboid {
  const { groups: found, groupOf } = regroup(groups, shape.columns, values)
  const codes = new Uint32Array(cells.groups.length)
  let order = new Uint32Array(cells.groups.length)
  for (let cell = 0; cell < codes.length; cell++) {
    codes[cell] = groupOf[cells.groups[cell] as number] as number // every place below has an entry
    order[cell] = cell
  }
  order = sortedBy(cells.steps, DAY_US / shape.stepUs, order)
  order = sortedBy(cells.campaigns, campaigns, order)
  order = sortedBy(codes, found.length, order)
  return { ...shape, groups: found, cells: merged({ ...cells, groups: codes }, order) }
}

/** A stable counting sort of cells by codes below `limit`. */
function sortedBy(codes: Uint32Array, limit: number, cells: Uint32Array): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(limit + 1)
  for (let at = 0; at < codes.length; at++) {
    const place = (codes[at] as number) + 1
    next[place] = (next[place] as number) + 1
  }
  for (let code = 1; code <= limit; code++) {
    next[code] = (next[code] as number) + (next[code - 1] as number)
  }
  const sorted = new Uint32Array(cells.length)
  for (let at = 0; at < cells.length; at++) {
    const cell = cells[at] as number
    const code = codes[cell] as number
    const place = next[code] as number
    sorted[place] = cell
    next[code] = place + 1
  }
  return sorted
}

/** Cells in order, with neighbours of the same group, campaign and step added up. */
function merged(cells: CellColumns, order: Uint32Array): CellColumns {
  const { groups, campaigns, steps } = cells
  const rows = new Uint32Array(order.length)
  let [row, before] = [-1, -1]
  for (let at = 0; at < order.length; at++) {
    const cell = order[at] as number
    const isSame =
      before >= 0 &&
      steps[cell] === steps[before] &&
      campaigns[cell] === campaigns[before] &&
      groups[cell] === groups[before]
    if (!isSame) row++
    before = cell
    rows[cell] = row
  }
  const into = newColumns(row + 1)
  for (let cell = 0; cell < rows.length; cell++) {
    const at = rows[cell] as number
    into.groups[at] = groups[cell] as number
    into.campaigns[at] = campaigns[cell] as number
    into.steps[at] = steps[cell] as number
  }
  addColumns(cells, rows, into)
  return into
}

/**
 * Adds cells up by fewer columns or longer steps. Each place where a cell could be has a bit; how
 * many are set before it is the number of its cell, so that nothing needs to be sorted. null if
 * there are more cells than `cellsMax`, or too many places.
 */
function addedUp(
  source: Cuboid,
  shape: CuboidShape,
  values: CellValues,
  allCampaigns: number,
  cellsMax: number,
): Cuboid | null {
  const { groups, groupOf } = regroup(source.groups, shape.columns, values)
  const campaigns = shape.columns.includes('campaign') ? allCampaigns : 1
  const steps = DAY_US / shape.stepUs
  if (groups.length * campaigns * steps > PLACES_MAX) return null
  const places = placesIn(source, shape.stepUs, groupOf, campaigns)
  const taken = new Uint32Array(Math.ceil((groups.length * campaigns * steps) / 32))
  for (let cell = 0; cell < places.length; cell++) {
    const place = places[cell] as number // every place below has an entry
    taken[place >>> 5] = (taken[place >>> 5] as number) | (1 << (place & 31))
  }
  const before = new Uint32Array(taken.length)
  let count = 0
  for (let word = 0; word < taken.length; word++) {
    before[word] = count
    count += bitsIn(taken[word] as number)
  }
  if (count > cellsMax) return null
  const into = newColumns(count)
  for (let cell = 0; cell < places.length; cell++) {
    const place = places[cell] as number
    const lower = (taken[place >>> 5] as number) & ((1 << (place & 31)) - 1)
    places[cell] = (before[place >>> 5] as number) + bitsIn(lower)
  }
  let at = 0
  for (let word = 0; word < taken.length; word++) {
    for (let bits = taken[word] as number; bits !== 0; bits &= bits - 1) {
      const place = word * 32 + (31 - Math.clz32(bits & -bits))
      const row = Math.floor(place / steps)
      into.steps[at] = place - row * steps
      into.groups[at] = Math.floor(row / campaigns)
      into.campaigns[at] = row % campaigns
      at++
    }
  }
  addColumns(source.cells, places, into)
  return { ...shape, groups, cells: into }
}

/** A number for each cell, ascending by group, campaign and step. */
function placesIn(
  source: Cuboid,
  stepUs: number,
  groupOf: Uint32Array,
  campaigns: number,
): Uint32Array {
  const { groups, campaigns: codes, steps } = source.cells
  const times = stepUs / source.stepUs
  const stepsADay = DAY_US / stepUs
  const places = new Uint32Array(groups.length)
  for (let cell = 0; cell < places.length; cell++) {
    const group = groupOf[groups[cell] as number] as number
    const campaign = campaigns === 1 ? 0 : (codes[cell] as number)
    const step = Math.floor((steps[cell] as number) / times)
    places[cell] = (group * campaigns + campaign) * stepsADay + step
  }
  return places
}

/** How many bits of 32 are set. */
function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** Adds up what is counted of cells; `rows` says where each belongs. */
function addColumns(cells: CellColumns, rows: Uint32Array, into: CellColumns): void {
  addColumn(cells.impressions, rows, into.impressions)
  addColumn(cells.clicks, rows, into.clicks)
  addColumn(cells.conversions, rows, into.conversions)
  addColumn(cells.revenueMillionths, rows, into.revenueMillionths)
}

function addColumn<C extends Uint32Array | Float64Array>(
  column: C,
  rows: Uint32Array,
  into: C,
): void {
  for (let cell = 0; cell < rows.length; cell++) {
    const row = rows[cell] as number
    into[row] = (into[row] as number) + (column[cell] as number)
  }
}

function newColumns(length: number): CellColumns {
  return {
    groups: new Uint32Array(length),
    campaigns: new Uint32Array(length),
    steps: new Uint32Array(length),
    impressions: new Uint32Array(length),
    clicks: new Uint32Array(length),
    conversions: new Uint32Array(length),
    revenueMillionths: new Float64Array(length),
  }
}
