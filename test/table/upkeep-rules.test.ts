/**
 * What upkeep decides by numbers: which merges share a commit, what is worth a merge, how fast the
 * tables grow, how old an orphan must be, and what is counted as dropped.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { mergeEventFiles } from '../../src/query.ts'
import { bytesPerDay } from '../../src/table/maintenance/arrivals.ts'
import {
  type EventMerge,
  mergesTogether,
  planMetricsMerges,
  type TimedFile,
} from '../../src/table/maintenance/plan-merges.ts'
import { type DataFile, type Lake, wholeFromUs } from '../../src/table.ts'
import { openUpkeep } from '../support/maintenance.ts'
import { DAY_US, dayRows, eventRow, metricsRow, NOON_US, openPlace } from './fixture.ts'

const HOUR_US = 3_600_000_000
const MIDNIGHT_US = NOON_US - 12 * HOUR_US
const DAY = 20_779
const MIB = 2 ** 20

const fileOf = (fields: Partial<DataFile>): DataFile =>
  ({ path: 'x', day: DAY, rows: 1, ...fields }) as DataFile // only what the rules look at

const times = { arrival: { minUs: 0, maxUs: 0 }, dedupe: { minUs: 0, maxUs: 0 } }

/** A merge of so many inputs of so many bytes each. */
const mergeOf = (inputs: number, bytes: number): EventMerge => ({
  kind: 'merge-events',
  day: DAY,
  inputs: Array.from({ length: inputs }, () => fileOf({ bytes })),
  times,
  isSorted: false,
})

test('merges share a commit up to 256 inputs and 32 MiB; a larger one has its own', () => {
  const sharing = (...merges: EventMerge[]): number => mergesTogether(merges).length
  assert.equal(sharing(), 0)
  assert.equal(sharing(mergeOf(2, 1), mergeOf(2, 1), mergeOf(2, 1)), 3)
  assert.equal(sharing(mergeOf(128, 1), mergeOf(128, 1), mergeOf(2, 1)), 2)
  assert.equal(sharing(mergeOf(128, 1), mergeOf(129, 1)), 1)
  assert.equal(sharing(mergeOf(2, 8 * MIB), mergeOf(2, 8 * MIB), mergeOf(2, 1)), 2)
  assert.equal(sharing(mergeOf(2, 8 * MIB), mergeOf(2, 8 * MIB + 1)), 1)
  assert.equal(sharing(mergeOf(2, 100 * MIB), mergeOf(2, 1)), 1)
})

test('metrics files are worth a merge from four on, or when the small make up a quarter', () => {
  const day = 10
  const over = (day + 1) * DAY_US + HOUR_US
  const merged = (nowUs: number, ...rows: number[]): number => {
    const files = rows.map((count, index) => {
      const start = Buffer.alloc(8)
      start.writeBigInt64LE(BigInt(day * DAY_US + index))
      const bounds = new Map([[2, start]])
      const range = { lowerBounds: bounds, upperBounds: bounds }
      return fileOf({ day, rows: count, columnSizes: new Map(), ...range })
    })
    return planMetricsMerges(files, nowUs)[0]?.inputs.length ?? 0
  }
  assert.equal(merged(over, 100), 0)
  assert.equal(merged(over, 100, 24), 0)
  assert.equal(merged(over, 100, 25), 2)
  assert.equal(merged(over, 100, 1, 1), 0)
  assert.equal(merged(over, 100, 1, 1, 1), 4)
  assert.equal(merged(over, 65_536, 65_536), 0, 'full files')
  assert.equal(merged(over, 30_000, 35_536), 2, 'up to a full file')
  assert.equal(merged(over, 30_000, 35_537), 0)
  assert.equal(merged(over - 1, 100, 100), 0, 'the day is not over by an hour')
})

