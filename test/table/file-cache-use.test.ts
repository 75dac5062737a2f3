/** Copies of data files: what they are called, and how long they are in use. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { rm, stat, utimes } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openFileCache } from '../../src/table/storage/file-cache.ts'
import { makeScratchFolder } from '../support/scratch.ts'

const START_MS = 1_795_348_800_000
const MINUTE_MS = 60_000
const WHOLE = Buffer.from('PAR1 rows PAR1')

/** A cache whose minute the test lets pass; `touchedMs` is when a copy was touched last. */
function openRoom(t: TestContext) {
  const directory = makeScratchFolder('copies', t)
  const room = { nowMs: START_MS }
  t.mock.timers.enable({ apis: ['setInterval'] })
  const cache = openFileCache({ directory, bytesMax: 2 ** 20, nowMs: () => room.nowMs })
  t.after(() => cache.close())
  const touchedMs = async (copy: string): Promise<number> => (await stat(copy)).mtimeMs
  const passMinute = (): void => {
    room.nowMs += MINUTE_MS
    t.mock.timers.tick(MINUTE_MS)
  }
  return { directory, room, cache, touchedMs, passMinute }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 30_000
  while (!(await isSo())) {
    assert.ok(performance.now() < deadlineMs, 'it did not come to that')
    await sleep(5)
  }
}

test('a copy is named by the SHA-256 of its location, for other processes and versions', (t) => {
  const { cache, directory } = openRoom(t)
  // printf 's3://b/1.parquet' | sha256sum
  const hash = '7977cd8b9ee5919c60ab22ac1f3258306094db410578ace8c7b35b13f21dc9ad'
  const name = `${hash.slice(0, 40)}.parquet`
  assert.equal(cache.pathOf('s3://b/1.parquet'), path.join(directory, hash.slice(0, 2), name))
})

test('a held copy is touched every minute, by whoever holds it last', async (t) => {
  const { room, cache, touchedMs, passMinute } = openRoom(t)
  const first = await cache.hold(['s3://b/1.parquet'], async () => WHOLE)
  const second = await cache.hold(['s3://b/1.parquet'], async () => WHOLE)
  const [copy = ''] = first.paths
  passMinute()
  await until(async () => (await touchedMs(copy)) === room.nowMs)
  first.release()
  first.release()
  passMinute()
  await until(async () => (await touchedMs(copy)) === room.nowMs)
  second.release()
  const untilMs = room.nowMs
  const other = await cache.hold(['s3://b/2.parquet'], async () => WHOLE)
  passMinute()
  // The second copy is touched after the first would have been.
  await until(async () => (await touchedMs(other.paths[0] ?? '')) === room.nowMs)
  assert.equal(await touchedMs(copy), untilMs)
})

test('files of which one could not be fetched are not in use', async (t) => {
  const { room, cache, touchedMs, passMinute } = openRoom(t)
  const files = ['s3://b/1.parquet', 's3://b/2.parquet']
  const failing = async (file: string): Promise<Buffer> => {
    if (file === files[1]) throw new Error('away')
    return WHOLE
  }
  await assert.rejects(cache.hold(files, failing), /away/)
  const copy = cache.pathOf(files[0] ?? '')
  await until(async () => (await stat(copy).catch(() => null)) !== null)
  await utimes(copy, START_MS / 1000, START_MS / 1000)
  const other = await cache.hold(['s3://b/3.parquet'], async () => WHOLE)
  passMinute()
  await until(async () => (await touchedMs(other.paths[0] ?? '')) === room.nowMs)
  assert.equal(await touchedMs(copy), START_MS)
})

test('after a failed fetch no more are begun, and what was begun is awaited', async (t) => {
  const { cache } = openRoom(t)
  const begun: string[] = []
  let ended = 0
  const files = Array.from({ length: 40 }, (_, index) => `s3://b/${index}.parquet`)
  const holding = cache.hold(files, async (file) => {
    begun.push(file)
    if (file.endsWith('/3.parquet')) throw new Error('away')
    await sleep(20)
    ended++
    return WHOLE
  })
  await assert.rejects(holding, /away/)
  assert.equal(begun.length, 8, 'eight at a time')
  assert.equal(ended, 7)
})

test('a copy that cannot be written is told as such, and leaves nothing', async (t) => {
  const { cache, directory } = openRoom(t)
  const copy = cache.pathOf('s3://b/1.parquet')
  mkdirSync(path.join(copy, 'in the way'), { recursive: true })
  const holding = cache.hold(['s3://b/1.parquet'], async () => WHOLE)
  await assert.rejects(holding, { code: 'cache-failed', message: new RegExp(directory) })
  assert.deepEqual(readdirSync(path.dirname(copy)), [path.basename(copy)])
  await cache.keep('s3://b/1.parquet', WHOLE)
})

test('a copy that was removed behind our back is fetched again', async (t) => {
  const { cache } = openRoom(t)
  let fetched = 0
  const download = async (): Promise<Buffer> => {
    fetched++
    return WHOLE
  }
  const { paths } = await cache.hold(['s3://b/1.parquet'], download)
  await rm(paths[0] ?? '')
  await cache.hold(['s3://b/1.parquet'], download)
  assert.equal(fetched, 2)
  writeFileSync(paths[0] ?? '', WHOLE)
  await cache.hold(['s3://b/1.parquet'], download)
  assert.equal(fetched, 2)
})
