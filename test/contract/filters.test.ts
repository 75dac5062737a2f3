/**
 * Filters and breakdowns of the running product, whose figures come from files of cells as far as
 * there are some: equal to SQL over the raw table, whatever becomes of these files.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { get, postAccepted, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, runCommand } from '../support/product.ts'
import { openRandom, type Random } from '../support/random.ts'
import { whileRunning } from '../support/settled.ts'
import { openTimedFolder } from '../support/timed-folder.ts'
import { until } from '../support/until.ts'

const DAY_MS = 86_400_000
/** Of two days, so that raw files of both are large enough for cells. */
const BATCH_EVENTS = 9_000
/** The days are over. */
const MIDNIGHT_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - 3 * DAY_MS
/** One name in two Unicode forms is two values. */
const COMPOSED = 'C\u00f4te'
const DECOMPOSED = 'Co\u0302te'

let folder: Folder

afterEach(() => folder.close())

function eventsOf(random: Random, batch: string, fromMs = MIDNIGHT_MS): string {
  const lines = Array.from({ length: BATCH_EVENTS }, (_, at) =>
    JSON.stringify({
      event_id: `${batch}-${at}`,
      user_id: 'u',
      campaign_id: random.pick(['spring', 'été', `c${random.below(40)}`]),
      event_type: random.pick(['impression', 'impression', 'click', 'conversion']),
      timestamp: new Date(fromMs + random.below(2 * DAY_MS)).toISOString(),
      revenue: (random.below(40_000) - 4_000) / 1000,
      platform: random.pick(['web', 'mobile', '', null]),
      country: random.pick(['DE', 'FR', COMPOSED, DECOMPOSED, null]),
      device_type: random.pick(['ios', 'android', null]),
    }),
  )
  return lines.join('\n')
}

type Asked = Readonly<{ query: string; sql: string }>

const named = (column: string, value: string): string =>
  value === '' ? `(${column} IS NULL OR ${column} = '')` : `${column} = '${value}'`

function askedFor(platform: string, country: string, device: string | null): Asked {
  const given = new URLSearchParams({ platform, country })
  const conditions = [named('platform', platform), named('country', country)]
  if (device !== null) {
    given.set('device', device)
    conditions.push(named('device_type', device))
  }
  return { query: String(given), sql: conditions.join(' AND ') }
}

const ASKED: readonly Asked[] = [
  { query: 'platform=web', sql: named('platform', 'web') },
  { query: 'platform=', sql: named('platform', '') },
  { query: 'country=', sql: named('country', '') },
  { query: `country=${encodeURIComponent(COMPOSED)}`, sql: named('country', COMPOSED) },
  { query: `country=${encodeURIComponent(DECOMPOSED)}`, sql: named('country', DECOMPOSED) },
  { query: 'country=nowhere', sql: named('country', 'nowhere') },
  askedFor('mobile', 'DE', 'ios'),
  askedFor('', '', ''),
  { query: 'device=ios&campaign=spring', sql: "device_type = 'ios' AND campaign_id = 'spring'" },
]

type Counted = Readonly<{
  impressions: number
  clicks: number
  conversions: number
  /** In millionths. */
  revenue: number
}>

const COUNTS_SQL = `COUNT(*) FILTER (event_type = 'impression')::INTEGER AS impressions,
  COUNT(*) FILTER (event_type = 'click')::INTEGER AS clicks,
  COUNT(*) FILTER (event_type = 'conversion')::INTEGER AS conversions,
  COALESCE(SUM(ROUND(revenue * 1e6)), 0)::DOUBLE AS revenue`

/** What SQL says of each question, and of each country. */
async function readExpected(): Promise<readonly Counted[]> {
  const parts = [
    ...ASKED.map(({ sql }) => `WHERE ${sql}`),
    ...['DE', 'FR', COMPOSED, DECOMPOSED, ''].map((value) => `WHERE ${named('country', value)}`),
  ].map((where, nr) => `SELECT ${nr} AS nr, ${COUNTS_SQL} FROM campaign_events ${where}`)
  const sql = `SELECT * EXCLUDE (nr) FROM (${parts.join(' UNION ALL ')}) ORDER BY nr`
  const { exit, stdout, stderr } = await runCommand(folder, ['query', sql, '--json'])
  assert.equal(exit.code, 0, stderr)
  return JSON.parse(stdout) as Counted[]
}

async function ask<T>({ url }: Product, path: string): Promise<T> {
  const { status, text } = await get(url, path)
  assert.equal(status, 200, text)
  return JSON.parse(text) as T
}

function countedOf({ impressions, clicks, conversions, revenue }: Counted): Counted {
  return { impressions, clicks, conversions, revenue: Math.round(revenue * 1e6) }
}

let asking = 0

/**
 * The answers equal what SQL says. A value that nobody has makes a question new, so that it is not
 * answered from sums in memory.
 */