const grown = (files: readonly (readonly [minUs: number, maxUs: number, bytes: number])[]) =>
  files.map(
    ([minUs, maxUs, bytes]): TimedFile => ({
      file: fileOf({ bytes }),
      times: { ...times, arrival: { minUs: NOON_US + minUs, maxUs: NOON_US + maxUs } },
    }),
  )

function bytesPerDayAt(
  nowUs: number,
  files: readonly TimedFile[],
  metricsBytes = 0,
): number | null {
  const lake = {
    events: { files: files.map(({ file }) => file) },
    metrics: { files: metricsBytes === 0 ? [] : [fileOf({ bytes: metricsBytes })] },
  }
  return bytesPerDay(lake, files, NOON_US + nowUs)
}

test('the growth of a day is that of the last day, or of the time since the first event', () => {
  // 100 bytes in two hours are 1,200 a day; half as many metrics bytes grow along.
  assert.equal(bytesPerDayAt(2 * HOUR_US, grown([[0, HOUR_US, 100]])), 1_200)
  assert.equal(bytesPerDayAt(2 * HOUR_US, grown([[0, HOUR_US, 100]]), 50), 1_800)
  assert.equal(bytesPerDayAt(2 * HOUR_US, grown([[0, 0, 100]])), 1_200, 'all at one moment')
  // Of a file that began before the last day, the part within it.
  assert.equal(bytesPerDayAt(DAY_US + 3 * HOUR_US, grown([[0, 4 * HOUR_US, 100]])), 25)
  const old = grown([
    [0, 0, 100],
    [HOUR_US, 2 * HOUR_US, 100],
    [2 * DAY_US, 2 * DAY_US, 7],
  ])
  assert.equal(bytesPerDayAt(2 * DAY_US + HOUR_US, old), 7)
})

test('the growth of a day is not told before an hour is known', () => {
  assert.equal(bytesPerDayAt(HOUR_US - 1, grown([[0, 1, 100]])), null)
  assert.equal(bytesPerDayAt(HOUR_US, grown([[0, 1, 100]])), 2_400)
  assert.equal(bytesPerDayAt(HOUR_US, []), null)
})

