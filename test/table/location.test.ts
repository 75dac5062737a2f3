/** How files are named in metadata, in folders whose names readers take for something else. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LakePlaces } from '../../src/table.ts'
import { readPointers, writePointers } from '../support/lake.ts'
import { placesIn } from '../support/places.ts'
import { commitRows, dayRows, eventRow, metricsRow, openPlace, type Place } from './fixture.ts'

function placesBelow(place: Place, name: string): LakePlaces {
  return placesIn(join(place.folder, name))
}

async function commitOne(place: Place, places: LakePlaces, id: string): Promise<string> {
  const lake = await place.open(places)
  await commitRows(lake, dayRows([eventRow({ eventId: id })]), [metricsRow()], id)
  const { metadataLocation } = lake.events
  await lake.close()
  return metadataLocation
}

for (const [name, scheme] of [
  ['plain', 'file://'],
  ['a b+c&d', 'file://'],
  ['ü ß', 'file://'],
  ['100%', 'file://'],
  ['50%off', 'file://'],
  ['a%41b', ''],
  ['a%2fb', ''],
] as const) {
  test(`every file of tables in a folder is named as readers find it: ${name}`, async (t) => {
    const place = await openPlace(t)
    const places = placesBelow(place, name)
    const location = await commitOne(place, places, 'e-1')
    const folder = join(place.folder, name, 'warehouse')
    assert.ok(location.startsWith(`${scheme}${folder}/`), location)
    const metadata = JSON.parse(readFileSync(location.slice(scheme.length), 'utf8'))
    for (const named of [metadata.location, metadata.snapshots.at(-1)['manifest-list']]) {
      assert.ok(named.startsWith(`${scheme}${folder}/`), named)
    }
  })
}

test('tables whose pointers an earlier version wrote with file:// go on', async (t) => {
  const place = await openPlace(t)
  const places = placesBelow(place, 'a%41b')
  await commitOne(place, places, 'e-1')
  const catalog = join(place.folder, 'a%41b/catalog.db')
  const older = readPointers(catalog).map(({ table, metadataLocation }) => ({
    table,
    metadataLocation: `file://${metadataLocation}`,
  }))
  writePointers(catalog, older)
  await commitOne(place, places, 'e-2')
  const lake = await place.open(places)
  assert.equal(
    lake.events.files.reduce((sum, { rows }) => sum + rows, 0),
    2,
  )
  await lake.close()
})
