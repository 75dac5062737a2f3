/**
 * Trino and Flink read the tables of a process on this machine, through its REST catalog and by the
 * lines of docs/reading.md: rows, metadata tables, and what the tables were before.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Stack } from '../../deploy/stack/stack.ts'
import { openGatewaySession } from '../../src/flink.ts'
import { documentedLines, type Site } from '../interop/documented.ts'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, startProduct } from '../support/product.ts'
import { askTrino } from './support/ask-trino.ts'
import { openOwnFlink, openOwnTrino } from './support/own-stack.ts'

let site: Site
let product: Product
let sent = 0
before(async () => {
  const folder = await openFolder()
  product = await startProduct(folder)
  site = { folder, url: product.url }
  for (let at = 0; at < 5; at += 1) await send()
})
after(async () => {
  await product.stop()
  await site.folder.close()
})

/** Each is a snapshot of its own. */
async function send(): Promise<void> {
  await postAccepted(product.url, eventLine({ event_id: `event-${sent++}` }))
  await waitUntilSettled(product.url)
}

async function useStack(opening: Promise<Stack>, use: (stack: Stack) => Promise<void>) {
  const stack = await opening
  try {
    await use(stack)
  } finally {
    await stack.close()
  }
}

test('Trino reads rows, snapshots, and an older snapshot after others have come', async () => {
  const [lines] = documentedLines('Trino', 'Running', site, 'campaign_events')
  await useStack(openOwnTrino(lines?.text ?? ''), async (stack) => {
    const ask = (sql: string) => askTrino(stack.address('trino'), sql)
    assert.deepEqual(await ask('SELECT sum(clicks) FROM campaign_metrics'), [[sent]])
    // A new one: of those that are older than a minute only one a minute is kept.
    await send()
    const held = sent
    const [[snapshot] = []] =
      await ask(`SELECT CAST(snapshot_id AS VARCHAR) FROM "campaign_events$snapshots"
      WHERE element_at(summary, 'total-records') = '${held}' LIMIT 1`)
    await send()
    const version = `campaign_events FOR VERSION AS OF ${snapshot}`
    assert.deepEqual(await ask(`SELECT count(*) FROM ${version}`), [[held]])
    assert.deepEqual(await ask('SELECT count(*) FROM campaign_events'), [[sent]])
    await assert.rejects(
      ask('INSERT INTO campaign_events SELECT * FROM campaign_events'),
      /does not support endpoint|read-only/,
    )
  })
})

test('Flink reads rows and snapshots', async () => {
  const [lines] = documentedLines('Flink', 'Running', site, 'campaign_events')
  const statements = (lines?.text ?? '').split(';').filter((one) => one.trim() !== '')
  await useStack(openOwnFlink([]), async (stack) => {
    const session = await openGatewaySession({ url: `http://${stack.address('sql-gateway')}` })
    try {
      const results = []
      for (const statement of statements) results.push(await session.execute(statement))
      const ids = results.at(-1)?.rows.map(([id]) => String(id)) ?? []
      assert.deepEqual(ids.sort(), Array.from({ length: sent }, (_, at) => `event-${at}`).sort())
      const snapshots = await session.execute(
        "SELECT summary['total-records'] FROM lake.campaigns.`campaign_events$snapshots`",
      )
      assert.equal(Math.max(...snapshots.rows.map(([total]) => Number(total ?? 0))), sent)
    } finally {
      await session.close()
    }
  })
})
