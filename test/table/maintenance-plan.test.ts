/**
 * What maintenance decides, over simulated days: few files, few rewrites, and no merge that the
 * dedup memory would suffer from. Files are made of numbers only; the tables' own tests write real
 * ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type PlanInput,
  planMaintenance,
  planSharedMaintenance,
  type Task,
} from '../../src/table/maintenance/plan.ts'
import type { TimedFile } from '../../src/table/maintenance/plan-merges.ts'
import type { DataFile } from '../../src/table.ts'

const SECOND_US = 1_000_000
const MINUTE_US = 60 * SECOND_US
const HOUR_US = 60 * MINUTE_US
const DAY_US = 24 * HOUR_US
const TODAY = Date.UTC(2026, 10, 22) / 86_400_000
const START_US = TODAY * DAY_US

let made = 0
function dataFile(
  day: number,
  rows: number,
  bytes = rows * 30,
  windows?: [number, number],
): DataFile {
  const bound = (value: number): Uint8Array => {
    const encoded = Buffer.alloc(8)
    encoded.writeBigInt64LE(BigInt(value))
    return encoded
  }
  return {
    path: `/w/${made++}.parquet`,
    day,
    rows,
    bytes,
    columnSizes: new Map(),
    valueCounts: new Map(),
    nullCounts: new Map(),
    nanCounts: new Map(),
    lowerBounds: new Map(windows === undefined ? [] : [[2, bound(windows[0])]]),
    upperBounds: new Map(windows === undefined ? [] : [[2, bound(windows[1])]]),
    splitOffsets: [4],
  }
}

const timed = (minUs: number, maxUs: number, rows = 100, day = TODAY): TimedFile => ({
  file: dataFile(day, rows),
  // Arrivals follow another clock: they are joined, and decide nothing.
  times: { dedupe: { minUs, maxUs }, arrival: { minUs: -maxUs, maxUs: -minUs } },
})

const planned = (events: readonly TimedFile[], more: Partial<PlanInput> = {}): readonly Task[] =>
  planMaintenance({
    events,
    metrics: [],
    nowUs: START_US,
    trustedUs: null,
    dedupeNowUs: more.nowUs ?? START_US,
    horizonUs: HOUR_US,
    retentionDays: { events: 0, metrics: 0 },
    sweptUs: START_US,
    orphanAgeUs: 24 * HOUR_US,
    isBusy: false,
    ...more,
  })

/** A table to which one file a second is added, and whose due merges are carried out at once. */
function simulate(options: {
  seconds: number
  rowsAt: (second: number) => number
  daysAt?: (second: number) => readonly number[]
  horizonUs?: number
  isBusyAt?: (second: number) => boolean
  onMerge?: (inputs: readonly TimedFile[], output: TimedFile, newestUs: number) => void
}) {
  let files: TimedFile[] = []
  let most = 0
  let added = 0
  let rewritten = 0
  const horizonUs = options.horizonUs ?? HOUR_US
  for (let second = 0; second < options.seconds; second++) {
    const nowUs = START_US + second * SECOND_US
    const today = Math.floor(nowUs / DAY_US)
    for (const day of options.daysAt?.(second).map((ago) => today - ago) ?? [today]) {
      const rows = options.rowsAt(second)
      if (rows > 0) files.push(timed(nowUs, nowUs + SECOND_US - 1, rows, day))
      added += rows
    }
    most = Math.max(most, files.length)
    if (second % 5 !== 0) continue
    const isBusy = options.isBusyAt?.(second) ?? false
    for (
      let task = planned(files, { nowUs, horizonUs, isBusy, sweptUs: nowUs })[0];
      task?.kind === 'merge-events';
    ) {
      const taken = new Set(task.inputs)
      const inputs = files.filter(({ file }) => taken.has(file))
      assert.equal(inputs.length, taken.size, 'a merge takes live files')
      assert.ok(
        inputs.every(({ file }) => file.day === inputs[0]?.file.day),
        'never across days',
      )
      const rows = inputs.reduce((sum, { file }) => sum + file.rows, 0)
      rewritten += rows
      const output = { file: dataFile(task.day, rows), times: task.times }
      options.onMerge?.(
        inputs,
        output,
        files.reduce((max, each) => Math.max(max, each.times.dedupe.maxUs), 0),
      )
      files = [...files.filter(({ file }) => !taken.has(file)), output]
      task = planned(files, { nowUs, horizonUs, isBusy, sweptUs: nowUs })[0]
    }
  }
  const rows = files.reduce((sum, { file }) => sum + file.rows, 0)
  return { files, most, rewrites: rewritten / added, rows, added }
}

