/**
 * Files of campaign_events that another program wrote (DuckDB here): taken with their statistics if
 * they are what the table declares, refused with the column named if not.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { footerOf, type Lake } from '../../src/table.ts'
import { DAY_US, NOON_US, openPlace } from './fixture.ts'

const DAY = 20_779
const FOOTER = footerOf({ arrival: { minUs: 5, maxUs: 9 }, dedupe: { minUs: 6, maxUs: 8 } })

/** Each column of campaign_events: its expression in SQL, and its field id. */
const COLUMNS: Readonly<Record<string, readonly [sql: string, id: number]>> = {
  event_id: ["'e-' || i", 1],
  user_id: ["'u-' || i", 2],
  campaign_id: ['chr(97 + (i % 3)::INT)', 3],
  event_type: ["'click'", 4],
  timestamp: [`make_timestamp(${NOON_US} + i)`, 5],
  revenue: ['i::DOUBLE / 2 - 1', 6],
  platform: ["CASE WHEN i % 2 = 0 THEN 'web' END", 7],
  country: ["'DE'", 8],
  device_type: ['NULL::VARCHAR', 9],
}

type Differing = Readonly<{
  columns?: Readonly<Record<string, readonly [sql: string, id: number]>>
  rows?: number
  footer?: Readonly<Record<string, string>>
  groupRows?: number
}>

/** Writes a file where a merge would put it. */
async function writeFile(lake: Lake, differing: Differing = {}): Promise<string> {
  const { columns = COLUMNS, rows = 10, footer = FOOTER, groupRows = 122_880 } = differing
  const output = lake.newEventsPath(DAY)
  mkdirSync(path.dirname(output), { recursive: true })
  const select = Object.entries(columns).map(([name, [sql]]) => `${sql} AS "${name}"`)
  const ids = Object.entries(columns).map(([name, [, id]]) => `"${name}": ${id}`)
  const pairs = Object.entries(footer).map(([key, value]) => `'${key}': '${value}'`)
  const keyValues = pairs.length === 0 ? '' : `, KV_METADATA {${pairs.join(', ')}}`
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  await connection.run(
    `COPY (SELECT ${select.join(', ')} FROM range(${rows}) t(i)) TO '${output}' (FORMAT parquet,
     FIELD_IDS {${ids.join(', ')}}, ROW_GROUP_SIZE ${groupRows}${keyValues})`,
  )
  connection.closeSync()
  instance.closeSync()
  return output
}

async function openLake(t: TestContext): Promise<Lake> {
  return await (await openPlace(t)).open()
}

const double = (bytes: Uint8Array | undefined): number => Buffer.from(bytes ?? []).readDoubleLE()
const long = (bytes: Uint8Array | undefined): bigint => Buffer.from(bytes ?? []).readBigInt64LE()
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString()

for (const groupRows of [122_880, 2_048]) {
  test(`a file in groups of ${groupRows} rows is taken in with the bounds of all`, async (t) => {
    const lake = await openLake(t)
    const file = await lake.importEventsFile(await writeFile(lake, { rows: 5_000, groupRows }))
    const groups = Math.ceil(5_000 / groupRows)
    assert.deepEqual([file.day, file.rows, file.splitOffsets.length], [DAY, 5_000, groups])
    assert.equal(file.splitOffsets[0], 4)
    assert.deepEqual([...file.valueCounts.values()], Array(9).fill(5_000))
    assert.deepEqual([...file.nullCounts.values()], [0, 0, 0, 0, 0, 0, 2_500, 0, 5_000])
    assert.deepEqual([...file.nanCounts], [[6, 0]])
    const { lowerBounds: lower, upperBounds: upper } = file
    assert.deepEqual([double(lower.get(6)), double(upper.get(6))], [-1, 2_498.5])
    assert.deepEqual([lower.get(6)?.length, upper.get(6)?.length], [8, 8])
    assert.deepEqual(
      [long(lower.get(5)), long(upper.get(5))],
      [BigInt(NOON_US), BigInt(NOON_US + 4_999)],
    )
    assert.deepEqual([text(lower.get(3)), text(upper.get(3))], ['a', 'c'])
    assert.deepEqual([text(lower.get(1)), text(upper.get(1))], ['e-0', 'e-999'])
    assert.ok(!lower.has(9) && !upper.has(9), 'a column of nulls has no bounds')
    const sizes = [...file.columnSizes.values()].reduce((sum, bytes) => sum + bytes, 0)
    assert.ok(sizes > 0 && sizes < file.bytes)
    assert.deepEqual(await lake.fileTimes(file), {
      arrival: { minUs: 5, maxUs: 9 },
      dedupe: { minUs: 6, maxUs: 8 },
    })
  })
}

