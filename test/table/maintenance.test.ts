/**
 * Maintenance on real tables: what it does to the files, and that it loses and doubles nothing,
 * raced or broken off.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { mergeEventFiles, openQuery } from '../../src/query.ts'
import {
  type DataFile,
  dayOfUs,
  type Lake,
  type Maintenance,
  TableError,
  type TaskDone,
} from '../../src/table.ts'
import { openUpkeep } from '../support/maintenance.ts'
import {
  DAY_US,
  dayRows,
  type EventRow,
  eventRow,
  metricsRow,
  NO_GRACE,
  openPlace,
} from './fixture.ts'

const SECOND_US = 1_000_000
const MINUTE_US = 60 * SECOND_US
const HOUR_US = 60 * MINUTE_US
/** 2026-11-22T00:00:00Z */
const MIDNIGHT_US = Date.UTC(2026, 10, 22) * 1000

/** Does all that is due. */
async function settle(maintenance: Maintenance): Promise<readonly TaskDone[]> {
  const done: TaskDone[] = []
  for (let next = await maintenance.step(); next !== null; next = await maintenance.step())
    done.push(next)
  return done
}

async function append(lake: Lake, rows: readonly EventRow[], arrivalUs: number): Promise<DataFile> {
  const file = await lake.writeEventsFile(dayRows(rows, arrivalUs))
  const change = { add: [file], remove: [] }
  await lake.commit({
    events: change,
    summary: { 'campaign-metrics.next-offset': '7' },
    commitId: randomUUID(),
  })
  return file
}

const idsOf = async (
  lake: Lake,
  files: readonly DataFile[] = lake.events.files,
): Promise<string[]> => {
  const ids: string[] = []
  for (const file of files) {
    for await (const page of lake.readEventIds(file))
      ids.push(...page.map((id) => Buffer.from(id).toString()))
  }
  return ids.sort()
}

test('few sorted files hold hours of commits: same events, same ids per generation', async (t) => {
  const place = await openPlace(t)
  let nowUs = MIDNIGHT_US
  const lake = await place.open({ nowUs: () => nowUs })
  const horizonUs = 10 * MINUTE_US
  const maintenance = openUpkeep(lake, { nowUs: () => nowUs, horizonUs })
  const stored: { id: string; arrivalUs: number }[] = []
  let most = 0
  for (let commit = 0; commit < 200; commit++) {
    nowUs += 54 * SECOND_US
    const rows = [0, 1, 2].map((i) =>
      eventRow({
        eventId: `e-${commit}-${i}`,
        campaignId: `c-${(commit + i) % 3}`,
        // Some are late, from the day before.
        timestampUs:
          commit % 10 === 0 ? MIDNIGHT_US - HOUR_US - i : nowUs - (i * 7 + 1) * SECOND_US,
        revenue: i / 3,
      }),
    )
    stored.push(...rows.map(({ eventId }) => ({ id: eventId, arrivalUs: nowUs })))
    await append(lake, rows, nowUs)
    if (commit % 5 === 0) await settle(maintenance)
    most = Math.max(most, lake.events.files.length)
  }
  assert.ok(most < 90, `${most} files at most`)
  assert.deepEqual(await idsOf(lake), stored.map(({ id }) => id).sort())
  assert.equal(
    lake.events.summary['campaign-metrics.next-offset'],
    '7',
    'the checkpoint is carried over',
  )

  const generation = (us: number): number => Math.floor(us / horizonUs)
  for (const wanted of [generation(nowUs), generation(nowUs) - 1]) {
    const files: DataFile[] = []
    for (const file of lake.events.files) {
      if (generation((await lake.fileTimes(file)).dedupe.maxUs) === wanted) files.push(file)
    }
    const ids = stored
      .filter(({ arrivalUs }) => generation(arrivalUs) === wanted)
      .map(({ id }) => id)
    assert.deepEqual(await idsOf(lake, files), ids.sort(), 'a restart rebuilds the same generation')
  }

  const query = await openQuery({ ...place, nowMs: () => Date.now() })
  t.after(() => query.close())
  const sums: unknown[] = []
  for await (const rows of (
    await query.runSql(
      'SELECT count(*), count(DISTINCT event_id), round(sum(revenue), 6) FROM campaign_events',
    )
  ).batches)
    sums.push(...rows)
  assert.deepEqual(sums, [[600n, 600n, 200]])
})

test('metadata stays small while commits and merges go on', async (t) => {
  const place = await openPlace(t)
  let nowUs = MIDNIGHT_US
  const lake = await place.open({ nowUs: () => nowUs, readers: NO_GRACE })
  const maintenance = openUpkeep(lake, { nowUs: () => nowUs })
  for (let commit = 0; commit < 150; commit++) {
    nowUs += 60 * SECOND_US
    await append(lake, [eventRow({ eventId: `${commit}`, timestampUs: nowUs })], nowUs)
    if (commit % 10 === 0) await settle(maintenance)
  }
  await settle(maintenance)
  await lake.close()
  const folder = path.join(place.warehousePath, 'campaigns/campaign_events/metadata')
  let bytes = 0
  for (const name of await readdir(folder)) bytes += (await stat(path.join(folder, name))).size
  assert.ok(bytes < 3 * 2 ** 20, `${bytes} bytes of metadata`)
})