test('a day of commits each second has under 500 files, three rewrites an event, none lost', () => {
  const day = simulate({ seconds: 86_400 + 3 * 3600, rowsAt: () => 10 })
  assert.ok(day.most <= 250, `${day.most} files at most`)
  assert.ok(day.rewrites <= 3.1, `${day.rewrites} rewrites`)
  assert.equal(day.rows, day.added)
  const yesterday = day.files.filter(({ file }) => file.day === TODAY)
  assert.equal(yesterday.length, 1, 'what is over is one file')
})

test('late events of three days beside today stay below 500 files', () => {
  const { most, rows, added } = simulate({
    seconds: 6 * 3600,
    rowsAt: () => 20,
    daysAt: () => [0, 1, 2, 3],
  })
  assert.ok(most <= 500, `${most} files at most`)
  assert.equal(rows, added)
})

for (const horizonUs of [10 * SECOND_US, 7 * MINUTE_US, HOUR_US, 7 * HOUR_US, 24 * HOUR_US]) {
  test(`horizon ${horizonUs / SECOND_US} s: no merge crosses rebuildable generations`, () => {
    const generation = (us: number): number => Math.floor(us / horizonUs)
    let merges = 0
    const { most } = simulate({
      seconds: 10 * 3600,
      rowsAt: (second) => (second % 7 === 0 ? 0 : 50),
      horizonUs,
      onMerge(inputs, { times: { dedupe, arrival } }, newestUs) {
        merges++
        assert.equal(dedupe.minUs, Math.min(...inputs.map(({ times }) => times.dedupe.minUs)))
        assert.equal(dedupe.maxUs, Math.max(...inputs.map(({ times }) => times.dedupe.maxUs)))
        assert.equal(arrival.minUs, Math.min(...inputs.map(({ times }) => times.arrival.minUs)))
        assert.equal(arrival.maxUs, Math.max(...inputs.map(({ times }) => times.arrival.maxUs)))
        if (generation(dedupe.maxUs) < generation(newestUs) - 1) return
        assert.equal(generation(dedupe.minUs), generation(dedupe.maxUs))
      },
    })
    assert.ok(merges > 0)
    assert.ok(most <= 500, `${most} files at most`)
  })
}

test('while events come fast nothing is merged, until there are 400 files', () => {
  const busy = simulate({ seconds: 3600, rowsAt: () => 1000, isBusyAt: () => true })
  assert.ok(busy.most > 390 && busy.most <= 500, `${busy.most} files at most`)
})

test('a job hours behind merges by the newest arrival in the table, not by the clock', () => {
  const files = [0, 1, 2, 3].map((quarter) => {
    const minUs = START_US + 50 * MINUTE_US + quarter * 5 * MINUTE_US
    return timed(minUs, minUs + MINUTE_US)
  })
  const tasks = planned(files, { nowUs: START_US + 12 * HOUR_US })
  const spans = tasks.flatMap((task) =>
    task.kind === 'merge-events' ? [[task.times.dedupe.minUs, task.times.dedupe.maxUs]] : [],
  )
  assert.deepEqual(spans, [
    [START_US + 50 * MINUTE_US, START_US + 56 * MINUTE_US],
    [START_US + 60 * MINUTE_US, START_US + 66 * MINUTE_US],
  ])
})

