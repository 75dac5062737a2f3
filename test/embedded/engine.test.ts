/**
 * The embedded engine behind the contract of engines: what it compares when its tables are
 * verified, how far it says it is, and which segments of its log it lets go.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../src/config.ts'
import { EMBEDDED_ENGINE } from '../../src/embedded.ts'
import type { JobProgress, VerifyRequest } from '../../src/job.ts'
import type { Verification } from '../../src/query.ts'
import { openLake, readLake, type TableView } from '../../src/table.ts'
import { openJobPlace } from '../support/job-place.ts'

const FOUND = { isEqual: true } as Verification // handed through, never read

/** `asked` has what Trino was asked to verify. */
function requestOf(eventsId: bigint | null, metricsId: bigint | null) {
  const asked: unknown[] = []
  const view = (snapshotId: bigint | null) => ({ snapshotId }) as TableView
  const request: VerifyRequest = {
    readTables: async () => ({ events: view(eventsId), metrics: view(metricsId) }),
    async verify(options) {
      asked.push(options)
      return FOUND
    },
    windowUs: 300_000_000,
    horizonUs: 3_600_000_000,
    fromUs: 7,
    differencesMax: 50,
    pause: () => assert.fail('no window waits to be amended'),
  }
  return { request, asked }
}

test('every window is compared, of both snapshots of one commit', async () => {
  const { request, asked } = requestOf(11n, 12n)
  assert.equal(await EMBEDDED_ENGINE.verify(request), FOUND)
  const snapshots = { eventsId: 11n, metricsId: 12n }
  const limits = { horizonUs: 3_600_000_000, fromUs: 7, untilUs: null, differencesMax: 50 }
  assert.deepEqual(asked, [{ snapshots, ...limits }])
})

test('of empty tables nothing is compared, and no result is made up', async () => {
  for (const [eventsId, metricsId] of [
    [null, null],
    [11n, null],
    [null, 12n],
  ] as const) {
    const { request, asked } = requestOf(eventsId, metricsId)
    assert.equal(await EMBEDDED_ENGINE.verify(request), null)
    assert.deepEqual(asked, [])
  }
})

test('without a job the tables and the log tell how far it is', async (t) => {
  const { log, settings } = await openJobPlace(t)
  const config = settings as unknown as Config // what the engine reads of it is there
  const nowUs = (): number => Date.UTC(2026, 10, 22) * 1000
  const { warehouse, catalog, cache, windowUs } = settings
  const lake = await openLake({ warehouse, catalog, cache, windowUs, writer: 'embedded', nowUs })
  await lake.close()
  const empty = await EMBEDDED_ENGINE.readProgress(config, nowUs())
  assert.equal(empty.figures.lastCommit, null)
  assert.deepEqual([empty.log.start, empty.log.end], [0, 0])
  assert.ok(settings.log.kind === 'folder')
  const gone = { ...config, log: { ...settings.log, path: `${settings.log.path}-gone` } }
  const without = await EMBEDDED_ENGINE.readProgress(gone, nowUs())
  assert.deepEqual(without.log, { id: '', start: 0, end: 0, bytes: 0 })

  await log.append(Buffer.from('no event\n'), 1, log.stampUs())
  const job = await EMBEDDED_ENGINE.start({
    ...{
      config,
      log,
      nowUs,
      acceptNewLog: false,
      acceptRepeats: false,
      rebuildState: false,
      killAt: undefined,
    },
    ...{ onProgress() {}, onWarning() {} },
  })
  await job.close()
  await log.append(Buffer.from('later\n'), 1, log.stampUs())
  const { figures, log: standing } = await EMBEDDED_ENGINE.readProgress(config, nowUs())
  const { events } = await readLake(settings)
  assert.deepEqual([figures.nextOffset, figures.rejected], [1, 1])
  assert.equal(figures.lastCommit?.atUs, (events.timestampMs ?? 0) * 1000)
  assert.deepEqual([standing.start, standing.end], [0, 2])
  assert.ok((standing.bytes ?? 0) > 0)
})

test('segments of the log go once their events are in the tables', async (t) => {
  const { log, settings } = await openJobPlace(t)
  const config = settings as unknown as Config // what the engine reads of it is there
  const trimmed: number[] = []
  const warnings: string[] = []
  const watched = {
    cursor: log.cursor,
    end: () => log.end(),
    async trim(offset: number) {
      trimmed.push(offset)
      if (offset === 1) throw new Error('the segment is in use')
    },
  } as unknown as typeof log
  const seen: JobProgress[] = []
  const job = await EMBEDDED_ENGINE.start({
    ...{ config, log: watched, nowUs: () => Date.now() * 1000, killAt: undefined },
    ...{ acceptNewLog: false, acceptRepeats: false, rebuildState: false },
    onProgress: (progress) => seen.push(progress),
    onWarning: (text) => warnings.push(text),
  })
  await log.append(Buffer.from('no event\n'), 1, log.stampUs())
  await job.close()
  assert.equal(trimmed.at(-1), 1)
  assert.equal(seen.at(-1)?.nextOffset, 1)
  assert.ok(warnings.includes('the segment is in use'))
})
