/**
 * Files of the tables that are no longer what was written: told by their names, and never believed.
 */
import { strict as assert } from 'node:assert'
import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { decodeContainer } from '../../src/table/avro.ts'
import { fileTimesOf } from '../../src/table/data-files.ts'
import { TABLES } from '../../src/table/definition.ts'
import { readList, readManifest, readMetadata } from '../../src/table/load-table.ts'
import { openParquet } from '../../src/table/parquet/read-file.ts'
import { openDiskStorage, type Storage } from '../../src/table/storage.ts'
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

/** Each byte changed in one bit, then the file cut at each length. */
function* damages(bytes: Buffer): Iterable<Readonly<{ what: string; damaged: Buffer }>> {
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 1 << (at % 8)
    yield { what: `byte ${at}`, damaged }
  }
  for (let length = 0; length < bytes.length; length++) {
    yield { what: `cut at ${length}`, damaged: bytes.subarray(0, length) }
  }
}

/** What `read` gives is what it gave before, or an error that names the file. Counts the errors. */
async function expectNamedOrRight<T>(
  file: string,
  read: (storage: Pick<Storage, 'read' | 'readRange'>) => Promise<T>,
  isSame: (found: T, whole: T) => boolean = isDeepStrictEqual,
): Promise<number> {
  const bytes = await readFile(file)
  const whole = await read(inMemory(bytes))
  let named = 0
  for (const { what, damaged } of damages(bytes)) {
    let found: T
    try {
      found = await read(inMemory(damaged))
    } catch (error) {
      assert.ok(error instanceof TableError, `${what} of ${file}: ${String(error)}`)
      assert.ok(error.message.includes(file), `${what}: ${error.message}`)
      named++
      continue
    }
    assert.ok(isSame(found, whole), `${what} of ${file} is read as something else`)
  }
  return named
}

/** As a disk reads: past the end of the file there is nothing. */
function inMemory(bytes: Buffer): Pick<Storage, 'read' | 'readRange'> {
  return {
    read: async () => bytes,
    async readRange(_, start, end) {
      if (end > bytes.length) throw new RangeError(`the file ends at byte ${bytes.length}`)
      return bytes.subarray(start, end)
    },
  }
}

for (const key of ['events', 'metrics'] as const) {
  test(`each changed byte and each cut of a file of ${key} is named, or makes no difference`, async (t) => {
    const { place } = await filledPlace(t)
    const [file] = (await readLake(place))[key].files
    assert.ok(file !== undefined)
    const columns = TABLES[key].schema.map(({ name }) => name)
    const named = await expectNamedOrRight(file.path, async (storage) => {
      const reader = await openParquet(storage, file.path, file)
      await reader.check()
      const values: unknown[] = []
      for (const name of columns) values.push(await reader.column(name))
      return { values, times: key === 'events' ? fileTimesOf(reader) : null }
    })
    // All of them but the magic in front and the mark of the checksums.
    assert.equal(named, 2 * file.bytes - 12)
  })
}

test('each changed byte and each cut of a manifest or its list is named, or makes no difference', async (t) => {
  const { list } = await filledPlace(t)
  const [manifest] = await readList(openDiskStorage(), list)
  assert.ok(manifest !== undefined)
  const { path: file } = manifest
  await expectNamedOrRight(list, (storage) => readList(storage, list))
  await expectNamedOrRight(file, (storage) => readManifest(storage, TABLES.events, manifest, file))
})

test('each changed byte and each cut of table metadata is named, or still metadata', async (t) => {
  const { metadata } = await filledPlace(t)
  // JSON has no checksum: a digit may have become another one.
  const read = (storage: Pick<Storage, 'read'>) => readMetadata(storage, TABLES.events, metadata)
  await expectNamedOrRight(metadata, read, () => true)
})

test('rows are not merged from a file that is damaged', async (t) => {
  const { place, data } = await filledPlace(t)
  const lake = await place.open()
  const [file] = lake.events.files
  assert.ok(file !== undefined)
  await lake.checkFile(file, file.path)
  const bytes = await readFile(data)
  bytes[100]! ^= 1
  await writeFile(data, bytes)
  await assert.rejects(lake.checkFile(file, file.path), fails('file-damaged', data))
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
