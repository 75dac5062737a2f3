/**
 * Readers that take their time: PyIceberg and DuckDB load the tables and go on reading them while
 * hours of commits and merges pass. Time is the test's own, files and commits are real.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import type { Lake } from '../../src/table.ts'
import { openUpkeep } from '../support/maintenance.ts'
import { dayRows, eventRow, hasty, metricsRow, NOON_US, openPlace } from '../table/fixture.ts'
import { serveCatalog } from './catalog-server.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()
const MINUTE_US = 60_000_000

type Counts = Readonly<{ events: number; impressions: number }>
type Read = Readonly<{
  pyiceberg: Counts
  duckdb: Counts
  oldest: boolean
  snapshots: number
  locations: readonly string[]
}>
type Travel = Readonly<{ pyiceberg: number | null; atMs: number | null; duckdb: number }>

test('what was loaded stays readable in full for an hour of commits and merges', {
  skip,
}, async (t) => {
  const traffic = await openTraffic(t)
  await traffic.pass(200, 1)
  const held = { events: 200, impressions: 200 }
  const [hold, locations] = [await traffic.reader.ask<Counts>(['hold']), traffic.locations()]
  assert.deepEqual(hold, held)
  for (const [seconds, step] of [
    [75, 1],
    [3_450, 5],
  ] as const) {
    await traffic.pass(seconds, step)
    const read = await traffic.reader.ask<Read>(['read'])
    assert.deepEqual(read.pyiceberg, held)
    assert.deepEqual(read.duckdb, held)
    assert.ok(read.oldest, 'the oldest snapshot that it knew is whole')
    assert.ok(read.snapshots >= 2 * 60, `${read.snapshots} snapshots`)
    assert.deepEqual(read.locations, locations)
    const [file = ''] = locations
    assert.deepEqual(await traffic.reader.ask(['metadata', file]), { pyiceberg: 200, duckdb: 200 })
  }
  assert.ok(traffic.merges() > 0, 'raw files that the reader needs were merged')
  const [events = ''] = locations
  await traffic.pass(600, 5)
  assert.equal(existsSync(events.replace('file://', '')), false, 'and then it goes')
})

test('a timestamp of the last hour leads to a snapshot at most a minute older', {
  skip,
}, async (t) => {
  const traffic = await openTraffic(t)
  await traffic.pass(3_700, 4)
  for (const minutes of [0.5, 2, 2.9, 10, 31.7, 58.5]) {
    const atMs = Math.floor((traffic.nowUs() - minutes * MINUTE_US) / 1000)
    const found = await traffic.reader.ask<Travel>(['travel', atMs])
    assert.ok(found.atMs !== null && found.atMs <= atMs && found.atMs > atMs - 60_000, `${minutes}`)
    // A commit every four seconds, each with one event.
    assert.equal(found.pyiceberg, (found.atMs - NOON_US / 1000) / 4_000)
    assert.equal(found.duckdb, found.pyiceberg)
  }
})

async function openTraffic(t: TestContext) {
  const place = await openPlace(t)
  let nowUs = NOON_US
  let count = 0
  let merges = 0
  const clock = (): number => nowUs
  const lake = await place.open({ nowUs: clock, storage: hasty() })
  const upkeep = openUpkeep(lake, {
    nowUs: clock,
    horizonUs: MINUTE_US,
    onTask: ({ task }) => {
      if (task.kind === 'merge-events') merges++
    },
  })

  async function commit(): Promise<void> {
    const event = await lake.writeEventsFile(
      dayRows([eventRow({ eventId: `e-${count}`, timestampUs: nowUs })], nowUs),
    )
    const metrics = await lake.writeMetricsFile(event.day, [metricsRow({ impressions: ++count })])
    await lake.commit({
      events: { add: [event], remove: [] },
      metrics: { add: [metrics], remove: lake.metrics.files },
      summary: {},
      commitId: String(count),
    })
  }

  await commitNothing(lake)
  const reader = openReader(t, place.catalogPath, await serveCatalog(place, t))
  return {
    reader,
    nowUs: clock,
    merges: () => merges,
    locations: () => [lake.events.metadataLocation, lake.metrics.metadataLocation],
    /** A commit every `stepSeconds`, and upkeep every half minute. */
    async pass(seconds: number, stepSeconds: number): Promise<void> {
      for (let passed = 0; passed < seconds; passed += stepSeconds) {
        nowUs += stepSeconds * 1_000_000
        await commit()
        if (count % 30 === 0) while ((await upkeep.step()) !== null) {}
      }
    },
  }
}

function commitNothing(lake: Lake): Promise<void> {
  return lake.commit({ summary: {}, commitId: 'first' })
}

/** The Python program, which holds what it has loaded until the test ends. */
function openReader(t: TestContext, catalogPath: string, endpoint: string) {
  const script = join(import.meta.dirname, 'held_reader.py')
  const child = spawn(python ?? '', [script, catalogPath, endpoint], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    async ask<T>(command: readonly unknown[]): Promise<T> {
      child.stdin.write(`${JSON.stringify(command)}\n`)
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`the reader ended at ${JSON.stringify(command)}`)
      return JSON.parse(value) as T
    },
  }
}
