/** Rejected events wait for a disk that may recover, and are not kept twice after a crash. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rejected } from '../../src/embedded/loop.ts'
import {
  keepRejected,
  keptBeyond,
  openKeptFrom,
  retentionDaysOf,
} from '../../src/embedded/rejection.ts'
import type { JobSettings } from '../../src/embedded.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import { openRejected, RejectedError, type RejectedStore } from '../../src/rejected.ts'
import type { TableView } from '../../src/table.ts'
import { makeScratchFolder } from '../support/scratch.ts'
import { START } from './feed-job.ts'

const NOW_US = 1_795_348_800_000_000
const DAY_US = 86_400_000_000

const record = (offset: number, partition?: number): Rejected => ({
  bytes: Buffer.from('{'),
  reason: 'syntax',
  arrivalUs: NOW_US,
  offset,
  ...(partition !== undefined && { partition }),
})

/** A store whose first `failures` writes fail with this error. */
function failingStore(error: RejectedError, failures: number) {
  const kept: number[] = []
  let left = failures
  const store = {
    async keep(records: readonly Rejected[]) {
      if (left-- > 0) throw error
      kept.push(...records.map(({ offset }) => offset))
    },
  } as unknown as RejectedStore // only what keepRejected may use of it
  return { kept, store }
}

const ioError = (cause?: unknown): RejectedError =>
  new RejectedError('io', { path: '/rejected', reason: 'no space left' }, cause)

test('a disk that is full for now is reported and waited for; then all is kept', async () => {
  const { kept, store } = failingStore(ioError(), 1)
  const stalls: string[] = []
  const parts = { store, keptUntil: () => 3, onStall: (text: string) => void stalls.push(text) }
  await keepRejected({ ...parts, goesOn: () => true }, [record(3), record(4), record(5)])
  assert.deepEqual(kept, [4, 5], 'offset 3 was kept by an earlier run')
  assert.equal(stalls.length, 1)
  assert.match(stalls[0] ?? '', /cannot be kept in \/rejected: no space left/)
})

test('what cannot pass, or is no longer waited for, is thrown', async () => {
  const wrongPlace = Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
  const failed = new RejectedError('failed', { path: '/rejected', reason: 'EIO' })
  for (const [error, goesOn] of [
    [ioError(wrongPlace), true],
    [failed, true],
    [ioError(), false],
  ] as const) {
    const { store, kept } = failingStore(error, 1)
    const parts = { store, keptUntil: () => -1, onStall: () => assert.fail('it waits') }
    await assert.rejects(keepRejected({ ...parts, goesOn: () => goesOn }, [record(0)]), error)
    assert.deepEqual(kept, [])
  }
})

test('what a crashed run kept past its checkpoint is known, by partition of a topic', async (t) => {
  const directory = makeScratchFolder('rejected', t)
  const store = await openRejected({
    ...{ directory, source: 'job', bytesMax: 2 ** 20 },
    ...{ nowUs: () => NOW_US, warn: () => {} },
  })
  await store.keep([record(7, 0), record(2, 1), record(9, 0)])
  const untilOf = async (rejected: number, offsets: readonly number[] | null) => {
    const keptUntil = await keptBeyond(directory, store, { ...START, rejected, offsets })
    return [undefined, 0, 1, 2].map((partition) => keptUntil(partition))
  }
  assert.deepEqual(await untilOf(0, [0, 0]), [9, 9, 2, -1])
  assert.deepEqual(await untilOf(3, [0, 0]), [-1, -1, -1, -1], 'all of it is committed')
  await store.close()

  const ofFolder = makeScratchFolder('rejected', t)
  const folder = await openRejected({
    ...{ directory: ofFolder, source: 'job', bytesMax: 2 ** 20 },
    ...{ nowUs: () => NOW_US, warn: () => {} },
  })
  await folder.keep([record(7), record(9)])
  const kept = await keptBeyond(ofFolder, folder, { ...START, rejected: 1 })
  assert.equal(kept(undefined), 9)
  const committed = await keptBeyond(ofFolder, folder, { ...START, rejected: 2 })
  assert.equal(committed(undefined), -1)
  await folder.close()
})

const settingsOf = (kind: 'folder' | 'kafka', eventsDays: number, metricsDays: number) =>
  ({
    log: { kind },
    retention: { eventsMs: eventsDays * 86_400_000, metricsMs: metricsDays * 86_400_000 },
  }) as unknown as JobSettings // only what retention looks at

test('retention is in days; a topic keeps a day more, and 0 keeps for ever', () => {
  assert.deepEqual(retentionDaysOf(settingsOf('folder', 30, 0)), { events: 30, metrics: 0 })
  assert.deepEqual(retentionDaysOf(settingsOf('kafka', 30, 90)), { events: 31, metrics: 91 })
  assert.deepEqual(retentionDaysOf(settingsOf('kafka', 0, 1.5)), { events: 0, metrics: 2.5 })
})

test('only a topic is judged by age, and only what came since the start', () => {
  const view = (keptFrom?: string) =>
    ({
      events: {
        history:
          keptFrom === undefined ? [] : [{ summary: { 'campaign-metrics.kept-from': keptFrom } }],
      } as unknown as TableView,
    }) as const
  const midnightUs = NOW_US - DAY_US / 2
  const folder = openKeptFrom(settingsOf('folder', 10, 0), view(), NOW_US)
  assert.equal(folder(NOW_US), KEEPS_ALL_US)
  const topic = openKeptFrom(settingsOf('kafka', 10, 0), view(), NOW_US)
  assert.equal(topic(NOW_US - 1), KEEPS_ALL_US, 'it was accepted under another setting')
  assert.equal(topic(NOW_US), midnightUs - 11 * DAY_US)
  const dropped = openKeptFrom(settingsOf('kafka', 10, 0), view('2026-11-20'), NOW_US)
  const wholeUs = Date.UTC(2026, 10, 20) * 1000
  assert.deepEqual([dropped(NOW_US - 1), dropped(NOW_US)], [wholeUs, wholeUs])
})
