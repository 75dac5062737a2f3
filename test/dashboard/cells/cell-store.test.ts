/**
 * Files of cells beside real raw files: the sums are those of the raw files, whatever becomes of
 * the cells, and what they take is bounded.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { CellStore } from '../../../src/dashboard/cells/cell-store.ts'
import type { CuboidRules } from '../../../src/dashboard/cells/cuboids.ts'
import { openMakeCells } from '../../../src/dashboard/cells/make-cells.ts'
import type { LakeFile } from '../../../src/job.ts'
import { type EventSelection, openSums, type SumRows, type SumsQuery } from '../../../src/query.ts'
import { type EventRow, type Fixture, openFixture } from '../../query/fixture.ts'
import { placesIn } from '../../support/places.ts'
import { openRandom } from '../../support/random.ts'

const MINUTE_US = 60_000_000
const HOUR_US = 60 * MINUTE_US
const DAY_US = 24 * HOUR_US
const DAY = 20_779
const WINDOW_US = 5 * MINUTE_US
const ANY_TIME = { fromUs: DAY * DAY_US, toUs: (DAY + 3) * DAY_US }
const ALL = { campaign: [], platform: [], country: [], device: [] }
const BY_CAMPAIGN: EventSelection = { by: 'campaign', where: ALL }

let fixture: Fixture
let sums: SumsQuery
before(async () => {
  fixture = await openFixture()
  const warehouse = { kind: 'folder', path: join(fixture.path, 'data') } as const
  const { cache } = placesIn(fixture.path)
  sums = await openSums({ warehouse, cache, nowMs: () => Date.now() })
})
after(async () => {
  await sums.close()
  await fixture.close()
})

let files = 0

/** A raw file of a day with so many events, of hard names and refunds too. */
async function rawFile(day: number, rows: number): Promise<LakeFile> {
  files++
  const random = openRandom(files)
  const events = Array.from({ length: rows }, (_, index): EventRow => {
    const atMs = day * (DAY_US / 1000) + random.below(DAY_US / 1000)
    return {
      id: `${files}-${index}`,
      campaign: random.pick(['spring', 'été 🌞', "it's", '\ufeffspring', `c${random.below(400)}`]),
      type: random.pick(['impression', 'impression', 'click', 'conversion']),
      at: new Date(atMs).toISOString().slice(0, 23).replace('T', ' '),
      revenue: random.pick(['0', '0.1::DOUBLE + 0.2::DOUBLE', '-2.500001', '5e-7', '1000000']),
      platform: random.pick(['web', 'mobile', '', null]),
      country: random.pick(['DE', 'US', 'FR', null, `X${random.below(60)}`]),
      device: random.pick(['ios', 'android', null]),
    }
  })
  const path = await fixture.eventsFile(`raw-${files}.parquet`, events)
  return { path, day, rows }
}

/** The rows of other raw files in one. */
async function mergedFile(inputs: readonly LakeFile[]): Promise<LakeFile> {
  const path = join(fixture.path, 'data', `merged-${++files}.parquet`)
  const list = inputs.map((input) => `'${input.path}'`).join(', ')
  await fixture.sql(`COPY (FROM read_parquet([${list}])) TO '${path}' (FORMAT parquet,
    FIELD_IDS {event_id: 1, user_id: 2, campaign_id: 3, event_type: 4, "timestamp": 5, revenue: 6,
      platform: 7, country: 8, device_type: 9})`)
  const rows = inputs.reduce((sum, input) => sum + input.rows, 0)
  return { path, day: inputs[0]?.day ?? 0, rows }
}

type Opened = Readonly<{ store: CellStore; folder: string; made: string[]; read: string[] }>

