/**
 * The SDK against the product itself: from Node, through SIGKILL and restart of the collector.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTracker, type Tracker } from '../../sdk/src/index.ts'
import { ask, get, waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { startProduct } from '../support/product.ts'

const ROOT = join(import.meta.dirname, '../..')
const LIMIT_MS = 120_000

async function flushAll(metrics: Tracker): Promise<void> {
  const limit = AbortSignal.timeout(LIMIT_MS)
  while (metrics.counts().waiting > 0) {
    assert.equal(limit.aborted, false, JSON.stringify(metrics.counts()))
    await metrics.flush()
    await sleep(50)
  }
}

test('GET /v1/time tells every page the time and the horizon, and nothing is written there', async () => {
  const folder = await openFolder({ dedupe: { horizon: '20m' } })
  const product = await startProduct(folder)
  try {
    const origin = { origin: 'https://shop.example' }
    const before = Date.now()
    const answer = await get(product.url, '/v1/time', origin)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['access-control-allow-origin'], '*')
    assert.equal(answer.headers['cache-control'], 'no-store')
    const { nowMs, dedupeHorizonMs } = JSON.parse(answer.text)
    assert.ok(nowMs >= before && nowMs <= Date.now())
    assert.equal(dedupeHorizonMs, 20 * 60_000)
    const preflight = await ask(product.url, '/v1/time', 'OPTIONS', {
      ...origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'traceparent,baggage',
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-headers'], 'traceparent,baggage')
    const post = await ask(product.url, '/v1/time', 'POST', {})
    assert.equal(post.status, 405)
  } finally {
    await product.stop()
    await folder.close()
  }
})

test('events of Node are stored once, through a collector that is killed and comes back', async () => {
  const folder = await openFolder()
  let product = await startProduct(folder)
  try {
    const { port } = new URL(product.url)
    await folder.configure({ listen: `127.0.0.1:${port}` })
    const metrics = createTracker({ url: product.url, flushIntervalMs: 50 })
    for (let count = 0; count < 3_000; count++) {
      metrics.impression({ campaign_id: 'spring' })
      if (count % 500 === 250) await sleep(20)
      if (count === 1_500) {
        await product.kill()
        product = await startProduct(folder)
      }
    }
    await flushAll(metrics)
    const { accepted, dropped, unresolved, rejected } = metrics.counts()
    assert.deepEqual(
      { accepted, dropped, unresolved, rejected },
      {
        accepted: 3_000,
        dropped: 0,
        unresolved: 0,
        rejected: 0,
      },
    )
    assert.equal((await waitUntilSettled(product.url)).stored, 3_000)
  } finally {
    await product.stop()
    await folder.close()
  }
})

test('a process that ends by itself sends first what waits', async () => {
  const folder = await openFolder()
  const product = await startProduct(folder)
  try {
    const source = join(ROOT, 'sdk/src/index.ts')
    const script =
      `import { createTracker } from ${JSON.stringify(source)}\n` +
      `const metrics = createTracker({ url: '${product.url}' })\n` +
      "for (let count = 0; count < 2_500; count++) metrics.click({ campaign_id: 'spring' })"
    const args = ['--input-type=module-typescript', '--eval', script]
    const child = spawn(process.execPath, args, { stdio: 'inherit' })
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.equal(code, 0)
    assert.equal((await waitUntilSettled(product.url)).stored, 2_500)
  } finally {
    await product.stop()
    await folder.close()
  }
})