/** The moment before which the sweep may remove orphans, once there is one; µs before now. */
async function orphanAgeUs(lake: Lake, isShared: boolean): Promise<number> {
  let nowUs = NOON_US
  const asked: number[] = []
  const watched = new Proxy(lake, {
    get(target, name) {
      if (name === 'sweepOrphans') {
        return async (beforeUs: number) => {
          asked.push(beforeUs)
          return 0
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const upkeep = openUpkeep(watched, {
    nowUs: () => nowUs,
    ...(isShared && { mergeEventFiles: undefined as never }),
  })
  assert.equal(await upkeep.step(), null, 'no time is trusted yet')
  nowUs += HOUR_US
  assert.equal((await upkeep.step())?.task.kind, 'sweep-orphans')
  assert.equal(await upkeep.step(), null, 'it was just done')
  return NOON_US - (asked[0] ?? Number.NaN)
}

test('an orphan is a day old; a week where Flink writes, whose files wait long', async (t) => {
  const own = await (await openPlace(t)).open()
  assert.equal(await orphanAgeUs(own, false), DAY_US)
  const shared = await (await openPlace(t)).open({ writer: 'flink' })
  assert.equal(await orphanAgeUs(shared, true), 7 * DAY_US)
})

test('rows that retention drops are counted on, and the first whole day moves on', async (t) => {
  let nowUs = MIDNIGHT_US + DAY_US + HOUR_US
  const lake = await (await openPlace(t)).open({ nowUs: () => nowUs })
  for (let day = 0; day < 3; day++) {
    const rows = Array.from({ length: day + 1 }, (_, index) =>
      eventRow({ eventId: `${day}-${index}`, timestampUs: MIDNIGHT_US + day * DAY_US }),
    )
    const add = [await lake.writeEventsFile(dayRows(rows, MIDNIGHT_US))]
    await lake.commit({ events: { add, remove: [] }, summary: {}, commitId: String(day) })
  }
  assert.equal(wholeFromUs(lake.events), null, 'nothing was dropped')
  const upkeep = openUpkeep(lake, { nowUs: () => nowUs, retentionDays: { events: 1, metrics: 0 } })
  for (const [dropped, wholeDay] of [
    ['1', 1],
    ['3', 2],
  ] as const) {
    nowUs += DAY_US
    await upkeep.step()
    nowUs += HOUR_US
    for (let task = await upkeep.step(); task !== null; task = await upkeep.step()) {}
    assert.equal(lake.events.summary['campaign-metrics.dropped-rows'], dropped)
    assert.equal(wholeFromUs(lake.events), MIDNIGHT_US + wholeDay * DAY_US)
    assert.equal(wholeFromUs(lake.metrics), MIDNIGHT_US + wholeDay * DAY_US)
  }
})

test('a merge is written where it is local, in a folder that is made for it', async (t) => {
  const place = await openPlace(t)
  const nowUs = (): number => NOON_US + 5 * HOUR_US
  const lake = await place.open({ nowUs })
  const add: DataFile[] = []
  for (let index = 0; index < 4; index++) {
    const atUs = NOON_US + index
    const row = eventRow({ eventId: `e-${index}`, timestampUs: atUs })
    add.push(await lake.writeEventsFile(dayRows([row], atUs)))
  }
  const late = await lake.writeEventsFile(dayRows([eventRow({ eventId: 'late' })], nowUs()))
  await lake.commit({ events: { add: [...add, late], remove: [] }, summary: {}, commitId: 'a' })
  // As for a warehouse on S3: the copies lie in folders that are made when they are needed.
  const copies = path.join(place.folder, 'copies/ab')
  const released: boolean[] = []
  const remote = new Proxy(lake, {
    get(target, name) {
      if (name === 'local') {
        const pathOf = (file: string): string => path.join(copies, path.basename(file))
        const hold = async (files: readonly string[]) => ({
          paths: files,
          release: () => void released.push(true),
        })
        return { ...target.local, pathOf, hold }
      }
      if (name === 'importEventsFile') {
        return async (file: string) => {
          mkdirSync(path.dirname(file), { recursive: true })
          renameSync(path.join(copies, path.basename(file)), file)
          return await target.importEventsFile(file)
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const done = await openUpkeep(remote, { nowUs, mergeEventFiles }).step()
  assert.deepEqual([done?.task.kind, done?.outcome], ['merge-events', 'done'])
  assert.deepEqual(lake.events.files.map(({ rows }) => rows).toSorted(), [1, 4])
  assert.ok(existsSync(copies))
  assert.deepEqual(released, [true], 'the inputs are let go')
})

test('a refused merge of metrics leaves no file behind', async (t) => {
  const place = await openPlace(t)
  const nowUs = (): number => MIDNIGHT_US + DAY_US + 2 * HOUR_US
  const lake = await place.open({ nowUs })
  const add: DataFile[] = []
  for (let index = 0; index < 4; index++) {
    add.push(await lake.writeMetricsFile(DAY, [metricsRow({ windowStartUs: MIDNIGHT_US + index })]))
  }
  await lake.commit({ metrics: { add, remove: [] }, summary: {}, commitId: 'fill' })
  const upkeep = openUpkeep(lake, {
    nowUs,
    async exclusively(work) {
      // Another program has replaced a file since the merge was planned.
      const [first] = add
      const metrics = { add: [], remove: first === undefined ? [] : [first] }
      const written: Lake['writeMetricsFile'] = lake.writeMetricsFile.bind(lake)
      lake.writeMetricsFile = async (...given) => {
        const file = await written(...given)
        await lake.commit({ metrics, summary: {}, commitId: 'quicker' })
        output = file.path
        return file
      }
      return await work()
    },
  })
  let output = ''
  assert.equal((await upkeep.step())?.outcome, 'stale')
  assert.ok(output !== '' && !existsSync(output))
  assert.equal(lake.metrics.files.length, 3)
})
