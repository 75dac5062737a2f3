/**
 * Metrics files are replaced so that the live ones always hold each window's sums once, against a
 * plain Map.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WindowDelta, WindowKey } from '../../src/event.ts'
import { type MetricsChange, openWindows } from '../../src/table/windows.ts'
import type { DataFile, MetricsRow } from '../../src/table.ts'

const DAY_US = 86_400_000_000
const WINDOW_US = 300_000_000

/**
 * A table that is a Map of files; what is read back went through the DOUBLE of the revenue column,
 * as on disk.
 */
function memoryTable() {
  const stored = new Map<string, readonly MetricsRow[]>()
  const windowsOf = new Map<string, Set<number>>()
  let live: DataFile[] = []
  const exact = new Map<string, MetricsRow>()
  const reads: string[] = []
  const windows = openWindows({
    live: () => live,
    async read(file) {
      reads.push(file.path)
      return (stored.get(file.path) ?? []).map((row) => ({
        ...row,
        revenueMillionths: BigInt(Math.round((Number(row.revenueMillionths) / 1e6) * 1e6)),
        exact: row.revenueMillionths < 8_000_000_000_000_000n,
      }))
    },
    async write(day, rows) {
      const path = `file-${stored.size}`
      stored.set(path, rows)
      windowsOf.set(path, new Set(rows.map((row) => row.windowStartUs)))
      return { path, day, rows: rows.length } as DataFile // only what windows.ts looks at
    },
    mayHold: (file, key) => windowsOf.get(file.path)?.has(key.windowStartUs) ?? false,
    async recompute(keys) {
      return keys.map((key) => {
        const row = exact.get(id(key))
        assert(row !== undefined, 'only windows that exist are recomputed')
        return row
      })
    },
  })
  const commit = async (deltas: readonly WindowDelta[], nowUs: number) =>
    take(await windows.amend(deltas, nowUs))
  const replace = async (fresh: readonly MetricsRow[], gone: readonly WindowKey[] = []) =>
    take(await windows.replace(fresh, gone))

  function take(change: MetricsChange): MetricsChange {
    for (const file of change.remove) assert(live.includes(file), 'only live files are removed')
    live = [...live.filter((file) => !change.remove.includes(file)), ...change.add]
    for (const file of change.add)
      for (const row of stored.get(file.path) ?? []) exact.set(id(row), row)
    return change
  }
  const rows = () => live.flatMap((file) => [...(stored.get(file.path) ?? [])])
  return { commit, replace, rows, reads, files: () => live }
}

const id = (key: WindowKey) => `${key.windowStartUs}|${key.campaignId}`

function delta(campaignId: string, windowStartUs: number, part: Partial<WindowDelta> = {}) {
  return {
    campaignId,
    windowStartUs,
    impressions: 1,
    clicks: 0,
    conversions: 0,
    revenueMillionths: 0n,
    ...part,
  }
}

test('live files always hold the sum of all deltas, a window in one row of its day', async () => {
  const anyDelta = fc.record({
    campaignId: fc.constantFrom('a', 'b', 'c', 'ü', '😀'),
    window: fc.integer({ min: 0, max: 600 }),
    clicks: fc.integer({ min: 0, max: 3 }),
    revenueMillionths: fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
  })
  const commits = fc.array(
    fc.uniqueArray(anyDelta, { selector: (d) => `${d.window}|${d.campaignId}`, maxLength: 20 }),
    { maxLength: 15 },
  )
  await fc.assert(
    fc.asyncProperty(commits, async (batches) => {
      const table = memoryTable()
      const model = new Map<string, { impressions: number; clicks: number; money: bigint }>()
      for (const [i, batch] of batches.entries()) {
        const deltas = batch.map((d) => delta(d.campaignId, d.window * WINDOW_US, d))
        await table.commit(deltas, i)
        for (const d of deltas) {
          const sum = model.get(id(d)) ?? { impressions: 0, clicks: 0, money: 0n }
          sum.impressions += d.impressions
          sum.clicks += d.clicks
          sum.money += d.revenueMillionths
          model.set(id(d), sum)
        }
      }
      const rows = table.rows()
      assert.equal(rows.length, model.size)
      for (const row of rows) {
        const { impressions, clicks, revenueMillionths: money } = row
        assert.deepEqual({ impressions, clicks, money }, model.get(id(row)))
      }
      for (const file of table.files()) assert.ok(file.day >= 0 && file.day <= 2)
    }),
    { numRuns: 200 },
  )
})

