/**
 * The cuboids in a file of cells: which there are, that each alone answers exactly what it is for,
 * and that a question reads the smallest.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  type CellsIndex,
  type CuboidIndex,
  cellsName,
  encodeCells,
} from '../../../src/dashboard/cells/cell-file.ts'
import { addCells, readIndex } from '../../../src/dashboard/cells/scan.ts'
import { SumsCollector } from '../../../src/dashboard/cells/sums-collector.ts'
import type { EventCells, EventSelection } from '../../../src/query.ts'
import { openRandom } from '../../support/random.ts'

const MINUTE_US = 60_000_000
const HOUR_US = 60 * MINUTE_US
const DAY_US = 24 * HOUR_US
const DAY = 20_779
const CAMPAIGNS = ['spring', 'été 🌞', 'c2', 'c3', 'c4']
const COLUMNS = ['campaign', 'platform', 'country', 'device'] as const
const EVERY = { cellsMin: 0, shareMax: 1 }

type Cell = Readonly<{
  campaign: string
  platform: string
  country: string
  device: string
  /** Of the day. */
  window: number
  counts: readonly [impressions: number, clicks: number, conversions: number]
  millionths: number
}>

const folder = mkdtempSync(join(tmpdir(), 'cuboids-'))
after(() => rmSync(folder, { recursive: true }))

/** Cells from 10:05 on, some of them of the same place. */
function randomCells(count: number, windowUs: number, windowsMax: number): readonly Cell[] {
  const random = openRandom(count + windowUs)
  const first = Math.floor((10 * HOUR_US + 5 * MINUTE_US) / windowUs)
  return Array.from({ length: count }, () => ({
    campaign: random.pick(CAMPAIGNS),
    platform: random.pick(['web', 'tv', '']),
    country: random.pick(['DE', 'US', 'FR', '', 'X1', 'X2']),
    device: random.pick(['ios', 'android']),
    window: first + random.below(windowsMax),
    counts: random.pick([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [300, 70_000, 2],
    ]),
    millionths: random.pick([0, 0, 1, -2_500_001, 4_000_000_000_000]),
  }))
}

function columnsOf(cells: readonly Cell[], windowUs: number): EventCells {
  const count = (at: 0 | 1 | 2): Uint32Array => Uint32Array.from(cells, ({ counts }) => counts[at])
  return {
    campaigns: CAMPAIGNS,
    groups: cells.map(({ platform, country, device }) => ({ platform, country, device })),
    groupCodes: Uint32Array.from(cells.keys()),
    campaignCodes: Uint32Array.from(cells, ({ campaign }) => CAMPAIGNS.indexOf(campaign)),
    windows: Uint32Array.from(cells, ({ window }) => (DAY * DAY_US) / windowUs + window),
    impressions: count(0),
    clicks: count(1),
    conversions: count(2),
    revenueMillionths: Float64Array.from(cells, ({ millionths }) => millionths),
  }
}

type Written = Readonly<{ file: string; index: CellsIndex }>

function writeCells(cells: readonly Cell[], windowUs: number, rules?: typeof EVERY): Written {
  const source = { raw: 'raw', rawRows: cells.length, day: DAY, windowUs }
  const parts = encodeCells(columnsOf(cells, windowUs), source, rules)
  const file = join(folder, cellsName(source.raw))
  writeFileSync(file, Buffer.concat(parts ?? []))
  return { file, index: readIndex(file) }
}

type Asked = Readonly<{
  fromUs: number
  toUs: number
  stepUs: number
  selection: EventSelection
}>

function sumsIn({ file, index }: Written, asked: Asked): readonly string[] {
  const collector = new SumsCollector(asked, asked.stepUs)
  addCells(file, index, asked, asked.selection, collector)
  const { names, codes, startsUs, impressions, clicks, conversions, revenueMillionths } =
    collector.take()
  return Array.from(codes, (code, at) => {
    const sums = [impressions[at], clicks[at], conversions[at], revenueMillionths[at]]
    return JSON.stringify([names[code], startsUs[at], ...sums])
  }).sort()
}

