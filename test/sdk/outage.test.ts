/**
 * The SDK on servers while the collector is away: three processes of Node at 2,000 events/s each, a
 * collector that is killed with SIGKILL and comes back. `npm test` leaves it away for 10 s;
 * SDK_OUTAGE_SECONDS=60 is the full size.
 *
 *     roomy   a bound that holds the outage: nothing is lost
 *     small   half of that: what was dropped is counted, all else is stored once
 *     waits   the same bound, but the program awaits ready(): nothing is lost
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { runCommand, startProduct } from '../support/product.ts'
import type { Sample } from './server-app.ts'

const OUTAGE_MS = Number(process.env.SDK_OUTAGE_SECONDS ?? 10) * 1_000
const RATE = 2_000
/** Before and after the outage. */
const CALM_MS = 3_000
const SMALL = (RATE * OUTAGE_MS) / 2_000
/** A start of the collector and the longest pause between attempts may be added to the outage. */
const ROOMY = (RATE * (OUTAGE_MS + 180_000)) / 1_000
const HEAP_BYTES_AN_EVENT = 600
/** Requests under way, code, and what the process itself needs. */
const HEAP_BYTES_BESIDE = 16_000_000
const START_LIMIT_MS = 120_000
const DRAIN_LIMIT_MS = 120_000

type App = Readonly<{
  name: string
  bound: number
  samples: readonly Sample[]
  /** Resolves once nothing waits any more, and the process has ended by itself. */
  finish(): Promise<Sample>
}>

test(`the collector is away for ${OUTAGE_MS / 1_000} s at ${RATE} events/s`, async (t) => {
  const folder = await openFolder()
  let product = await startProduct(folder)
  await folder.configure({ listen: new URL(product.url).host })
  const apps = [
    startApp(t, product.url, 'roomy', ROOMY, 'never'),
    startApp(t, product.url, 'small', SMALL, 'never'),
    startApp(t, product.url, 'waits', SMALL, 'ready'),
  ]
  try {
    const limit = AbortSignal.timeout(START_LIMIT_MS)
    while (apps.some(({ samples }) => (samples.at(-1)?.counts.accepted ?? 0) === 0)) {
      assert.equal(limit.aborted, false, 'not every program sends')
      await sleep(50)
    }
    await sleep(CALM_MS)
    await product.kill()
    await sleep(OUTAGE_MS)
    const during = apps.map(({ samples }) => samples.at(-1) as Sample)
    product = await startProduct(folder)
    await sleep(CALM_MS)
    const held = (during[0]?.calls ?? 0) - (during[2]?.calls ?? 0)
    assert.ok(held > SMALL / 2, `ready() held the program back by ${held} calls only`)
    const [roomy, small, waits] = (await Promise.all(apps.map((app) => app.finish()))) as [
      Sample,
      Sample,
      Sample,
    ]
    for (const [at, app] of apps.entries()) report(t, app, during[at] as Sample)

    assert.ok(roomy.calls >= (RATE * OUTAGE_MS) / 1_000, `${roomy.calls} calls are too few`)
    assert.equal(roomy.counts.accepted, roomy.calls)
    assert.equal(waits.counts.accepted, waits.calls)
    const { accepted, dropped, unresolved } = small.counts
    assert.ok(dropped > 0)
    assert.equal(accepted + dropped + unresolved, small.calls)
    for (const { name, bound, samples } of apps) {
      const usual = (samples[0]?.heapBytes ?? 0) + HEAP_BYTES_BESIDE
      for (const { counts, heapBytes } of samples) {
        assert.ok(counts.waiting <= bound, `${name}: ${counts.waiting} events wait`)
        const limit = usual + counts.waiting * HEAP_BYTES_AN_EVENT
        assert.ok(heapBytes < limit, `${name}: ${heapBytes} bytes, more than ${limit}`)
      }
    }
    assert.ok((during[2]?.counts.waiting ?? 0) <= SMALL / 2 + 1, 'ready() lets too many wait')

    const ledger = await waitUntilSettled(product.url)
    assert.equal(ledger.rejected, 0)
    const rows = await query(
      folder,
      `select campaign_id, count(*) as events, count(distinct event_id) as ids,
        (select sum(impressions) from campaign_metrics m
         where m.campaign_id = e.campaign_id) as impressions
       from campaign_events e group by campaign_id order by campaign_id`,
    )
    assert.deepEqual(
      rows.map(({ campaign_id }) => campaign_id),
      ['roomy', 'small', 'waits'],
    )
    for (const { campaign_id, events, ids, impressions } of rows) {
      assert.equal(ids, events, `${campaign_id} is stored twice`)
      assert.equal(Number(impressions), events, `${campaign_id} differs in the metrics`)
    }
    const [roomyRows, smallRows, waitsRows] = rows.map(({ events }) => Number(events))
    assert.equal(roomyRows, roomy.calls)
    assert.equal(waitsRows, waits.calls)
    // An unresolved event was sent, so it may be stored.
    const stored = smallRows as number
    assert.ok(stored >= accepted && stored <= accepted + unresolved, `${stored} rows`)
    const verified = await runCommand(folder, ['verify'])
    assert.equal(verified.exit.code, 0, verified.stdout + verified.stderr)
  } finally {
    await product.stop()
    await folder.close()
  }
})

function startApp(
  t: TestContext,
  url: string,
  name: string,
  bound: number,
  waits: 'ready' | 'never',
): App {
  const script = join(import.meta.dirname, 'server-app.ts')
  const words = ['--expose-gc', script, url, name, `${bound}`, `${RATE}`, waits]
  const child = spawn(process.execPath, words, {
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const samples: Sample[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    samples.push(...lines.map((line) => JSON.parse(line) as Sample))
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return {
    name,
    bound,
    samples,
    async finish() {
      child.stdin.end()
      const limit = setTimeout(() => child.kill('SIGKILL'), DRAIN_LIMIT_MS)
      const code = await ended
      clearTimeout(limit)
      const last = samples.at(-1)
      assert.ok(code === 0 && last?.isLast, `${name} ended with ${code}: ${JSON.stringify(last)}`)
      return last
    },
  }
}

function report(t: TestContext, { name, bound, samples }: App, during: Sample): void {
  const last = samples.at(-1) as Sample
  const most = Math.max(...samples.map(({ heapBytes }) => heapBytes))
  const megabytes = ((most - (samples[0]?.heapBytes ?? 0)) / 1e6).toFixed(1)
  const { accepted, dropped, unresolved } = last.counts
  t.diagnostic(
    `${name}: ${last.calls} calls, bound ${bound}, ${during.counts.waiting} waiting at the end of ` +
      `the outage, ${accepted} accepted, ${dropped} dropped, ${unresolved} unresolved; ` +
      `heap grew by at most ${megabytes} MB`,
  )
}

async function query(
  folder: Parameters<typeof runCommand>[0],
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const run = await runCommand(folder, ['query', '--json', sql])
  assert.equal(run.exit.code, 0, run.stderr)
  return JSON.parse(run.stdout)
}