test('rows put in place are there once, those taken out are gone, and the others stay', async () => {
  const anyRow = fc.record({
    campaignId: fc.constantFrom('a', 'b', 'c'),
    window: fc.integer({ min: 0, max: 600 }),
    impressions: fc.integer({ min: 0, max: 9 }),
  })
  const batches = fc.array(
    fc.uniqueArray(anyRow, { selector: (r) => `${r.window}|${r.campaignId}`, maxLength: 20 }),
    { maxLength: 10 },
  )
  await fc.assert(
    fc.asyncProperty(batches, batches, async (summed, put) => {
      const table = memoryTable()
      const model = new Map<string, number>()
      for (const batch of summed) {
        const deltas = batch.map((r) => delta(r.campaignId, r.window * WINDOW_US, r))
        await table.commit(deltas, 1)
        for (const d of deltas) model.set(id(d), (model.get(id(d)) ?? 0) + d.impressions)
      }
      for (const batch of put) {
        const all = batch.map((r) => ({
          ...delta(r.campaignId, r.window * WINDOW_US, r),
          processedAtUs: 2,
        }))
        const rows = all.filter(({ impressions }) => impressions > 2)
        const gone = all.filter(({ impressions }) => impressions <= 2)
        await table.replace(rows, gone)
        const again = await table.replace(
          rows.map((row) => ({ ...row, processedAtUs: 3 })),
          gone,
        )
        assert.deepEqual(again, { add: [], remove: [] }, 'what stands there already is left alone')
        for (const row of rows) model.set(id(row), row.impressions)
        for (const row of gone) model.delete(id(row))
      }
      const found = table.rows().map((row) => [id(row), row.impressions] as const)
      assert.equal(found.length, model.size)
      assert.deepEqual(new Map(found), model)
      for (const file of table.files()) assert.ok(file.rows > 0, 'no file is empty')
    }),
    { numRuns: 200 },
  )
})

test('a window past 9e9 is recomputed if read back, not added to its rounded column', async () => {
  const table = memoryTable()
  const money = 9_007_199_254_740_993n // one millionth past what a DOUBLE holds
  await table.commit([delta('a', 0, { revenueMillionths: money })], 1)
  // 2^17 new rows in the same day push the decoded file out of the cache.
  for (let i = 1; i <= 9; i++) {
    const filler = Array.from({ length: 65_536 }, (_, c) => delta(`f${c}`, i * WINDOW_US))
    await table.commit(filler, i)
  }
  table.reads.length = 0
  await table.commit([delta('f0', 9 * WINDOW_US)], 19)
  assert.deepEqual(table.reads, [], 'files touched lately are still decoded')
  await table.commit([delta('a', 0, { revenueMillionths: 1n })], 20)
  assert.ok(table.reads.length > 0, 'the file was read back')
  const row = table.rows().find((r) => r.campaignId === 'a')
  assert.equal(row?.revenueMillionths, money + 1n)
})

test('one late event replaces one file, whatever the day holds', async () => {
  const table = memoryTable()
  for (let w = 0; w < 4; w++) {
    const deltas = Array.from({ length: 60_000 }, (_, c) => delta(`c${c}`, w * WINDOW_US))
    await table.commit(deltas, w)
  }
  const before = table.files().length
  const change = await table.commit([delta('c7', WINDOW_US)], 9)
  assert.equal(change.remove.length, 1)
  assert.equal(change.add.length, 1)
  assert.equal(table.files().length, before)
})

test('a commit of a hundred thousand new windows makes files of at most 65,536 rows', async () => {
  const table = memoryTable()
  const deltas = Array.from({ length: 100_000 }, (_, c) => delta(`c${c}`, DAY_US))
  await table.commit(deltas, 1)
  assert.deepEqual(
    table.files().map(({ rows }) => rows),
    [65_536, 34_464],
  )
})