test('a large file is not rewritten, and one merge does not take more than 256 MiB', () => {
  const at = (minute: number, bytes: number): TimedFile => ({
    file: dataFile(TODAY, 1_000_000, bytes),
    times: timed(START_US + minute * MINUTE_US, START_US + minute * MINUTE_US).times,
  })
  const newest = timed(START_US + 3 * HOUR_US, START_US + 3 * HOUR_US)
  const sizes = [130, 100, 100, 100, 100].map((mebibytes) => mebibytes * 2 ** 20)
  const tasks = planned([...sizes.map((bytes, minute) => at(minute, bytes)), newest], {
    nowUs: START_US + 3 * HOUR_US,
  })
  assert.deepEqual(
    tasks.map((task) =>
      task.kind === 'merge-events' ? task.inputs.map((file) => file.bytes) : [],
    ),
    [sizes.slice(1, 3), sizes.slice(3, 5)],
  )
})

test('a few late rows do not rewrite a day that is done', () => {
  const done = {
    file: dataFile(TODAY, 1e6, 100 * 2 ** 20),
    times: timed(START_US, START_US + DAY_US - 1).times,
  }
  const late = (day: number): TimedFile =>
    timed(START_US + day * DAY_US, START_US + day * DAY_US + HOUR_US, 10)
  const nowUs = START_US + 9 * DAY_US
  const newest = timed(nowUs, nowUs, 10, TODAY + 9)
  assert.deepEqual(planned([done, late(2), newest], { nowUs, sweptUs: nowUs }), [])
  assert.deepEqual(planned([done, late(2), late(3), newest], { nowUs, sweptUs: nowUs }), [])
  const [task] = planned([done, late(2), late(3), late(4), newest], { nowUs, sweptUs: nowUs })
  assert.equal(task?.kind === 'merge-events' && task.inputs.length, 4)
})

const metricsFile = (hour: number, rows: number, day = TODAY): DataFile =>
  dataFile(day, rows, rows * 40, [
    day * DAY_US + hour * HOUR_US,
    day * DAY_US + hour * HOUR_US + 55 * MINUTE_US,
  ])

test('metrics files of a past day become files of up to 65,536 rows, in order of window', () => {
  const files = Array.from({ length: 20 }, (_, hour) => metricsFile(19 - hour, 8_192))
  const nowUs = START_US + 26 * HOUR_US
  const merges = planned([], { metrics: files, nowUs, sweptUs: nowUs })
  assert.deepEqual(
    merges.map((task) =>
      task.kind === 'merge-metrics' ? task.inputs.map((file) => file.path) : [],
    ),
    [
      files.slice(12).toReversed(),
      files.slice(4, 12).toReversed(),
      files.slice(0, 4).toReversed(),
    ].map((some) => some.map((file) => file.path)),
  )
})

test("today's metrics files are left alone while they are few or hot", () => {
  const nowUs = START_US + 16 * HOUR_US
  const of = (count: number) =>
    planned([], {
      metrics: Array.from({ length: count }, (_, hour) => metricsFile(hour, 8_192)),
      nowUs,
      sweptUs: nowUs,
    })
  assert.deepEqual(of(15), [])
  const inputs = of(16).flatMap((task) => (task.kind === 'merge-metrics' ? task.inputs : []))
  const hottest = Math.max(
    ...inputs.map((file) => Number(Buffer.from(file.upperBounds.get(2) ?? []).readBigInt64LE())),
  )
  assert.ok(hottest + HOUR_US <= nowUs)
  assert.equal(inputs.length, 15)
})

test('retention drops whole days of each table, before anything else', () => {
  const nowUs = START_US + 3 * DAY_US
  const old = timed(START_US, START_US + 1, 10, TODAY)
  const kept = timed(START_US, START_US + 1, 10, TODAY + 1)
  const metrics = metricsFile(0, 10)
  assert.deepEqual(
    planned([old, kept], {
      nowUs,
      trustedUs: nowUs,
      sweptUs: 0,
      metrics: [metrics],
      retentionDays: { events: 2, metrics: 0 },
    })[0],
    { kind: 'drop-days', events: [old.file], metrics: [], keptFromDay: TODAY + 1 },
  )
})