function expectedSums(cells: readonly Cell[], windowUs: number, asked: Asked): readonly string[] {
  const { by, where } = asked.selection
  const found = new Map<string, number[]>()
  for (const cell of cells) {
    const atUs = DAY * DAY_US + cell.window * windowUs
    if (atUs < asked.fromUs || atUs >= asked.toUs) continue
    if (COLUMNS.some((id) => where[id].length > 0 && !where[id].includes(cell[id]))) continue
    const startUs = Math.floor(atUs / asked.stepUs) * asked.stepUs
    const key = JSON.stringify([cell[by], startUs])
    const sums = found.get(key) ?? [0, 0, 0, 0]
    const added = [...cell.counts, cell.millionths]
    found.set(
      key,
      sums.map((sum, at) => sum + (added[at] ?? 0)),
    )
  }
  return [...found].map(([key, sums]) => JSON.stringify([...JSON.parse(key), ...sums])).sort()
}

const anyOf = (values: string[]): fc.Arbitrary<string[]> =>
  fc.oneof(fc.constant<string[]>([]), fc.constant<string[]>([]), fc.subarray(values))

const anySelection: fc.Arbitrary<EventSelection> = fc.record({
  by: fc.constantFrom(...COLUMNS),
  where: fc.record({
    campaign: anyOf(['spring', 'c3', 'nobody']),
    platform: anyOf(['web', '', 'none']),
    country: anyOf(['DE', '', 'X1']),
    device: anyOf(['ios', 'none']),
  }),
})

function anyAsked(windowUs: number): fc.Arbitrary<Asked> {
  return fc
    .record({
      selection: anySelection,
      stepUs: fc.constantFrom(windowUs, 15 * MINUTE_US, HOUR_US, DAY_US),
      // Both on whole hours, and within them.
      fromUs: fc.oneof(
        fc.integer({ min: 0, max: 23 }).map((hour) => hour * HOUR_US),
        fc.integer({ min: 0, max: DAY_US / windowUs - 1 }).map((window) => window * windowUs),
      ),
      lengthUs: fc.oneof(
        fc.integer({ min: 1, max: 30 }).map((hours) => hours * HOUR_US),
        fc.integer({ min: 1, max: DAY_US / windowUs }).map((windows) => windows * windowUs),
      ),
    })
    .map(({ selection, stepUs, fromUs, lengthUs }) => {
      const startUs = DAY * DAY_US + fromUs
      return { selection, stepUs, fromUs: startUs, toUs: startUs + lengthUs }
    })
}

/** What a cuboid is for: its columns and, by the hour, whole hours. */
function isFor(index: CellsIndex, at: number, { selection, ...asked }: Asked): boolean {
  const { columns, stepUs } = (index.cuboids[at] as CuboidIndex).header // `at` is one of them
  const needed = COLUMNS.filter((id) => id === selection.by || selection.where[id].length > 0)
  const isWhole = (us: number): boolean => us % stepUs === 0
  return (
    needed.every((id) => columns.includes(id)) &&
    [asked.fromUs, asked.toUs, asked.stepUs].every(isWhole)
  )
}

test('each cuboid alone answers what it is for, and all of them everything', () => {
  for (const windowUs of [5 * MINUTE_US, MINUTE_US]) {
    const cells = randomCells(4_000, windowUs, (8 * HOUR_US) / windowUs)
    const written = writeCells(cells, windowUs, EVERY)
    const { file, index } = written
    assert.equal(index.cuboids.length, 10)
    const answered = new Set<number>()
    fc.assert(
      fc.property(anyAsked(windowUs), (asked) => {
        const expected = expectedSums(cells, windowUs, asked)
        assert.deepEqual(sumsIn(written, asked), expected)
        for (const [at, cuboid] of index.cuboids.entries()) {
          if (!isFor(index, at, asked)) continue
          answered.add(at)
          const alone = { file, index: { ...index, cuboids: [cuboid] } }
          assert.deepEqual(sumsIn(alone, asked), expected)
        }
      }),
      { numRuns: 400 },
    )
    assert.equal(answered.size, 10, 'each was asked')
  }
})