const { device_type: _, ...eight } = COLUMNS
const at = `${NOON_US} + i`
const UNFIT: Readonly<Record<string, readonly [Differing, RegExp]>> = {
  'a missing column': [{ columns: eight }, /it has 8 columns/],
  'another name': [
    { columns: { ...eight, device: COLUMNS.device_type! } },
    /column 9, device, should be device_type/,
  ],
  'another field id': [
    { columns: { ...COLUMNS, country: ["'DE'", 80] } },
    /column 8, country, has the field id 80, not 8/,
  ],
  'another type': [
    { columns: { ...COLUMNS, revenue: ['i::BIGINT', 6] } },
    /column 6, revenue, is INT64, not DOUBLE/,
  ],
  'a number for a time': [
    { columns: { ...COLUMNS, timestamp: [`(${at})::BIGINT`, 5] } },
    /column 5, timestamp, is not a timestamp of microseconds/,
  ],
  'a time in milliseconds': [
    { columns: { ...COLUMNS, timestamp: [`make_timestamp(${at})::TIMESTAMP_MS`, 5] } },
    /column 5, timestamp, is not a timestamp of microseconds/,
  ],
  'a time with a zone': [
    { columns: { ...COLUMNS, timestamp: [`make_timestamp(${at})::TIMESTAMPTZ`, 5] } },
    /column 5, timestamp, is not a timestamp of microseconds without a zone/,
  ],
  'a time of day': [
    { columns: { ...COLUMNS, timestamp: ["TIME '12:00:00'", 5] } },
    /column 5, timestamp, is not a timestamp of microseconds/,
  ],
  'no rows': [{ rows: 0 }, /it has no rows/],
  'no times': [
    { columns: { ...COLUMNS, timestamp: ['NULL::TIMESTAMP', 5] } },
    /its timestamps have no statistics/,
  ],
  'events of two days': [
    { columns: { ...COLUMNS, timestamp: [`make_timestamp(${NOON_US} + i * ${DAY_US})`, 5] } },
    /its events lie on more than one day/,
  ],
}

for (const [name, [differing, message]] of Object.entries(UNFIT)) {
  test(`a file with ${name} is refused, with the reason and its path`, async (t) => {
    const lake = await openLake(t)
    const output = await writeFile(lake, differing)
    await assert.rejects(lake.importEventsFile(output), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'file-unfit')
      assert.match(error.message, message)
      assert.ok(error.message.includes(output))
      return true
    })
  })
}

test('a file without arrival times is refused: its ids could not be aged by them', async (t) => {
  const lake = await openLake(t)
  const keys = Object.keys(FOOTER)
  for (const footer of [{}, { [keys[0] ?? '']: '5' }, { ...FOOTER, [keys[1] ?? '']: 'soon' }]) {
    const output = await writeFile(lake, { footer })
    const refused = { code: 'file-unfit', message: /its footer has no arrival times/ }
    await assert.rejects(lake.importEventsFile(output), refused)
  }
})

test('arrival times stand in for dedupe times, which earlier versions did not write', async (t) => {
  const lake = await openLake(t)
  const arrival = Object.fromEntries(Object.entries(FOOTER).slice(0, 2))
  const file = await lake.importEventsFile(await writeFile(lake, { footer: arrival }))
  const range = { minUs: 5, maxUs: 9 }
  assert.deepEqual(await lake.fileTimes(file), { arrival: range, dedupe: range })
})
