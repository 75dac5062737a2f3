/**
 * Watches the tables as a reader would, in a process of its own: polls the catalog's pointer, and
 * when it moved reads the metadata file it points to. Prints one line of JSON for each move:
 * [when it was seen, next offset in the snapshot's summary].
 *
 * usage: node bench/support/watch.ts CATALOG.db
 */
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const POLL_MS = 20
const SELECT_METRICS = `SELECT metadata_location AS location FROM iceberg_tables
  WHERE table_namespace = 'campaigns' AND table_name = 'campaign_metrics'`

const catalog = new DatabaseSync(process.argv[2] as string, { readOnly: true, timeout: 5000 })
const select = catalog.prepare(SELECT_METRICS)
let seen = ''
for (;;) {
  const location = String(select.get()?.location ?? '')
  if (location !== seen) {
    seen = location
    const offset = readNextOffset(location)
    const nowMs = performance.timeOrigin + performance.now()
    if (offset !== null) process.stdout.write(`${JSON.stringify([nowMs, offset])}\n`)
  }
  await sleep(POLL_MS)
}

function readNextOffset(location: string): number | null {
  const path = location.startsWith('file:') ? fileURLToPath(location) : location
  const text = readFileSync(path, 'utf8')
  const metadata = JSON.parse(text) as {
    'current-snapshot-id'?: number
    snapshots?: readonly { 'snapshot-id': number; summary?: Record<string, string> }[]
  }
  const current = metadata['current-snapshot-id']
  const snapshot = metadata.snapshots?.findLast((found) => found['snapshot-id'] === current)
  const offset = snapshot?.summary?.['campaign-metrics.next-offset']
  return offset === undefined ? null : Number(offset)
}