test('windows of an hour or more have cuboids of windows only', () => {
  for (const windowUs of [9 * MINUTE_US, HOUR_US, DAY_US]) {
    const cells = randomCells(500, windowUs, 1)
    const written = writeCells(cells, windowUs, EVERY)
    assert.equal(written.index.cuboids.length, 5)
    assert.ok(written.index.header.cuboids.every(({ stepUs }) => stepUs === windowUs))
    fc.assert(
      fc.property(anyAsked(windowUs), (asked) => {
        assert.deepEqual(sumsIn(written, asked), expectedSums(cells, windowUs, asked))
      }),
      { numRuns: 100 },
    )
  }
})

test('a cuboid is kept where it has at most half of the cells of what it is made from', () => {
  const shapesOf = ({ index }: Written): string[] =>
    index.header.cuboids.map(({ columns, stepUs }) => `${columns.join()} ${stepUs / MINUTE_US}`)
  const dense = writeCells(randomCells(60_000, 5 * MINUTE_US, 96), 5 * MINUTE_US)
  const all = 'campaign,platform,country,device'
  assert.deepEqual(shapesOf(dense), [
    `${all} 5`,
    `${all} 60`,
    'platform,country,device 5',
    'platform,country,device 60',
    ...['platform', 'country', 'device'].flatMap((id) => [`campaign,${id} 5`, `campaign,${id} 60`]),
  ])
  // One cell in each window: leaving columns out saves nothing, but by the hour.
  const sparse = Array.from({ length: 5_000 }, (_, at): Cell => {
    const group = { platform: 'web', country: 'DE', device: 'ios' }
    const campaign = CAMPAIGNS[at % 5] ?? ''
    return { campaign, ...group, window: at, counts: [1, 0, 0], millionths: 0 }
  })
  const bySecond = writeCells(sparse, 1_000_000)
  assert.deepEqual(shapesOf(bySecond), [
    `${all} ${1 / 60}`,
    `${all} 60`,
    'platform,country,device 60',
  ])
  const few = writeCells(sparse.slice(0, 4_000), 1_000_000)
  assert.deepEqual(shapesOf(few), [`${all} ${1 / 60}`], 'few cells are read at once anyway')
})

test('whole hours are read by the hour, and the columns that are not asked for are not read', () => {
  const windowUs = 5 * MINUTE_US
  const cells = randomCells(60_000, windowUs, 96)
  const written = writeCells(cells, windowUs)
  const where = { campaign: [], platform: ['web'], country: [], device: [] }
  const hours = { fromUs: DAY * DAY_US, toUs: (DAY + 1) * DAY_US, stepUs: HOUR_US }
  const cases: readonly (readonly [Asked, string, number])[] = [
    [{ ...hours, selection: { by: 'campaign', where } }, 'campaign,platform', HOUR_US],
    [{ ...hours, selection: { by: 'country', where } }, 'platform,country,device', HOUR_US],
    [
      { ...hours, stepUs: windowUs, selection: { by: 'campaign', where } },
      'campaign,platform',
      windowUs,
    ],
    [
      {
        ...hours,
        fromUs: hours.fromUs + 11 * HOUR_US + windowUs,
        selection: { by: 'device', where },
      },
      'platform,country,device',
      windowUs,
    ],
    // It begins within an hour, but before all cells.
    [
      { ...hours, fromUs: hours.fromUs + 9.5 * HOUR_US, selection: { by: 'device', where } },
      'platform,country,device',
      HOUR_US,
    ],
  ]
  for (const [asked, columns, stepUs] of cases) {
    // Counts of nothing in all others: what they would give is wrong.
    const cuboids = written.index.cuboids.map((cuboid) =>
      cuboid.header.columns.join() === columns && cuboid.header.stepUs === stepUs
        ? cuboid
        : { ...cuboid, counts: new Uint32Array(cuboid.counts.length) },
    )
    const spoilt = { ...written, index: { ...written.index, cuboids } }
    assert.deepEqual(sumsIn(spoilt, asked), expectedSums(cells, windowUs, asked), columns)
  }
})
