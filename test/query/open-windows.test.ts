/** How many windows have events and have not closed: asked of DuckDB, as the leader asks Trino. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DUCKDB } from '../../src/query/duckdb/dialect.ts'
import { openDuck } from '../../src/query/duckdb/instance.ts'
import { withPort } from '../../src/query/duckdb/port.ts'
import { countOpenWindows } from '../../src/query/open-windows.ts'
import { type Fixture, openFixture } from './fixture.ts'

let fixture: Fixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

const windowUs = 300_000_000

test('a window is open for each campaign that has events in it', async () => {
  const events = await fixture.eventsFile('open.parquet', [
    { id: 'closed', at: '2026-11-22 10:04:59.999999' },
    { id: 'a', at: '2026-11-22 10:05:00' },
    { id: 'b', at: '2026-11-22 10:09:59.999999' },
    { id: 'c', at: '2026-11-22 10:09:00', campaign: 'autumn' },
    { id: 'd', at: '2026-11-22 10:10:00', campaign: 'autumn' },
  ])
  const duck = await openDuck({ folders: [join(fixture.path, 'data')] })
  const count = (closedUntilUs: number | null) =>
    withPort(duck, (port) => countOpenWindows(port, DUCKDB, [events], { closedUntilUs, windowUs }))
  try {
    const fiveUs = Date.UTC(2026, 10, 22, 10, 5) * 1000
    assert.deepEqual(await count(fiveUs), { windows: 3, events: 4 })
    assert.deepEqual(await count(fiveUs + 3 * windowUs), { windows: 0, events: 0 })
    assert.deepEqual(await count(null), { windows: 4, events: 5 })
  } finally {
    await duck.close()
  }
})