/** Notes which raw files were read, to make cells and to be added up. */
async function openStore(
  t: TestContext,
  raws: readonly LakeFile[],
  more: Readonly<{
    folder?: string
    bytesMax?: number
    windowUs?: number
    cuboidRules?: CuboidRules
    clock?: Readonly<{ ms: number }>
  }> = {},
): Promise<Opened> {
  const folder = more.folder ?? join(fixture.path, `cells-${++files}`)
  const [made, read]: [string[], string[]] = [[], []]
  const store = new CellStore({
    folder,
    bytesMax: more.bytesMax ?? 2 ** 30,
    windowUs: more.windowUs ?? WINDOW_US,
    sumEvents(paths, ...asked) {
      read.push(...paths)
      return sums.sumEvents(paths, ...asked)
    },
    make: openMakeCells((path, windowUs) => {
      made.push(path)
      return sums.readCells(path, windowUs)
    }, more.cuboidRules),
    nowMs: () => more.clock?.ms ?? Date.now(),
    pause: async () => {},
    rawRowsMin: 1,
  })
  t.after(() => store.close())
  store.setFiles(raws, [], [])
  await store.idle()
  return { store, folder, made, read }
}

/** One text for each entry, in order. */
function linesOf(rows: SumRows): readonly string[] {
  return Array.from(rows.codes, (code, at) =>
    JSON.stringify([
      rows.names[code],
      rows.startsUs[at],
      rows.impressions[at],
      rows.clicks[at],
      rows.conversions[at],
      rows.revenueMillionths[at],
    ]),
  ).sort()
}

async function expectSameSums(
  { store }: Opened,
  raws: readonly LakeFile[],
  stretch = ANY_TIME,
  stepUs = HOUR_US,
  selection = BY_CAMPAIGN,
): Promise<void> {
  const paths = raws.map(({ path }) => path)
  const found = linesOf(await store.sumEvents(paths, stretch, stepUs, selection))
  assert.deepEqual(found, linesOf(await sums.sumEvents(paths, stretch, stepUs, selection)))
}

const anySelection: fc.Arbitrary<EventSelection> = fc.record({
  by: fc.constantFrom('campaign', 'platform', 'country', 'device'),
  where: fc.record({
    campaign: fc.constant([]),
    platform: fc.subarray(['web', '', 'tv']),
    country: fc.oneof(fc.constant([]), fc.subarray(['DE', '', 'X1', 'X2', 'nowhere'])),
    device: fc.subarray(['ios', '']),
  }),
})
const anyCampaigns = fc.oneof(fc.constant([]), fc.subarray(['spring', "it's", 'c1', 'nobody']))

test('cells add up to what the raw files do, in any stretch, step and selection', async (t) => {
  const raws = [await rawFile(DAY, 4_000), await rawFile(DAY, 300), await rawFile(DAY + 1, 2_000)]
  // Every cuboid, however little it saves: the one with the fewest cells is read.
  const opened = await openStore(t, raws, { cuboidRules: { cellsMin: 0, shareMax: 1 } })
  assert.equal(opened.store.files, 3)
  await fc.assert(
    fc.asyncProperty(
      anySelection,
      anyCampaigns,
      fc.constantFrom(WINDOW_US, 15 * MINUTE_US, HOUR_US, DAY_US),
      fc.integer({ min: 0, max: 700 }),
      fc.integer({ min: 1, max: 700 }),
      async (some, campaign, stepUs, first, windows) => {
        const { by, where } = some
        const fromUs = DAY * DAY_US + first * WINDOW_US
        const stretch = { fromUs, toUs: fromUs + windows * WINDOW_US }
        const selection = { by, where: { ...where, campaign } }
        await expectSameSums(opened, raws, stretch, stepUs, selection)
      },
    ),
    { numRuns: 60 },
  )
  assert.deepEqual(opened.read, [], 'no raw file was read')
})

