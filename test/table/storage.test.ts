/** Files on the disk: what a failed fsync leaves behind. */
import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDiskStorage } from '../../src/table/storage.ts'
import { makeScratchFolder } from '../support/scratch.ts'

/** The next fsync, of whatever file, fails as on a broken disk. */
function failNextSync(t: TestContext): void {
  const { open } = fs
  const restore = () => {
    fs.open = open
    syncBuiltinESMExports()
  }
  fs.open = async (...given) => {
    const handle = await open(...given)
    handle.sync = async () => {
      restore()
      throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' })
    }
    return handle
  }
  syncBuiltinESMExports()
  t.after(restore)
}

test('a failed fsync of a folder is never retried as a success (F6)', async (t) => {
  const folder = makeScratchFolder('storage', t)
  const storage = openDiskStorage()
  await storage.write(path.join(folder, 'a'), [Buffer.from('a')])
  failNextSync(t)
  await assert.rejects(storage.syncFolders(), { code: 'storage-failed', message: /EIO/ })
  await assert.rejects(storage.syncFolders(), { code: 'storage-failed', message: /EIO/ })
  await storage.write(path.join(folder, 'b'), [Buffer.from('b')])
  await assert.rejects(storage.syncFolders(), { code: 'storage-failed', message: /EIO/ })
})
