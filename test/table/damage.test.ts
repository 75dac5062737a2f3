/**
 * Files of the tables that are no longer what was written: told by their names, and never believed.
 */
import { strict as assert } from 'node:assert'
import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { decodeContainer } from '../../src/table/avro.ts'
import { readLake, TableError } from '../../src/table.ts'
import { commitRows, dayRows, eventRow, metricsRow, openPlace } from './fixture.ts'

const fails = (code: string, file: string) => (error: unknown) => {
  assert.ok(error instanceof TableError, String(error))
  assert.equal(error.code, code)
  assert.ok(error.message.includes(file), error.message)
  return true
}

async function filledPlace(t: Parameters<typeof openPlace>[0]) {
  const place = await openPlace(t)
  const lake = await place.open()
  const { events } = await commitRows(
    lake,
    dayRows([eventRow({ eventId: 'a' })]),
    [metricsRow()],
    'a',
  )
  await lake.close()
  const { events: view } = await readLake(place)
  const metadata = view.metadataLocation.replace('file://', '')
  const list = JSON.parse(await readFile(metadata, 'utf8'))
    .snapshots.at(-1)
    ['manifest-list'].replace('file://', '')
  return { place, metadata, list: String(list), data: events.path }
}

test('a copy next to the catalogued folder is not half read: readers report a move', async (t) => {
  const { place } = await filledPlace(t)
  const copy = path.join(place.folder, 'copy')
  await cp(place.warehousePath, copy, { recursive: true })
  await assert.rejects(
    readLake({ catalog: place.catalog, warehouse: { kind: 'folder', path: copy } }),
    fails('moved', copy),
  )
})

test('readers and writers alike report that the folder is gone, with both ways on', async (t) => {
  const { place } = await filledPlace(t)
  await rm(place.warehousePath, { recursive: true })
  for (const opening of [readLake(place), place.open()]) {
    await assert.rejects(opening, fails('moved', 'is now gone'))
  }
})

test('a metadata file or manifest list cut, emptied, garbage or a folder is named', async (t) => {
  const { place, metadata, list } = await filledPlace(t)
  const garbage = Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 151 + 77) % 256))
  for (const file of [metadata, list]) {
    const bytes = await readFile(file)
    for (const content of [bytes.subarray(0, 100), Buffer.alloc(0), garbage, Buffer.from('{}')]) {
      await writeFile(file, content)
      await assert.rejects(readLake(place), fails('file-damaged', file))
    }
    await rm(file)
    await mkdir(file)
    await assert.rejects(readLake(place), fails('file-unreadable', file))
    await rm(file, { recursive: true })
    await writeFile(file, bytes)
  }
})

test('a page that cannot be decoded names its file', async (t) => {
  const { place, data } = await filledPlace(t)
  const bytes = await readFile(data)
  bytes.fill(0xaa, 4, 400)
  await writeFile(data, bytes)
  const lake = await place.open()
  const [file] = lake.events.files
  assert.ok(file !== undefined)
  await assert.rejects(
    async () => {
      for await (const page of lake.readEventIds(file)) assert.ok(page.length > 0)
    },
    fails('file-damaged', data),
  )
  await truncate(data, 10)
  await assert.rejects(lake.fileTimes(file), fails('file-damaged', data))
})

test('no count in a damaged Avro file is counted to', async () => {
  const count = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])
  const magic = Buffer.from('Obj\x01', 'latin1')
  const ends = Buffer.alloc(64, 0x02)
  for (const bytes of [
    Buffer.alloc(3000, 0xfe),
    Buffer.concat([magic, count, ends]),
    Buffer.concat([magic, Buffer.from([2]), count, ends]),
  ]) {
    await assert.rejects(decodeContainer(bytes), /Avro/)
  }
})