async function expectAnswers(
  product: Product,
  expected: readonly Counted[],
  fromMs = MIDNIGHT_MS,
): Promise<void> {
  const moment = (ms: number): string => new Date(ms).toISOString()
  const range = `from=${moment(fromMs)}&to=${moment(fromMs + 2 * DAY_MS)}&compare=none`
  const found: Counted[] = []
  for (const { query } of ASKED) {
    const [first = ''] = query.split('=')
    const fresh = `${query}&${first}=nobody-${++asking}`
    const answer = await ask<{ figures: Counted }>(product, `/api/v1/summary?${range}&${fresh}`)
    found.push(countedOf(answer.figures))
  }
  assert.deepEqual(found, expected.slice(0, ASKED.length))
  const fresh = ['web', 'mobile', '', `nobody-${++asking}`].map((value) => `platform=${value}`)
  const { rows } = await ask<{ rows: readonly (Counted & { value: string })[] }>(
    product,
    `/api/v1/breakdown?${range}&by=country&sort=value&order=asc&${fresh.join('&')}`,
  )
  const byCountry = new Map(rows.map((row) => [row.value, countedOf(row)]))
  assert.deepEqual(
    ['DE', 'FR', COMPOSED, DECOMPOSED, ''].map((value) => byCountry.get(value)),
    expected.slice(ASKED.length),
  )
}

const cellsFolder = (): string => join(folder.path, 'data/cache/cells')

function cellFiles(): readonly string[] {
  if (!existsSync(cellsFolder())) return []
  const names = readdirSync(cellsFolder()).filter((name) => name.endsWith('.cells'))
  return names.sort().map((name) => join(cellsFolder(), name))
}

async function waitForCells(count: number): Promise<readonly string[]> {
  await until(() => cellFiles().length >= count, 180_000)
  return cellFiles()
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ 4
  writeFileSync(file, bytes)
}

test('filters equal SQL while cells are damaged, swapped and removed, over kills and a move', async () => {
  folder = await openFolder()
  const random = openRandom(15)
  const send = async (product: Product, batch: string): Promise<void> => {
    await postAccepted(product.url, eventsOf(random, batch))
    await waitUntilSettled(product.url)
  }
  let expected: readonly Counted[] = []
  await whileRunning(
    folder,
    async (product) => {
      await send(product, 'first')
      expected = await readExpected()
      await expectAnswers(product, expected)
      const files = await waitForCells(2)
      await expectAnswers(product, expected)
      for (const file of files) {
        const { length } = readFileSync(file)
        for (let at = 1; at < 8; at++) flip(file, Math.floor((length * at) / 8))
      }
      await expectAnswers(product, expected)
      const [one = '', other = ''] = await waitForCells(2)
      const bytes = readFileSync(one)
      writeFileSync(one, readFileSync(other))
      writeFileSync(other, bytes)
      await expectAnswers(product, expected)
      await waitForCells(2)
      rmSync(join(folder.path, 'data/cache'), { recursive: true })
      await expectAnswers(product, expected)
      await waitForCells(2)
      await send(product, 'second')
      expected = await readExpected()
      await expectAnswers(product, expected)
    },
    { end: 'kill' },
  )
  const [torn = '', older = ''] = cellFiles()
  writeFileSync(torn, readFileSync(torn).subarray(0, 900))
  writeFileSync(older, Buffer.concat([Buffer.from('cells 1\n'), readFileSync(older).subarray(8)]))
  writeFileSync(join(cellsFolder(), 'left.cells.unfinished'), 'half of it')
  await whileRunning(
    folder,
    async (product) => {
      await expectAnswers(product, expected)
      await waitForCells(4)
      await expectAnswers(product, expected)
    },
    { end: 'kill' },
  )
  const moved = { warehouse: './moved/warehouse', catalog: './moved/catalog.db' }
  renameSync(join(folder.path, 'data'), join(folder.path, 'moved'))
  await folder.configure({ log: './moved/log', ...moved, cache: { folder: './moved/cache' } })
  const relocated = await runCommand(folder, ['relocate'])
  assert.equal(relocated.exit.code, 0, relocated.stdout + relocated.stderr)
  await whileRunning(folder, (product) => expectAnswers(product, expected))
})

test('filters equal SQL while raw files are merged, and after retention has dropped days', async () => {
  const startMs = MIDNIGHT_MS - 20 * DAY_MS
  // A horizon passes in a second on this clock, and an hour in half a minute.
  const settings = { retention: { events: '10d', metrics: '0' }, dedupe: { horizon: '2m' } }
  const timed = await openTimedFolder(settings, { speed: 120, startMs: startMs + 2 * DAY_MS })
  folder = timed
  const random = openRandom(16)
  const rawFiles = async ({ url }: Product): Promise<number> => {
    const { text } = await get(url, '/v1/status')
    return JSON.parse(text).tables.events.files
  }
  let expected: readonly Counted[] = []
  await timed.running(async (product) => {
    for (const batch of ['a', 'b', 'c']) {
      await postAccepted(product.url, eventsOf(random, batch, startMs))
      await waitUntilSettled(product.url)
    }
    expected = await readExpected()
    await waitForCells(2)
    await expectAnswers(product, expected, startMs)
    await until(async () => (await rawFiles(product)) === 2, 180_000)
    await expectAnswers(product, expected, startMs)
    await until(() => cellFiles().length === 2, 180_000)
    await expectAnswers(product, expected, startMs)
  }, 'kill')
  await timed.running((product) => expectAnswers(product, expected, startMs))
  timed.setTo(startMs + 11.1 * DAY_MS)
  await timed.running(async (product) => {
    await until(async () => (await rawFiles(product)) === 1, 180_000)
    const kept = await readExpected()
    assert.notDeepEqual(kept, expected)
    await expectAnswers(product, kept, startMs)
    await until(() => cellFiles().length === 1, 60_000)
  })
})
