/**
 * What a user does to a folder over its life: moves it, loses its log, keeps rows for a time only,
 * replays what was rejected, gives the ids little memory, or fills in days of old events.
 */
import assert from 'node:assert/strict'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { get, post, postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { clockEnvironment } from '../support/clock.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { expectRefusal, runCommand } from '../support/product.ts'
import { checkTables, openInputFile, skipReaders } from '../support/readers.ts'
import { expectSettled, whileRunning } from '../support/settled.ts'
import { DAY_MS, NOON_MS, openTimedFolder } from '../support/timed-folder.ts'
import { until } from '../support/until.ts'

const ROWS = 50

let folder: Folder

afterEach(() => folder.close())

async function countRows(): Promise<number> {
  const sql = 'select count(*)::integer as n from campaign_events'
  const { exit, stdout, stderr } = await runCommand(folder, ['query', sql, '--json'])
  assert.equal(exit.code, 0, stderr)
  return (JSON.parse(stdout) as [{ n: number }])[0].n
}

test('a moved folder is said at the start, and relocate makes it whole: ids are still known', {
  skip: skipReaders,
}, async () => {
  folder = await openFolder()
  const lines = eventLines('before', ROWS)
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, lines.join('\n'))
    await waitUntilSettled(product.url)
  })
  const moved: Folder = {
    ...folder,
    logPath: join(folder.path, 'new/place/log'),
    warehousePath: join(folder.path, 'new/place/warehouse'),
    catalogPath: join(folder.path, 'new/place/catalog.db'),
    reader: {
      ...folder.reader,
      uri: `sqlite:///${join(folder.path, 'new/place/catalog.db')}`,
    },
  }
  await mkdir(join(folder.path, 'new'))
  await rename(join(folder.path, 'data'), join(folder.path, 'new/place'))
  await moved.configure({
    log: './new/place/log',
    warehouse: './new/place/warehouse',
    catalog: './new/place/catalog.db',
  })
  const { stdout, stderr } = await expectRefusal(moved)
  assert.match(stdout + stderr, /relocate/)
  const relocated = await runCommand(moved, ['relocate'])
  assert.equal(relocated.exit.code, 0, relocated.stdout + relocated.stderr)
  const input = await openInputFile(moved)
  await whileRunning(moved, async (product) => {
    await postAccepted(product.url, lines.join('\n'))
    const more = eventLines('after', ROWS)
    await postAccepted(product.url, more.join('\n'))
    await expectSettled(moved, product.url, { stored: 2 * ROWS, duplicates: ROWS })
    await input.add([...lines, ...more])
  })
  await checkTables(moved, [input.path])
})

test('with --new-log the tables go on without a lost log, and ids are still known', async () => {
  folder = await openFolder()
  const body = eventLines('before', ROWS).join('\n')
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, `${body}\nbad`)
    await waitUntilSettled(product.url)
  })
  await rm(folder.logPath, { recursive: true })
  const { stdout, stderr } = await expectRefusal(folder)
  assert.match(stdout + stderr, /--new-log/)
  const options = { arguments: ['--new-log'] }
  await whileRunning(
    folder,
    async (product) => {
      await postAccepted(product.url, body)
      await postAccepted(product.url, eventLines('after', ROWS).join('\n'))
      await expectSettled(folder, product.url, { stored: 2 * ROWS, duplicates: ROWS, rejected: 1 })
    },
    options,
  )
  // From here on it is the log of these tables, without a word.
  await whileRunning(folder, (product) =>
    expectSettled(folder, product.url, { stored: 2 * ROWS, duplicates: ROWS, rejected: 1 }),
  )
})

test('retention drops whole days of raw events, keeps their metrics, and verifies', async () => {
  // Rows go an hour after the start and twice the horizon after they came: in ten seconds on this
  // clock.
  const settings = { retention: { events: '30d', metrics: '0' }, dedupe: { horizon: '10m' } }
  const timed = await openTimedFolder(settings, { speed: 600, startMs: NOON_MS })
  folder = timed
  const daysAgo = (days: number): string => new Date(NOON_MS - days * DAY_MS).toISOString()
  const old = eventLines('old', ROWS, { timestamp: daysAgo(20), campaign_id: 'old' })
  const recent = eventLines('recent', ROWS, { timestamp: daysAgo(0) })
  await timed.running(async (product) => {
    await postAccepted(product.url, [...old, ...recent].join('\n'))
    await expectSettled(folder, product.url, { stored: 2 * ROWS })
  })
  assert.equal(await countRows(), 2 * ROWS)
  timed.clock.setAhead(15 * DAY_MS)
  await timed.running(async (product) => {
    await postAccepted(product.url, eventLines('later', ROWS, { timestamp: daysAgo(0) }).join('\n'))
    await waitUntilSettled(product.url)
    await until(async () => {
      const { tables } = (await readStatus(product.url)) as unknown as {
        tables: { events: { rows: number } }
      }
      assert.equal(tables.events.rows, 2 * ROWS)
      return true
    }, 60_000)
    await expectSettled(folder, product.url, { stored: 3 * ROWS })
  })
  // Nothing runs any more: on so fast a clock, old files go while a query still reads them.
  assert.equal(await countRows(), 2 * ROWS)
  const sql = "select clicks::integer as n from campaign_metrics where campaign_id = 'old'"
  const { stdout } = await runCommand(folder, ['query', sql, '--json'])
  assert.deepEqual(JSON.parse(stdout), [{ n: ROWS }])
})

