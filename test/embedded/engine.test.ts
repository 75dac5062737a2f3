/**
 * The embedded engine behind the contract of engines: what it compares when its tables are
 * verified.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMBEDDED_ENGINE } from '../../src/embedded.ts'
import type { VerifyRequest } from '../../src/job.ts'
import type { Verification } from '../../src/query.ts'
import type { TableView } from '../../src/table.ts'

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
