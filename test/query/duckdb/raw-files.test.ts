/**
 * Merging raw files: the same rows, in the order and with the ids and footer that the table wants.
 */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet'
import { mergeEventFiles } from '../../../src/query/duckdb/raw-files.ts'
import { type Fixture, openFixture } from '../fixture.ts'
import { countThreads } from '../threads.ts'

let fixture: Fixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

const options = () => ({
  footer: { "it's": '1_795', 'campaign-metrics.arrival-max-us': '1795000060000002' },
  isSorted: true,
  memoryMaxBytes: 256 * 2 ** 20,
  threads: 1,
  temporaryPath: join(fixture.path, 'spill'),
  temporaryMaxBytes: 2 ** 30,
})

test('a merged file has the rows of its inputs, bit by bit, by campaign and time', async () => {
  const inputs = [
    await fixture.eventsFile('b.parquet', [
      { id: '1', campaign: 'b', at: '2026-11-22 10:00:02' },
      { id: '2', campaign: 'a', at: '2026-11-22 10:00:03', revenue: '0.1::DOUBLE + 0.2::DOUBLE' },
    ]),
    await fixture.eventsFile('a.parquet', [
      { id: '3', campaign: 'a', at: '2026-11-22 10:00:01.000001', revenue: '-5e-324' },
      { id: '4', campaign: "it's", type: 'click' },
    ]),
  ]
  const output = join(fixture.path, "data/it's merged.parquet")
  assert.equal(await mergeEventFiles(inputs, output, options()), 4)
  const merged = output.replaceAll("'", "''")
  assert.deepEqual(
    await fixture.sql(
      `SELECT event_id, campaign_id, revenue, epoch_us("timestamp")::VARCHAR FROM '${merged}'`,
    ),
    [
      ['3', 'a', -5e-324, '1795341601000001'],
      ['2', 'a', 0.30000000000000004, '1795341603000000'],
      ['1', 'b', 0, '1795341602000000'],
      ['4', "it's", 0, '1795341600000000'],
    ],
  )
})

test("its footer has field ids, optional columns of the table's types, given pairs", async () => {
  const input = await fixture.eventsFile('in.parquet', [{ id: '1' }])
  const output = join(fixture.path, 'data/footer.parquet')
  await mergeEventFiles([input], output, options())
  const footer = await parquetMetadataAsync(await asyncBufferFromFile(output))
  assert.deepEqual(
    footer.schema
      .slice(1)
      .map(({ name, field_id, repetition_type, type }) => [field_id, name, repetition_type, type]),
    [
      [1, 'event_id', 'OPTIONAL', 'BYTE_ARRAY'],
      [2, 'user_id', 'OPTIONAL', 'BYTE_ARRAY'],
      [3, 'campaign_id', 'OPTIONAL', 'BYTE_ARRAY'],
      [4, 'event_type', 'OPTIONAL', 'BYTE_ARRAY'],
      [5, 'timestamp', 'OPTIONAL', 'INT64'],
      [6, 'revenue', 'OPTIONAL', 'DOUBLE'],
      [7, 'platform', 'OPTIONAL', 'BYTE_ARRAY'],
      [8, 'country', 'OPTIONAL', 'BYTE_ARRAY'],
      [9, 'device_type', 'OPTIONAL', 'BYTE_ARRAY'],
    ],
  )
  const [, , , , , timestamp] = footer.schema
  assert.deepEqual(timestamp?.logical_type, {
    type: 'TIMESTAMP',
    isAdjustedToUTC: false,
    unit: 'MICROS',
  })
  assert.deepEqual(footer.key_value_metadata, [
    { key: "it's", value: '1_795' },
    { key: 'campaign-metrics.arrival-max-us', value: '1795000060000002' },
  ])
  assert.equal(footer.row_groups[0]?.columns[0]?.meta_data?.codec, 'ZSTD')
})

test('a merge that fails leaves no output, and no folder of spilled rows', async () => {
  const input = await fixture.eventsFile('one.parquet', [{ id: '1' }])
  const output = join(fixture.path, 'data/failed.parquet')
  const lost = join(fixture.path, 'data/lost.parquet')
  await assert.rejects(mergeEventFiles([input, lost], output, options()), {
    code: 'merge-failed',
    message: /lost\.parquet/,
  })
  assert.equal(existsSync(output), false)
  assert.deepEqual(await readdir(join(fixture.path, 'spill')), [])
})

test('a merge that fails removes what stood in place of its output', async () => {
  const output = join(fixture.path, 'data/left.parquet')
  await writeFile(output, 'half a file, left by a process that was killed')
  const lost = join(fixture.path, 'data/lost.parquet')
  await assert.rejects(mergeEventFiles([lost], output, options()), { code: 'merge-failed' })
  assert.equal(existsSync(output), false)
})

test('a merge leaves neither threads nor a listener on its signal', async () => {
  const input = await fixture.eventsFile('quiet.parquet', [{ id: '1' }])
  const output = join(fixture.path, 'data/quiet-merged.parquet')
  const { signal } = new AbortController()
  const before = countThreads()
  await mergeEventFiles([input], output, { ...options(), threads: 4, signal })
  assert.equal(countThreads(), before)
  assert.deepEqual(getEventListeners(signal, 'abort'), [])
})

test('a merge that is broken off before it starts leaves no output', async () => {
  const input = await fixture.eventsFile('early.parquet', [{ id: '1' }])
  const output = join(fixture.path, 'data/early-merged.parquet')
  const signal = AbortSignal.abort(new Error('no more'))
  await assert.rejects(mergeEventFiles([input], output, { ...options(), signal }), {
    code: 'merge-failed',
    message: /no more/,
  })
  assert.equal(existsSync(output), false)
})
