/**
 * Copies of data files: whole or not there, shared without a lock, and no more of them than the
 * limit while nobody uses them.
 */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FileCache, openFileCache } from '../../src/table/storage/file-cache.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const NOW_MS = 1_795_348_800_000
const HOUR_MS = 3_600_000

function parquet(bytes: number): Buffer {
  const file = Buffer.alloc(bytes, 'x')
  file.write('PAR1', 0)
  file.write('PAR1', bytes - 4)
  return file
}

async function openRoom(t: TestContext, bytesMax = 64 * KIB) {
  const directory = await mkdtemp(path.join(tmpdir(), 'file-cache-'))
  const room = { nowMs: NOW_MS, downloads: 0 }
  const open = (): FileCache => openFileCache({ directory, bytesMax, nowMs: () => room.nowMs })
  const cache = open()
  t.after(async () => {
    cache.close()
    await rm(directory, { recursive: true })
  })
  const download = async (): Promise<Buffer> => {
    room.downloads++
    return parquet(8 * KIB)
  }
  const copies = async (): Promise<readonly string[]> =>
    (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.parquet'))
  return { room, cache, open, download, copies, directory }
}

test('a file is fetched once, by whoever asks first, and found there by others', async (t) => {
  const { room, cache, open, download } = await openRoom(t)
  const first = await cache.hold(['s3://b/1.parquet', 's3://b/2.parquet'], download)
  const other = open()
  const again = await other.hold(['s3://b/2.parquet'], download)
  assert.deepEqual(again.paths, [first.paths[1]])
  assert.equal(room.downloads, 2)
  assert.equal((await stat(first.paths[0] ?? '')).size, 8 * KIB)
  other.close()
})

test('what a writer keeps is not fetched; what is no data file is not kept', async (t) => {
  const { room, cache, download, copies } = await openRoom(t)
  await cache.keep('s3://b/1.parquet', parquet(100))
  await cache.keep('s3://b/m0.avro', Buffer.from('avro'))
  await cache.hold(['s3://b/1.parquet'], download)
  assert.equal(room.downloads, 0)
  assert.equal((await copies()).length, 1)
})

test('a copy that a power cut has torn is fetched again', async (t) => {
  const { room, cache, open, download } = await openRoom(t)
  const [copy = ''] = (await cache.hold(['s3://b/1.parquet'], download)).paths
  for (const torn of [Buffer.alloc(8 * KIB), parquet(8 * KIB).subarray(0, 100), Buffer.alloc(0)]) {
    await writeFile(copy, torn)
    const other = open()
    await other.hold(['s3://b/1.parquet'], download)
    other.close()
    assert.equal((await stat(copy)).size, 8 * KIB)
  }
  assert.equal(room.downloads, 4)
})

test('past the limit the longest unused go, and none that is held or was just used', async (t) => {
  const { room, cache, download, copies, directory } = await openRoom(t)
  const names = Array.from({ length: 7 }, (_, index) => `s3://b/${index}.parquet`)
  const held = await cache.hold(names, download)
  held.release()
  // The oldest copy first; another program is in the middle of writing one.
  for (const [index, copy] of held.paths.entries()) {
    const at = (NOW_MS - (10 - index) * HOUR_MS) / 1000
    await utimes(copy, at, at)
  }
  await writeFile(path.join(directory, 'ab.parquet.left'), 'x')
  const old = (NOW_MS - 2 * HOUR_MS) / 1000
  await utimes(path.join(directory, 'ab.parquet.left'), old, old)
  const more = ['s3://b/7.parquet', 's3://b/8.parquet', 's3://b/9.parquet']
  await cache.hold(more, download)
  await until(async () => (await copies()).length <= 8)
  const left = new Set((await copies()).map((name) => path.join(directory, name)))
  assert.deepEqual(held.paths.map((copy) => left.has(copy)).indexOf(true), 2, 'the two oldest went')
  assert.equal(left.size, 8)
  assert.ok(!(await readdir(directory)).includes('ab.parquet.left'))
  assert.equal(room.downloads, 10)
})

test('more than the limit is kept while it is in use', async (t) => {
  const { cache, download, copies } = await openRoom(t)
  const names = Array.from({ length: 20 }, (_, index) => `s3://b/${index}.parquet`)
  await cache.hold(names, download)
  await sleep(50)
  assert.equal((await copies()).length, 20)
})

test('a fetch that fails is said, and leaves nothing', async (t) => {
  const { cache, copies } = await openRoom(t)
  const failing = async (): Promise<Buffer> => {
    throw new Error('away')
  }
  await assert.rejects(cache.hold(['s3://b/1.parquet'], failing), /away/)
  assert.deepEqual(await copies(), [])
})
