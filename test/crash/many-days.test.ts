/**
 * A body that reaches back for years, killed in the middle of its commits: it is committed in
 * slices of days, a restart goes on with the rest of them, and every event is stored once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { post, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { readSummaries } from '../support/lake.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { expectSettled } from '../support/settled.ts'

const DAYS = 1500
const DAY_MS = 86_400_000
/** Kills itself there, one after the other: before and after a slice has landed. */
const KILLS = ['committed:2', 'pointers-swapped:2', 'metadata-written:3', 'cleaned:2']

function line(id: string, day: number): string {
  return JSON.stringify({
    event_id: id,
    user_id: 'u',
    campaign_id: `c${day % 3}`,
    event_type: 'click',
    timestamp: new Date(Date.UTC(2003, 0, 1, 12) + day * DAY_MS).toISOString(),
  })
}

/** Each day once, and every tenth id again on another day. */
const OLD = Array.from({ length: DAYS }, (_, day) => line(`old-${day}`, day))
const REPEATED = OLD.flatMap((_, day) => (day % 10 === 0 ? [line(`old-${day}`, DAYS - day)] : []))
const BODY = [...OLD, ...REPEATED].join('\n')

/** Null when the process has ended before it answered. */
const send = ({ url }: Product, body: string): Promise<number | null> =>
  post(url, body).then(
    ({ status }) => status,
    () => null,
  )

test('a body of 1,500 days is stored once, through kills between its slices', async () => {
  const folder = await openFolder()
  try {
    let isTaken = false
    let inPart = 0
    for (const kill of KILLS) {
      const environment = { CAMPAIGN_METRICS_KILL_AT: kill }
      const product = await startProduct(folder, { environment })
      if (!isTaken) isTaken = (await send(product, BODY)) === 200
      for (let beside = 0; (await send(product, line(`${kill}-${beside}`, 8000))) === 200; beside++)
        await sleep(20)
      assert.deepEqual(await product.exited, { code: null, signal: 'SIGKILL' })
      inPart += Number(await isInPart(folder))
    }
    assert.ok(isTaken, 'the first process lived long enough to answer')
    assert.ok(inPart >= 2, `${inPart} kills in the middle`)
    const product = await startProduct(folder)
    const ledger = await waitUntilSettled(product.url)
    await expectSettled(folder, product.url, { rejected: 0, duplicates: REPEATED.length })
    const sql =
      'select count(*) as events, count(distinct event_id) as ids, ' +
      "count(*) filter (where event_id like 'old-%') as old from campaign_events"
    const query = await runCommand(folder, ['query', sql, '--json'])
    const [counts] = JSON.parse(query.stdout)
    assert.deepEqual(counts, { events: ledger.stored, ids: ledger.stored, old: DAYS })
    await product.stop()
  } finally {
    await folder.close()
  }
})

/** The tables hold some days of a batch and not the others. */
async function isInPart(folder: Folder): Promise<boolean> {
  const summary = (await readSummaries(folder, 'campaign_events')).at(-1) ?? {}
  const [offset] = (summary['campaign-metrics.partial'] ?? '').split(' ')
  return offset === summary['campaign-metrics.next-offset']
}