test('part of a day counts as a day: a retention of 1.5 days keeps two days besides today', () => {
  const nowUs = START_US + 3 * DAY_US
  const files = [0, 1, 2].map((day) => timed(START_US, START_US + 1, 10, TODAY + day))
  const retentionDays = { events: 1.5, metrics: 0 }
  const [task] = planned(files, { nowUs, trustedUs: nowUs, sweptUs: nowUs, retentionDays })
  assert.ok(task?.kind === 'drop-days')
  assert.deepEqual(
    task.events.map(({ day }) => day),
    [TODAY],
  )
  assert.equal(task.keptFromDay, TODAY + 1)
})

test('a day goes whole, once none of its ids can be asked for, and with all days before it', () => {
  const nowUs = START_US + 9 * DAY_US
  const file = (day: number, dedupeUs: number): TimedFile => timed(dedupeUs, dedupeUs, 10, day)
  const events = [
    file(TODAY, START_US),
    file(TODAY + 1, START_US),
    file(TODAY + 1, nowUs - 2 * HOUR_US),
    file(TODAY + 2, START_US),
  ]
  const rules = { nowUs, trustedUs: nowUs, retentionDays: { events: 2, metrics: 0 } }
  const dropped = (dedupeNowUs: number): unknown => {
    const [task] = planned(events, { ...rules, dedupeNowUs })
    return task?.kind === 'drop-days' && [task.events.map(({ day }) => day), task.keptFromDay]
  }
  assert.deepEqual(dropped(nowUs), [[TODAY], TODAY + 1])
  const all = [TODAY, TODAY + 1, TODAY + 1, TODAY + 2]
  assert.deepEqual(dropped(nowUs + 1), [all, TODAY + 7])
})

test('without a trusted time nothing is removed, however old it is by the clock', () => {
  const events = [timed(START_US, START_US, 10, TODAY)]
  const rules = { retentionDays: { events: 1, metrics: 1 }, sweptUs: Number.NEGATIVE_INFINITY }
  const nowUs = START_US + 900 * DAY_US
  assert.deepEqual(planned(events, { ...rules, nowUs, metrics: [metricsFile(0, 10)] }), [])
})

test('orphans are swept every six hours, those that are a day old by the trusted time', () => {
  const swept = (agoUs: number) =>
    planned([], { trustedUs: START_US - HOUR_US, sweptUs: START_US - HOUR_US - agoUs })
  const sweep = { kind: 'sweep-orphans', beforeUs: START_US - 25 * HOUR_US }
  assert.deepEqual(swept(Number.POSITIVE_INFINITY), [sweep])
  assert.deepEqual(swept(6 * HOUR_US), [sweep])
  assert.deepEqual(swept(5 * HOUR_US), [])
})

test('raw files that another program merges are left alone, and everything else is done', () => {
  const minuteAgo = START_US - 10 * MINUTE_US
  const events = Array.from({ length: 60 }, (_, second) =>
    timed(minuteAgo + second * SECOND_US, minuteAgo + second * SECOND_US),
  )
  assert.equal(planned(events)[0]?.kind, 'merge-events', 'worth a merge where they are ours')
  const shared = {
    events: events.map(({ file }) => file),
    metrics: [],
    nowUs: START_US,
    trustedUs: null,
    retentionDays: { events: 0, metrics: 0 },
    sweptUs: START_US,
    orphanAgeUs: 24 * HOUR_US,
  }
  assert.deepEqual(planSharedMaintenance(shared), [])
  const later = {
    ...shared,
    nowUs: START_US + 9 * DAY_US,
    trustedUs: START_US + 9 * DAY_US,
    sweptUs: START_US + 9 * DAY_US,
  }
  const [task] = planSharedMaintenance({ ...later, retentionDays: { events: 1, metrics: 0 } })
  assert.ok(task?.kind === 'drop-days')
  assert.equal(task.events.length, 60)
})
