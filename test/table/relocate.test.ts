import { strict as assert } from 'node:assert'
import { readdirSync, readFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openDiskStorage } from '../../src/table/storage.ts'
import { type Lake, readLake, relocateLake, TableError } from '../../src/table.ts'
import { dayRows, eventRow, metricsRow, openPlace, type Place } from './fixture.ts'

async function fill(lake: Lake, commits: number): Promise<void> {
  for (let index = 0; index < commits; index++) {
    const event = await lake.writeEventsFile(dayRows([eventRow({ eventId: `e-${index}` })]))
    const metrics = await lake.writeMetricsFile(event.day, [metricsRow()])
    await lake.commit({
      events: { add: [event], remove: [] },
      metrics: { add: [metrics], remove: lake.metrics.files },
      summary: { 'campaign-metrics.next-offset': String(index + 1) },
      commitId: String(index),
    })
  }
}

/** Filled tables whose whole folder was then moved. */
async function movedPlace(place: Place) {
  const lake = await place.open()
  await fill(lake, 5)
  await lake.close()
  const folder = path.join(place.folder, 'elsewhere')
  await rename(place.warehousePath, folder)
  return { catalog: place.catalog, warehouse: { kind: 'folder', path: folder } as const }
}

const isMoved = (error: unknown): boolean =>
  error instanceof TableError &&
  error.code === 'moved' &&
  /campaign-metrics relocate/.test(error.message)

test('writers and readers notice a moved folder, and the message names the command', async (t) => {
  const place = await openPlace(t)
  const there = await movedPlace(place)
  await assert.rejects(place.open(there), isMoved)
  await assert.rejects(readLake(place), isMoved)
})

test('after relocate tables go on where they are now; nothing names the old place', async (t) => {
  const place = await openPlace(t)
  const there = await movedPlace(place)
  assert.equal(await relocateLake(there), true)
  const lake = await place.open(there)
  assert.equal(lake.events.files.length, 5)
  assert.equal(lake.events.summary['campaign-metrics.next-offset'], '5')
  await fill(lake, 1)
  const metadata = path.join(lake.events.folder, 'metadata')
  for (const name of readdirSync(metadata).filter((each) => each.endsWith('.json'))) {
    assert(!readFileSync(path.join(metadata, name), 'utf8').includes(place.warehousePath))
  }
  const ids: string[] = []
  for (const file of lake.events.files) {
    for await (const page of lake.readEventIds(file))
      ids.push(...page.map((id) => String(Buffer.from(id))))
  }
  assert.deepEqual(ids.toSorted(), ['e-0', 'e-0', 'e-1', 'e-2', 'e-3', 'e-4'])
})

test('a relocation that breaks off anywhere can be run again', async (t) => {
  const place = await openPlace(t)
  const there = await movedPlace(place)
  for (let allowed = 0; allowed < 40; allowed += 3) {
    const inner = openDiskStorage()
    let left = allowed
    const storage = {
      ...inner,
      write: (...[file, chunks]: Parameters<typeof inner.write>) => {
        if (left-- > 0) return inner.write(file, chunks)
        throw new TableError('storage-failed', { path: file, reason: 'ENOSPC' })
      },
    }
    const moved = await relocateLake({ ...there, storage }).catch(() => null)
    if (moved === null) await assert.rejects(place.open(there), isMoved)
  }
  await relocateLake(there)
  const lake = await place.open(there)
  assert.equal(lake.events.files.length, 5)
})

test('a catalog without tables says what to do', async (t) => {
  const place = await openPlace(t)
  const missing = { code: 'catalog-missing' }
  await assert.rejects(readLake(place), missing)
  new DatabaseSync(place.catalogPath).close()
  await assert.rejects(readLake(place), missing)
  await assert.rejects(relocateLake(place), missing)
})

test('a catalog that has lost one of the tables has none to read', async (t) => {
  const place = await openPlace(t)
  await (await place.open()).close()
  const database = new DatabaseSync(place.catalogPath)
  database.exec("DELETE FROM iceberg_tables WHERE table_name = 'campaign_metrics'")
  database.close()
  await assert.rejects(readLake(place), { code: 'catalog-missing' })
})

test('the catalog is a WAL database with synchronous commits; PyIceberg keeps it so', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  await fill(lake, 1)
  const database = new DatabaseSync(place.catalogPath, { readOnly: true })
  assert.equal(database.prepare('PRAGMA journal_mode').get()!.journal_mode, 'wal')
  const rows = database.prepare('SELECT * FROM iceberg_tables ORDER BY table_name').all()
  database.close()
  assert.deepEqual(
    rows.map((row) => [row.catalog_name, row.table_namespace, row.table_name, row.iceberg_type]),
    [
      ['lake', 'campaigns', 'campaign_events', 'TABLE'],
      ['lake', 'campaigns', 'campaign_metrics', 'TABLE'],
    ],
  )
  assert.equal(rows[0]!.metadata_location, lake.events.metadataLocation)
  assert.match(
    String(rows[0]!.previous_metadata_location),
    /\/00000-[0-9a-f-]{36}\.metadata\.json$/,
  )
})

test('a warehouse path that readers would misunderstand is refused', async (t) => {
  const place = await openPlace(t)
  const warehouse = { kind: 'folder', path: path.join(place.folder, 'what?') } as const
  await assert.rejects(place.open({ warehouse }), { code: 'warehouse-path' })
})