test('raw files of other writers have cells that add up to the same', async (t) => {
  const at = `make_timestamp(${DAY * DAY_US}::BIGINT + n * ${MINUTE_US})`
  const ids = 'campaign_id: 3, event_type: 4, "timestamp": 5, revenue: 6'
  const named = `'c' || n % 7 AS campaign_id, ['impression', 'click', 'view'][n % 3 + 1] AS event_type,
    ${at} AS "timestamp", n / 8 AS revenue`
  const layouts: readonly (readonly [columns: string, ids: string, options: string])[] = [
    // Without columns that are optional, and with one that is not ours.
    [`${named}, n AS note`, `${ids}, note: 10`, 'COMPRESSION uncompressed'],
    [`${named}, ['DE', 'Côte', 'Côte'][n % 3 + 1] AS country`, `${ids}, country: 8`, ''],
    // In another order, by other names, and in many row groups without dictionaries.
    [
      `['ios', ''][n % 2 + 1] AS device, n / 8 AS revenue, ${at} AS moment, 'click' AS kind,
        ['web', NULL][n % 2 + 1] AS os, 'c' AS campaign`,
      'device: 9, revenue: 6, moment: 5, kind: 4, os: 7, campaign: 3',
      'COMPRESSION snappy, ROW_GROUP_SIZE 2048, DICTIONARY_SIZE_LIMIT 1',
    ],
  ]
  const raws: LakeFile[] = []
  for (const [columns, fieldIds, options] of layouts) {
    const path = join(fixture.path, 'data', `other-${++files}.parquet`)
    const more = options === '' ? '' : `, ${options}`
    await fixture.sql(`COPY (SELECT ${columns} FROM range(1400) t(n))
      TO '${path}' (FORMAT parquet, FIELD_IDS {${fieldIds}}${more})`)
    raws.push({ path, day: DAY, rows: 1400 })
  }
  const opened = await openStore(t, raws)
  assert.equal(opened.store.files, raws.length)
  const selections: readonly EventSelection[] = [
    BY_CAMPAIGN,
    { by: 'country', where: { ...ALL, device: [''] } },
    { by: 'device', where: { ...ALL, country: ['Côte', ''] } },
    { by: 'platform', where: { ...ALL, country: ['Côte'] } },
  ]
  for (const selection of selections) {
    await expectSameSums(opened, raws, ANY_TIME, HOUR_US, selection)
  }
  assert.deepEqual(opened.read, [])
})

test('raw files without cells are read beside those with', async (t) => {
  const [some, other] = [await rawFile(DAY, 500), await rawFile(DAY, 500)]
  const opened = await openStore(t, [some])
  await expectSameSums(opened, [some, other])
  assert.deepEqual(opened.read, [other.path])
})

test('a restart takes what is there, and removes what is of no raw file', async (t) => {
  const raws = [await rawFile(DAY, 500), await rawFile(DAY + 1, 500)]
  const first = await openStore(t, raws)
  await first.store.close()
  writeFileSync(join(first.folder, 'left.cells.unfinished'), 'half')
  const merged = await rawFile(DAY + 2, 500)
  const kept = raws.slice(0, 1)
  const again = await openStore(t, [...kept, merged], { folder: first.folder })
  assert.deepEqual(again.made, [merged.path])
  assert.equal(readdirSync(again.folder).length, 2)
  await expectSameSums(again, [...kept, merged])
  assert.deepEqual(again.read, [])
})

/** A file of cells with one raw file, and what it is when it is whole. */
async function openOne(t: TestContext) {
  const raw = await rawFile(DAY, 500)
  const opened = await openStore(t, [raw])
  const [name = ''] = readdirSync(opened.folder)
  const file = join(opened.folder, name)
  return { raw, opened, file, whole: readFileSync(file) }
}

function flipped(whole: Buffer, at: number): Buffer {
  const bytes = Buffer.from(whole)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
  return bytes
}

test('a file that is torn, or of another version or window, is made again', async (t) => {
  const { raw, opened, file, whole } = await openOne(t)
  await opened.store.close()
  const older = Buffer.concat([Buffer.from('cells 2\n'), whole.subarray(8)])
  const longer = Buffer.concat([whole, Buffer.alloc(8)])
  const torn = [0, 10, 40, whole.length - 1].map((length) => whole.subarray(0, length))
  const flips = [3, 9, 13, 200].map((at) => flipped(whole, at))
  for (const bytes of [older, longer, ...torn, ...flips, Buffer.alloc(whole.length)]) {
    writeFileSync(file, bytes)
    const again = await openStore(t, [raw], { folder: opened.folder })
    assert.deepEqual(again.made, [raw.path])
    assert.deepEqual(readFileSync(file), whole)
    await expectSameSums(again, [raw])
    assert.deepEqual(again.read, [])
    await again.store.close()
  }
  const finer = await openStore(t, [raw], { folder: opened.folder, windowUs: MINUTE_US })
  assert.deepEqual(finer.made, [raw.path])
  await expectSameSums(finer, [raw], ANY_TIME, MINUTE_US)
})