test('what was rejected can be replayed once its reason is gone', async () => {
  folder = await openFolder()
  const ahead = eventLine({
    event_id: 'ahead',
    timestamp: new Date(Date.now() + 30 * 60_000).toISOString(),
  })
  await whileRunning(folder, async (product) => {
    const answer = await postAccepted(product.url, `${ahead}\n{"never":"right"}`)
    assert.equal(answer.rejected.length, 2)
  })
  const environment = clockEnvironment({ offsetMs: 3_600_000 })
  await whileRunning(
    folder,
    async (product) => {
      await runCommand(folder, ['rejected', '--replay', '--url', product.url])
      const ledger = await waitUntilSettled(product.url)
      assert.equal(ledger.stored, 1)
      await runCommand(folder, ['rejected', '--replay', '--url', product.url])
      const again = await waitUntilSettled(product.url)
      assert.equal(again.stored, 1)
      const { received, stored, duplicates, rejected } = again
      assert.equal(received, stored + duplicates + rejected)
    },
    { environment },
  )
})

test('what bots asked for comes back once, however often it is replayed', async () => {
  const key = 'page-key-0123456789'
  folder = await openFolder({ keys: { page: [key] }, redirects: ['https://shop.example'] })
  const bot = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' }
  await whileRunning(folder, async (product) => {
    const query = `key=${key}&campaign_id=c`
    const pixel = await get(product.url, `/v1/pixel.gif?${query}`, bot)
    const click = await get(product.url, `/v1/click?${query}&to=https://shop.example/`, bot)
    assert.deepEqual([pixel.status, click.status], [400, 302])
    const listed = await runCommand(folder, ['rejected', '--json'])
    const kept = listed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      kept.map(({ reason, event }) => [reason, JSON.parse(event).event_type]),
      [
        ['bot', 'impression'],
        ['bot', 'click'],
      ],
    )
    const replay = async () => {
      await runCommand(folder, ['rejected', '--replay', '--url', product.url])
      return await waitUntilSettled(product.url)
    }
    const ledger = { received: 4, stored: 2, duplicates: 0, rejected: 2, waiting: 0 }
    assert.deepEqual(await replay(), ledger)
    assert.deepEqual(await replay(), ledger)
    // Nobody remembers that they were sent again.
    await rm(join(folder.warehousePath, 'rejected', 'replayed.json'))
    assert.deepEqual(await replay(), { ...ledger, received: 6, duplicates: 2 })
  })
})

test('ids that do not fit the memory shorten the horizon, and the status says so', async () => {
  folder = await openFolder({ dedupe: { horizon: '1h', memoryMax: '1MiB' } })
  await whileRunning(folder, async (product) => {
    for (let batch = 0; batch < 20; batch += 1) {
      const answer = await post(product.url, eventLines(`batch-${batch}`, 5_000).join('\n'))
      assert.equal(answer.status, 200)
    }
    const ledger = await waitUntilSettled(product.url)
    assert.equal(ledger.stored, 100_000)
    const status = (await readStatus(product.url)) as unknown as {
      healthy: boolean
      problems: readonly unknown[]
      dedupe: { trueHorizonMs: number; horizonMs: number; bytes: number }
    }
    assert.ok(status.dedupe.trueHorizonMs < status.dedupe.horizonMs, JSON.stringify(status.dedupe))
    assert.ok(status.dedupe.bytes <= 1024 * 1024)
    assert.equal(status.healthy, false)
    assert.notEqual(status.problems.length, 0)
    const { exit, stdout } = await runCommand(folder, ['status', '--url', product.url])
    assert.equal(exit.code, 1, stdout)
    assert.match(stdout, /horizon/i)
  })
})

test('a backfill over hundreds of windows and days is right, and later events amend it', {
  skip: skipReaders,
}, async () => {
  folder = await openFolder({ retention: { events: '0', metrics: '0' } })
  const input = await openInputFile(folder)
  const backfill = (name: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, at) =>
      eventLine({
        event_id: `${name}-${at}`,
        campaign_id: `campaign-${at % 7}`,
        timestamp: new Date(Date.now() - ((at * 7_919) % 40_000) * 60_000).toISOString(),
        revenue: at / 100,
      }),
    )
  await whileRunning(folder, async (product) => {
    for (const [name, count] of [
      ['first', 20_000],
      ['second', 5_000],
      ['third', 300],
    ] as const) {
      const lines = backfill(name, count)
      await postAccepted(product.url, lines.join('\n'))
      await input.add(lines)
      await waitUntilSettled(product.url, 60_000)
    }
    await expectSettled(folder, product.url, { stored: 25_300 })
  })
  const { metricsRows } = await checkTables(folder, [input.path])
  assert.ok(metricsRows > 10_000)
})

test("verify refuses a window size other than the tables' instead of differing", async () => {
  folder = await openFolder()
  await whileRunning(folder, async (product) => {
    await postAccepted(product.url, eventLines('five', ROWS).join('\n'))
    await waitUntilSettled(product.url)
  })
  await folder.configure({ window: '1m' })
  const refused = await runCommand(folder, ['verify'])
  assert.notEqual(refused.exit.code, 0)
  assert.notEqual(refused.exit.code, 1, 'exit code 1 says that windows differ')
  assert.match(refused.stderr, /set "window" back/)
  await folder.configure({ window: '5m' })
  assert.equal((await runCommand(folder, ['verify'])).exit.code, 0)
})
