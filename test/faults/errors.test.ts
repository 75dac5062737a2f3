/** F15: the catalog refuses connections and breaks those that stand; S3 answers 503, 429 and 500 to a part of all requests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import type { DistributedSide } from '../stack/support/distributed-side.ts'
import { runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'
import { catalogUrl } from '../stack/support/postgres.ts'
import { openPostgresProxy } from '../stack/support/postgres-proxy.ts'
import { openS3Proxy } from '../stack/support/s3-proxy.ts'

const FAIL_SHARE = 0.3
const FAIL_MS = 15_000
const BREAKS = 5
const BREAK_MS = 1_500

test('Kafka with the embedded engine: catalog connections break, and S3 is out of breath', () =>
  onKafkaSide('errors', runWithErrors))

test('Kafka with Flink: catalog connections break, and S3 is out of breath', () =>
  onFlinkSide('errors', runWithErrors))

async function runWithErrors(stack: Stack, side: DistributedSide): Promise<void> {
  const catalog = await openPostgresProxy({
    server: stack.address('postgres'),
    isVictim: () => false,
  })
  const store = await openS3Proxy(stack.address('s3'))
  try {
    const s3 = side.fields.s3 as Readonly<Record<string, unknown>>
    await side.folder.configure({
      ...side.fields,
      catalog: catalogUrl(stack, side.database, catalog.address),
      s3: { ...s3, endpoint: `http://${store.address}` },
    })
    await runFault(side, async ({ traffic }) => {
      store.failShare(FAIL_SHARE)
      await sleep(FAIL_MS)
      store.failShare(0)
      for (let at = 0; at < BREAKS; at += 1) {
        catalog.refuse(true)
        await sleep(BREAK_MS)
        catalog.refuse(false)
        await traffic.more(1)
      }
    })
    assert.ok(store.failed() > 0, 'no request to S3 failed')
  } finally {
    await catalog.close()
    await store.close()
  }
}