test('the cells of another raw file are none of this one, found at the start or later', async (t) => {
  const { raw, opened, file, whole } = await openOne(t)
  const other = await openOne(t)
  writeFileSync(file, other.whole)
  await expectSameSums(opened, [raw])
  assert.deepEqual(opened.read, [raw.path])
  writeFileSync(file, other.whole)
  const again = await openStore(t, [raw], { folder: opened.folder })
  assert.deepEqual(again.made, [raw.path])
  assert.deepEqual(readFileSync(file), whole)
})

test('a bit that flips while the process runs changes no sum, wherever it is', async (t) => {
  const { raw, opened, file, whole } = await openOne(t)
  const selections: readonly EventSelection[] = [
    BY_CAMPAIGN,
    { by: 'country', where: { ...ALL, platform: ['web'], device: [''] } },
  ]
  let passed = 0
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: whole.length - 1 }),
      fc.boolean(),
      fc.constantFrom(...selections),
      async (at, isKnown, selection) => {
        // An index that was read before stays in memory.
        if (isKnown) await expectSameSums(opened, [raw])
        writeFileSync(file, flipped(whole, at))
        const { length } = opened.read
        await expectSameSums(opened, [raw], ANY_TIME, HOUR_US, selection)
        if (opened.read.length === length) passed++
        else {
          opened.store.wake()
          await opened.store.idle()
        }
        writeFileSync(file, whole)
      },
    ),
    { numRuns: 60 },
  )
  // Of groups that were not asked for, of padding, or of the index that was in memory.
  assert.ok(passed > 0 && passed < 50, `${passed} were not noticed, and did no harm`)
})

test('a file that was removed or cut meanwhile is replaced by the raw file', async (t) => {
  const raws = [await rawFile(DAY, 500), await rawFile(DAY + 1, 500)]
  const opened = await openStore(t, raws)
  const [one = '', other = ''] = readdirSync(opened.folder)
  rmSync(join(opened.folder, one))
  truncateSync(join(opened.folder, other), 2_000)
  await expectSameSums(opened, raws)
  assert.deepEqual(new Set(opened.read), new Set(raws.map(({ path }) => path)))
  opened.store.wake()
  await opened.store.idle()
  assert.equal(opened.store.files, 2)
})

test('the folder may be removed at any time, and comes back', async (t) => {
  const raws = [await rawFile(DAY, 500), await rawFile(DAY + 1, 500)]
  const opened = await openStore(t, raws)
  rmSync(opened.folder, { recursive: true })
  await expectSameSums(opened, raws)
  assert.equal(opened.read.length, 2)
  opened.store.wake()
  await opened.store.idle()
  assert.equal(readdirSync(opened.folder).length, 2)
  await expectSameSums(opened, raws)
  assert.equal(opened.read.length, 2)
})

test('raw files that were merged or replaced take their cells with them', async (t) => {
  const raws = [await rawFile(DAY, 500), await rawFile(DAY, 500)]
  const opened = await openStore(t, raws)
  const merged = await rawFile(DAY, 1_000)
  opened.store.setFiles([merged], [], [])
  await opened.store.idle()
  assert.equal(readdirSync(opened.folder).length, 1)
  await expectSameSums(opened, [merged])
  opened.store.setFiles([], [], [])
  assert.deepEqual(readdirSync(opened.folder), [])
})

