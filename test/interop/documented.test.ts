/** The lines of docs/reading.md, run as they stand there; `npm run test:readers` has all engines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { startProduct } from '../support/product.ts'
import { hyparquetRows, printedRows, type Row, type Site, type State } from './documented.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()
const CLICKS = { spring: 3, autumn: 2 } as const

test('PyIceberg, DuckDB, DataFusion, Polars and hyparquet read, running and stopped', {
  skip,
}, async (t) => {
  const folder = await openFolder()
  const product = await startProduct(folder)
  t.after(async () => {
    await product.stop()
    await folder.close()
  })
  // One more in each round, so that files of the folder are replaced.
  const timestamp = new Date().toISOString()
  for (const round of [0, 1, 2]) {
    const due = Object.entries(CLICKS).filter(([, clicks]) => round < clicks)
    const lines = due.map(([campaign_id]) =>
      eventLine({ event_id: `${campaign_id}-${round}`, campaign_id, timestamp }),
    )
    await postAccepted(product.url, lines.join('\n'))
    await waitUntilSettled(product.url)
  }
  const site = { folder, url: product.url }
  await readAll(site, 'Running')
  await product.stop()
  await readAll(site, 'Stopped')
})

async function readAll(site: Site, state: State): Promise<void> {
  const table = 'campaign_metrics'
  for (const engine of ['PyIceberg', 'DuckDB', 'DataFusion', 'Polars', 'hyparquet']) {
    const read = engine === 'hyparquet' ? hyparquetRows : printedRows
    const rows = await read(python ?? '', engine, site, state, table)
    assert.deepEqual(clicksIn(rows), CLICKS, `${engine}, ${state}`)
  }
}

function clicksIn(rows: readonly Row[]): Readonly<Record<string, number>> {
  return Object.fromEntries(rows.map((row) => [String(row.campaign_id), Number(row.clicks)]))
}
