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

const EVENTS = 5

let site: Site
let product: Product
before(async () => {
  const folder = await openFolder()
  product = await startProduct(folder)
  site = { folder, url: product.url }
  for (let at = 0; at < EVENTS; at += 1) await send(at)
})
after(async () => {
  await product.stop()
  await site.folder.close()
})

/** Each is a snapshot of its own. */
async function send(at: number): Promise<void> {
  await postAccepted(product.url, eventLine({ event_id: `event-${at}` }))
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
    assert.deepEqual(await ask('SELECT sum(clicks) FROM campaign_metrics'), [[EVENTS]])
    const sql = `SELECT snapshot_id FROM "campaign_events$snapshots"
      WHERE element_at(summary, 'total-records') = '${EVENTS}' LIMIT 1`
    const [[snapshot] = []] = await ask(sql)
    await send(EVENTS)
    const version = `campaign_events FOR VERSION AS OF ${snapshot}`
    assert.deepEqual(await ask(`SELECT count(*) FROM ${version}`), [[EVENTS]])
    assert.deepEqual(await ask('SELECT count(*) FROM campaign_events'), [[EVENTS + 1]])
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
      assert.deepEqual(
        ids.sort(),
        Array.from({ length: EVENTS + 1 }, (_, at) => `event-${at}`),
      )
      const snapshots = await session.execute(
        'SELECT committed_at, snapshot_id, operation FROM lake.campaigns.`campaign_events$snapshots`',
      )
      const operations = snapshots.rows.map(([, , operation]) => operation)
      assert.equal(operations.filter((operation) => operation === 'append').length, EVENTS + 1)
    } finally {
      await session.close()
    }
  })
})