/** Two hours of files, the first of them ready to be merged. */
async function openFilled(t: Parameters<typeof openPlace>[0]) {
  const place = await openPlace(t)
  const clock = { nowUs: MIDNIGHT_US + 5 * HOUR_US }
  const lake = await place.open({ nowUs: () => clock.nowUs })
  const files: DataFile[] = []
  for (const id of ['a', 'b', 'c', 'd']) {
    const arrivalUs = MIDNIGHT_US + HOUR_US + files.length * SECOND_US
    files.push(await append(lake, [eventRow({ eventId: id, timestampUs: arrivalUs })], arrivalUs))
  }
  await append(lake, [eventRow({ eventId: 'new', timestampUs: clock.nowUs })], clock.nowUs)
  return { place, lake, files, nowUs: () => clock.nowUs }
}

test('an append that lands during a merge is kept, and the merge too (F9)', async (t) => {
  const { lake, nowUs } = await openFilled(t)
  const steps: string[] = []
  const maintenance = openUpkeep(lake, {
    nowUs,
    onStep: (step) => steps.push(step),
    mergeEventFiles: async (inputs, output, options) => {
      await append(lake, [eventRow({ eventId: 'raced', timestampUs: nowUs() })], nowUs())
      await mergeEventFiles(inputs, output, options)
    },
  })
  const done = await maintenance.step()
  assert.deepEqual([done?.task.kind, done?.outcome], ['merge-events', 'done'])
  assert.deepEqual(await idsOf(lake), ['a', 'b', 'c', 'd', 'new', 'raced'])
  assert.deepEqual(steps, ['data-file-written', 'data-file-synced'])
  assert.equal(lake.events.files.length, 3)
})

test('two files on each of many days become one a day, in few commits', async (t) => {
  const place = await openPlace(t)
  const clock = { nowUs: MIDNIGHT_US + HOUR_US }
  const lake = await place.open({ nowUs: () => clock.nowUs })
  const days = 200
  for (const round of ['a', 'b']) {
    const files: DataFile[] = []
    for (let day = 0; day < days; day++) {
      const row = eventRow({ eventId: `${round}${day}`, timestampUs: day * DAY_US })
      files.push(await lake.writeEventsFile(dayRows([row], clock.nowUs)))
    }
    await lake.commit({ events: { add: files, remove: [] }, summary: {}, commitId: round })
    clock.nowUs += SECOND_US
  }
  const before = await idsOf(lake)
  clock.nowUs += 5 * HOUR_US
  const done = await settle(openUpkeep(lake, { nowUs: () => clock.nowUs }))
  const merges = done.filter(({ task }) => task.kind === 'merge-events')
  assert.ok(merges.length >= 1 && merges.length <= 4, `${merges.length} commits`)
  assert.equal(lake.events.files.length, days)
  assert.equal(new Set(lake.events.files.map(({ day }) => day)).size, days)
  assert.deepEqual(await idsOf(lake), before)
})

test('a merge whose input was dropped is dropped too, and its output removed (F9)', async (t) => {
  const { lake, files, nowUs } = await openFilled(t)
  let written = ''
  const maintenance = openUpkeep(lake, {
    nowUs,
    mergeEventFiles: async (inputs, output, options) => {
      written = output
      await mergeEventFiles(inputs, output, options)
      await lake.commit({ events: { add: [], remove: [files[0]!] }, summary: {}, commitId: 'drop' })
    },
  })
  assert.equal((await maintenance.step())?.outcome, 'stale')
  assert.deepEqual(await idsOf(lake), ['b', 'c', 'd', 'new'])
  assert.equal(existsSync(written), false)
})

test('a merge that is broken off changes nothing and leaves no file', async (t) => {
  const { lake, files, nowUs } = await openFilled(t)
  let written = ''
  const warnings: string[] = []
  const maintenance = openUpkeep(lake, {
    nowUs,
    onWarning: (text) => warnings.push(text),
    mergeEventFiles: async (inputs, output, options) => {
      written = output
      maintenance.stop()
      await mergeEventFiles(inputs, output, options)
    },
  })
  await maintenance.run()
  assert.deepEqual(warnings, [], 'stopping is no failure')
  assert.equal(existsSync(written), false)
  assert.equal(lake.events.files.length, files.length + 1)
})

test('a merge that fails is said, and tried again later with growing pauses', async (t) => {
  const { lake, nowUs } = await openFilled(t)
  const warnings: string[] = []
  const pauses: number[] = []
  const maintenance = openUpkeep(lake, {
    nowUs,
    onWarning: (text) => warnings.push(text),
    pause: async (durationMs) => {
      pauses.push(durationMs)
      if (pauses.length === 3) maintenance.stop()
    },
    mergeEventFiles: async () => {
      throw new Error('no space left on device')
    },
  })
  await maintenance.run()
  assert.deepEqual(pauses, [10_000, 20_000, 40_000])
  assert.match(warnings[0] ?? '', /tried again in 10 s: no space left/)
  assert.deepEqual(await idsOf(lake), ['a', 'b', 'c', 'd', 'new'])
})