test('the files take no more than they may; earlier days make room for later ones', async (t) => {
  const raws = [await rawFile(DAY, 2_000), await rawFile(DAY + 1, 2_000)]
  const free = await openStore(t, raws)
  const bytes = free.store.bytes
  const onDisk = readdirSync(free.folder).map((name) => statSync(join(free.folder, name)).size)
  assert.equal(
    onDisk.reduce((sum, size) => sum + size, 0),
    bytes,
  )
  const small = await openStore(t, raws.slice(0, 1), { bytesMax: bytes * 0.7 })
  assert.equal(small.store.files, 1)
  small.store.setFiles(raws, [], [])
  await small.store.idle()
  assert.ok(small.store.bytes <= bytes * 0.7)
  assert.deepEqual(small.made.at(-1), raws[1]?.path)
  await expectSameSums(small, raws)
  assert.deepEqual(small.read, [raws[0]?.path])
})

test('what had to make room is made again where there is room again, an hour later', async (t) => {
  const [early, late] = [await rawFile(DAY, 2_000), await rawFile(DAY + 1, 2_000)]
  const { bytes } = (await openStore(t, [early])).store
  const clock = { ms: Date.now() }
  const small = await openStore(t, [early], { bytesMax: bytes * 1.2, clock })
  small.store.setFiles([early, late], [], [])
  await small.store.idle()
  const work = async (ms: number): Promise<readonly string[]> => {
    clock.ms += ms
    const { length } = small.made
    small.store.wake()
    await small.store.idle()
    return small.made.slice(length)
  }
  assert.deepEqual(small.made, [early.path, late.path])
  assert.deepEqual(await work(2 * 3_600_000), [], 'there is no room, which is known')
  small.store.setFiles([early], [], [])
  await small.store.idle()
  assert.equal(small.made.length, 3)
  await expectSameSums(small, [early])
  assert.deepEqual(small.read, [])
})

test('cells that are larger than all there may be displace none', async (t) => {
  const [early, late] = [await rawFile(DAY, 300), await rawFile(DAY + 1, 4_000)]
  const { bytes } = (await openStore(t, [early])).store
  const small = await openStore(t, [early], { bytesMax: bytes * 1.5 })
  small.store.setFiles([early, late], [], [])
  await small.store.idle()
  assert.equal(small.store.files, 1)
  await expectSameSums(small, [early, late])
  assert.deepEqual(small.read, [late.path])
})

/** A disk of so many MB, until the test is over; null where none can be mounted. */
function mountDisk(t: TestContext, megabytes: number): string | null {
  const path = mkdtempSync(join(tmpdir(), 'cells-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], {
      stdio: 'pipe',
    })
  } catch {
    rmSync(path, { recursive: true })
    return null
  }
  t.after(() => {
    execFileSync('umount', [path])
    rmSync(path, { recursive: true })
  })
  return path
}

test('on a full disk raw files are read, and once there is space cells are made', async (t) => {
  const disk = mountDisk(t, 1)
  if (disk === null) return t.skip('no small disk can be mounted here')
  const raw = await rawFile(DAY, 500)
  const clock = { ms: Date.now() }
  const opened = await openStore(t, [raw], { folder: join(disk, 'cells'), clock })
  await expectSameSums(opened, [raw])
  assert.deepEqual([opened.made, opened.read], [[], [raw.path]])
  execFileSync('mount', ['-o', 'remount,size=600m', disk])
  clock.ms += 60_000
  opened.store.wake()
  await opened.store.idle()
  await expectSameSums(opened, [raw])
  assert.deepEqual([opened.made, opened.read], [[raw.path], [raw.path]])
})

test('cells of a commit are made before those of older files', async (t) => {
  const [old, young] = [await rawFile(DAY + 1, 500), await rawFile(DAY, 500)]
  const opened = await openStore(t, [])
  opened.store.setFiles([old, young], [young], [])
  await opened.store.idle()
  assert.deepEqual(opened.made, [young.path, old.path])
  await expectSameSums(opened, [old, young])
  assert.deepEqual(opened.read, [])
})

