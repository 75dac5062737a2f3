/** Files on the disk: what is made durable before it counts, and that nothing stays open. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDiskStorage } from '../../src/table/storage.ts'
import { makeScratchFolder } from '../support/scratch.ts'

/** Every file and folder that is synced from now on, in order. */
function recordSyncs(t: TestContext): string[] {
  const { open } = fs
  const synced: string[] = []
  fs.open = async (...given) => {
    const handle = await open(...given)
    const note = (): void => void synced.push(String(given[0]))
    const { sync, datasync } = handle
    handle.sync = () => sync.call(handle).then(note)
    handle.datasync = () => datasync.call(handle).then(note)
    return handle
  }
  syncBuiltinESMExports()
  t.after(() => {
    fs.open = open
    syncBuiltinESMExports()
  })
  return synced
}

/** Files below `folder` that this process has open. */
function openBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`)
      return target.startsWith(folder) ? [target] : []
    } catch {
      return []
    }
  })
}

test('a file is synced when written; its name, and those of new folders, later', async (t) => {
  const folder = makeScratchFolder('disk', t)
  const synced = recordSyncs(t)
  const storage = openDiskStorage()
  const file = path.join(folder, 'a/b/c/file')
  assert.equal(await storage.write(file, [Buffer.from('12'), Buffer.from('345')]), 5)
  assert.deepEqual(synced, [file])
  await storage.syncFolders()
  const folders = ['', 'a', 'a/b', 'a/b/c'].map((name) => path.join(folder, name))
  assert.deepEqual(synced.slice(1).toSorted(), folders)
  await storage.syncFolders()
  assert.equal(synced.length, 5, 'nothing is new')
  await storage.write(path.join(folder, 'a/b/c/other'), [Buffer.from('x')])
  await storage.syncFolders()
  assert.deepEqual(synced.slice(6), [path.join(folder, 'a/b/c')])
})

test('a file of another program is synced before it counts, and its name later', async (t) => {
  const folder = makeScratchFolder('disk', t)
  const synced = recordSyncs(t)
  const storage = openDiskStorage()
  const file = path.join(folder, 'merged')
  writeFileSync(file, 'rows')
  await storage.take(file, file)
  assert.deepEqual(synced, [file])
  await storage.syncFolders()
  assert.deepEqual(synced, [file, folder])
  const gone = path.join(folder, 'gone')
  await assert.rejects(storage.take(gone, gone), {
    code: 'storage-failed',
    message: /gone.*ENOENT/,
  })
})

test('a file is written once: a second write of its name fails, changing nothing', async (t) => {
  const folder = makeScratchFolder('disk', t)
  const storage = openDiskStorage()
  const file = path.join(folder, 'file')
  await storage.write(file, [Buffer.from('first')])
  await assert.rejects(storage.write(file, [Buffer.from('second')]), { code: 'storage-failed' })
  assert.equal((await storage.read(file)).toString(), 'first')
})

test('chunks of any number and size come out in order', async (t) => {
  const storage = openDiskStorage()
  const file = path.join(makeScratchFolder('disk', t), 'file')
  const chunks = Array.from({ length: 2_500 }, (_, index) => Buffer.alloc(index % 3, index & 0xff))
  const whole = Buffer.concat(chunks)
  assert.equal(await storage.write(file, chunks), whole.length)
  assert.deepEqual(await storage.read(file), whole)
  assert.equal(await storage.sizeOf(file), whole.length)
  assert.deepEqual(await storage.readRange(file, 100, 1_100), whole.subarray(100, 1_100))
  await assert.rejects(storage.readRange(file, whole.length - 1, whole.length + 1), RangeError)
})

test('files below a folder are listed with size and time; a missing folder has none', async (t) => {
  const folder = makeScratchFolder('disk', t)
  const storage = openDiskStorage()
  const list = async (below: string) => {
    const found: [string, number][] = []
    for await (const file of storage.list(below)) {
      found.push([path.relative(folder, file.path), file.bytes])
      assert.ok(Math.abs(file.changedMs - Date.now()) < 3_600_000, 'the time it was written')
    }
    return found.toSorted()
  }
  await storage.write(path.join(folder, 'a/one'), [Buffer.from('1')])
  await storage.write(path.join(folder, 'a/b/two'), [Buffer.from('22')])
  assert.deepEqual(await list(folder), [
    ['a/b/two', 2],
    ['a/one', 1],
  ])
  assert.deepEqual(await list(path.join(folder, 'none')), [])
  await storage.removeFolderIfEmpty(path.join(folder, 'a'))
  await storage.remove(path.join(folder, 'a/b/two'))
  await storage.remove(path.join(folder, 'a/b/two'))
  await storage.removeFolderIfEmpty(path.join(folder, 'a/b'))
  assert.deepEqual(await list(folder), [['a/one', 1]])
  assert.ok(!existsSync(path.join(folder, 'a/b')))
})

const skip = existsSync('/proc/self/fd') ? false : 'needs /proc'

test('no file stays open, whether an act succeeds or fails', { skip }, async (t) => {
  const folder = makeScratchFolder('disk', t)
  const storage = openDiskStorage()
  const file = path.join(folder, 'file')
  const failing = (): void => {
    throw new Error('stopped')
  }
  await storage.write(file, [Buffer.from('12345')])
  await assert.rejects(storage.write(path.join(folder, 'b'), [Buffer.from('1')], failing))
  await storage.take(file, file)
  await storage.syncFolders()
  await storage.read(file)
  await storage.sizeOf(file)
  await assert.rejects(storage.readRange(file, 0, 9))
  mkdirSync(path.join(folder, 'folder'))
  await assert.rejects(storage.read(path.join(folder, 'folder')), { code: 'file-unreadable' })
  assert.deepEqual(openBelow(folder), [])
  assert.ok(!existsSync(path.join(folder, 'b')), 'what a failed write left is removed')
})