test('a merged file with rows missing is refused and removed', async (t) => {
  const { lake, files, nowUs } = await openFilled(t)
  let written = ''
  const maintenance = openUpkeep(lake, {
    nowUs,
    mergeEventFiles: async (inputs, output, options) => {
      written = output
      await mergeEventFiles(inputs.slice(1), output, options)
    },
  })
  await assert.rejects(maintenance.step(), { code: 'file-unfit' })
  assert.equal(existsSync(written), false)
  assert.equal(lake.events.files.length, files.length + 1)
})

test('an output is never removed while a commit may hold it (F3)', async (t) => {
  const { lake, nowUs } = await openFilled(t)
  let written = ''
  const doubtful = new Proxy(lake, {
    get(target, name) {
      if (name === 'commit') {
        return async (change: Parameters<Lake['commit']>[0]) => {
          await target.commit(change)
          throw new TableError('outcome-unknown', {
            commitId: '',
            catalog: '',
            attempts: 1,
            reason: '',
          })
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const maintenance = openUpkeep(doubtful, {
    nowUs,
    mergeEventFiles: async (inputs, output, options) => {
      written = output
      await mergeEventFiles(inputs, output, options)
    },
  })
  await assert.rejects(maintenance.step(), { code: 'outcome-unknown' })
  assert.equal(existsSync(written), true)
  assert.deepEqual(await idsOf(lake), ['a', 'b', 'c', 'd', 'new'])
})

test("metrics of a past day merge under the job's lock to the same rows and doubles", async (t) => {
  const place = await openPlace(t)
  const nowUs = (): number => MIDNIGHT_US + DAY_US + 2 * HOUR_US
  const lake = await place.open({ nowUs })
  const day = dayOfUs(MIDNIGHT_US)
  const rows = [0, 1, 2, 3].map((hour) => [
    metricsRow({
      campaignId: 'b',
      windowStartUs: MIDNIGHT_US + (3 - hour) * HOUR_US,
      revenueMillionths: 9_999_999_999_999_001n + BigInt(hour) * 12_345_677n,
    }),
    metricsRow({ campaignId: 'ä', windowStartUs: MIDNIGHT_US + (3 - hour) * HOUR_US, clicks: 0 }),
  ])
  const add: DataFile[] = []
  for (const some of rows) add.push(await lake.writeMetricsFile(day, some))
  await lake.commit({ metrics: { add, remove: [] }, summary: {}, commitId: 'fill' })
  const tell = async (): Promise<unknown[]> => {
    const query = await openQuery({ ...place, nowMs: () => Date.now() })
    const found: unknown[] = []
    const sql = 'SELECT * FROM campaign_metrics ORDER BY window_start, campaign_id'
    for await (const batch of (await query.runSql(sql)).batches) found.push(...batch)
    await query.close()
    return found
  }
  const before = await tell()
  let held = 0
  const maintenance = openUpkeep(lake, {
    nowUs,
    exclusively: async (work) => {
      held++
      return await work()
    },
  })
  assert.deepEqual(
    (await settle(maintenance)).map(({ task }) => task.kind),
    ['merge-metrics'],
  )
  assert.equal(held, 1)
  assert.equal(lake.metrics.files.length, 1)
  assert.deepEqual(await tell(), before)
})

test('retention drops whole days, tells the first kept, leaves the other table be', async (t) => {
  const place = await openPlace(t)
  let now = MIDNIGHT_US + 3 * DAY_US + HOUR_US
  const nowUs = (): number => now
  const lake = await place.open({ nowUs })
  await append(lake, [eventRow({ eventId: 'old', timestampUs: MIDNIGHT_US })], MIDNIGHT_US)
  await append(
    lake,
    [eventRow({ eventId: 'kept', timestampUs: MIDNIGHT_US + DAY_US })],
    MIDNIGHT_US + DAY_US,
  )
  const metrics = await lake.writeMetricsFile(dayOfUs(MIDNIGHT_US), [
    metricsRow({ windowStartUs: MIDNIGHT_US }),
  ])
  await lake.commit({ metrics: { add: [metrics], remove: [] }, summary: {}, commitId: 'metrics' })
  const maintenance = openUpkeep(lake, { nowUs, retentionDays: { events: 2, metrics: 0 } })
  await settle(maintenance)
  assert.deepEqual(await idsOf(lake), ['kept', 'old'], 'not on the word of one look at the clock')
  now += HOUR_US
  assert.equal((await maintenance.step())?.task.kind, 'drop-days')
  assert.deepEqual(await idsOf(lake), ['kept'])
  assert.equal(lake.metrics.files.length, 1)
  assert.equal(lake.metrics.summary['campaign-metrics.kept-from'], '2026-11-23')
})