test('a merged file is answered by the cells of its inputs, which become its own', async (t) => {
  const inputs = [await rawFile(DAY, 900), await rawFile(DAY, 700), await rawFile(DAY, 800)]
  const opened = await openStore(t, inputs)
  const made = opened.made.length
  const [first, merged] = [await mergedFile(inputs.slice(0, 2)), await mergedFile(inputs)]
  opened.store.setFiles(
    [merged],
    [],
    [
      { path: first.path, from: inputs.slice(0, 2).map(({ path }) => path) },
      { path: merged.path, from: [first.path, inputs[2]?.path ?? ''] },
    ],
  )
  assert.equal(opened.store.files, 1)
  await expectSameSums(opened, [merged])
  await opened.store.idle()
  assert.equal(readdirSync(opened.folder).length, 1)
  await expectSameSums(opened, [merged])
  await expectSameSums(opened, [merged], ANY_TIME, HOUR_US, { by: 'country', where: ALL })
  assert.deepEqual([opened.read, opened.made.length], [[], made], 'no events were read')
})

test('cells of an input that are damaged do not get into those of a merged file', async (t) => {
  for (const isSwapped of [false, true]) {
    const inputs = [await rawFile(DAY, 500), await rawFile(DAY, 500)]
    const clock = { ms: Date.now() }
    const opened = await openStore(t, inputs, { clock })
    const [one = '', other = ''] = readdirSync(opened.folder).map((name) =>
      join(opened.folder, name),
    )
    const whole = readFileSync(one)
    writeFileSync(one, isSwapped ? readFileSync(other) : flipped(whole, whole.length - 20))
    const merged = await mergedFile(inputs)
    const from = inputs.map(({ path }) => path)
    opened.store.setFiles([merged], [], [{ path: merged.path, from }])
    await opened.store.idle()
    await expectSameSums(opened, [merged])
    assert.deepEqual(opened.read, [merged.path], 'of no cells')
    clock.ms += 60_000
    opened.store.wake()
    await opened.store.idle()
    await expectSameSums(opened, [merged])
    assert.deepEqual([opened.made.at(-1), opened.read.length], [merged.path, 1])
  }
})

test('a merged file that has other rows than its inputs is not answered by their cells', async (t) => {
  const inputs = [await rawFile(DAY, 500), await rawFile(DAY, 500)]
  const opened = await openStore(t, inputs)
  const merged = await mergedFile(inputs.slice(0, 1))
  const from = inputs.map(({ path }) => path)
  opened.store.setFiles([merged], [], [{ path: merged.path, from }])
  await expectSameSums(opened, [merged])
})

test('a merged file has cells of its own events where an input had none', async (t) => {
  const inputs = [await rawFile(DAY, 300), await rawFile(DAY, 300)]
  const opened = await openStore(t, inputs.slice(0, 1))
  const merged = await mergedFile(inputs)
  const from = inputs.map(({ path }) => path)
  opened.store.setFiles([merged], [], [{ path: merged.path, from }])
  await opened.store.idle()
  assert.deepEqual(opened.made, [inputs[0]?.path, merged.path])
  await expectSameSums(opened, [merged])
  assert.deepEqual(opened.read, [])
})

test('a file with too many combinations has no cells', async (t) => {
  const rows = Array.from({ length: 70_000 }, (_, at) => at)
  const path = join(fixture.path, 'data', 'many.parquet')
  await fixture.sql(`COPY (SELECT 'e' || n AS event_id, 'u' AS user_id, 'c' AS campaign_id,
      'click' AS event_type, make_timestamp(${DAY * DAY_US}::BIGINT) AS "timestamp",
      0::DOUBLE AS revenue, 'p' || n AS platform, 'DE' AS country, 'ios' AS device_type
    FROM range(${rows.length}) t(n)) TO '${path}' (FORMAT parquet, FIELD_IDS {event_id: 1,
      user_id: 2, campaign_id: 3, event_type: 4, "timestamp": 5, revenue: 6, platform: 7,
      country: 8, device_type: 9})`)
  const raw = { path, day: DAY, rows: rows.length }
  const opened = await openStore(t, [raw])
  assert.deepEqual([opened.store.files, opened.made], [0, [path]])
  opened.store.wake()
  await opened.store.idle()
  assert.deepEqual(opened.made, [path], 'and is not tried again')
  const asked = { by: 'device', where: ALL } as const
  await expectSameSums(opened, [raw], ANY_TIME, DAY_US, asked)
})
