/**
 * Files on the local disk.
 *
 * A file is written once, under a name never used before, and is on the disk when `write` returns;
 * its name is on the disk once `syncFolders` returns. A failed write or fsync is final, because an
 * fsync repeated after a failure reports success without syncing (F6): the file is removed, and a
 * caller that tries again takes a new name. After a failed fsync of a folder, no folder is synced
 * any more.
 */
import { strict as assert } from 'node:assert'
import { type FileHandle, open, readdir, rm, rmdir, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { allOf, makeFolder, reasonOf, systemCode } from '../../runtime.ts'
import { TableError } from '../error.ts'
import type { Storage, StoredFile } from './contract.ts'

/** Each keeps a file open. */
const SYNCS_AT_ONCE = 16

export function openDiskStorage(): Storage {
  const unsynced = new Set<string>()
  let failedSync: TableError | null = null

  async function create(file: string): Promise<FileHandle> {
    try {
      return await open(file, 'wx')
    } catch (error) {
      if (!isMissing(error)) throw error
      createFolder(path.dirname(file))
      return await open(file, 'wx')
    }
  }

  function createFolder(folder: string): void {
    const first = makeFolder(folder)
    if (first === null) return
    const top = path.dirname(first)
    for (let each = path.dirname(folder); each.length >= top.length; each = path.dirname(each)) {
      unsynced.add(each)
      if (each === path.dirname(each)) break
    }
  }

  return {
    async write(file, chunks, onWritten) {
      let handle: FileHandle | undefined
      try {
        handle = await create(file)
        await writeAll(handle, chunks)
        onWritten?.()
        await handle.datasync()
        unsynced.add(path.dirname(file))
        return chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
      } catch (error) {
        if (handle !== undefined) await rm(file, { force: true }).catch(() => {})
        throw new TableError('storage-failed', { path: file, reason: reasonOf(error) }, error)
      } finally {
        await handle?.close().catch(() => {})
      }
    },
    async take(local, file) {
      assert.equal(local, file, 'other programs write straight into a folder')
      try {
        await syncPath(file)
      } catch (error) {
        throw new TableError('storage-failed', { path: file, reason: reasonOf(error) }, error)
      }
      unsynced.add(path.dirname(file))
    },
    async syncFolders() {
      if (failedSync !== null) throw failedSync
      const folders = [...unsynced]
      unsynced.clear()
      try {
        await allOf(folders, SYNCS_AT_ONCE, syncPath)
      } catch (error) {
        for (const folder of folders) unsynced.add(folder)
        const facts = { path: folders.join(', '), reason: reasonOf(error) }
        const failure = new TableError('storage-failed', facts, error)
        if (isFailedSync(error)) failedSync = failure
        throw failure
      }
    },
    read: (file) => reading(file, (handle) => handle.readFile()),
    readRange: (file, start, end) => reading(file, (handle) => readExactly(handle, start, end)),
    async sizeOf(file) {
      try {
        return (await stat(file)).size
      } catch (error) {
        throw readFailure(file, error)
      }
    },
    async freeBytes(folder) {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    },
    remove: (file) => rm(file, { force: true }),
    async removeFolderIfEmpty(folder) {
      await rmdir(folder).catch(() => {})
    },
    list: listFiles,
  }
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0)
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest.slice(0, 1024))
    rest = withoutFirst(rest, bytesWritten)
  }
}

function withoutFirst(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let skipped = count
  let index = 0
  while (index < chunks.length && skipped >= chunks[index]!.byteLength) {
    skipped -= chunks[index]!.byteLength
    index++
  }
  const rest = chunks.slice(index)
  if (skipped > 0) rest[0] = rest[0]!.subarray(skipped)
  return rest
}

async function syncPath(target: string): Promise<void> {
  const handle = await open(target, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function reading<T>(file: string, read: (handle: FileHandle) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    return await read(handle)
  } catch (error) {
    throw readFailure(file, error)
  } finally {
    await handle?.close()
  }
}

function readFailure(file: string, error: unknown): unknown {
  if (isMissing(error)) return new TableError('file-lost', { path: file }, error)
  if (!isOfSystem(error)) return error
  return new TableError('file-unreadable', { path: file, reason: reasonOf(error) }, error)
}

async function readExactly(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start)
  let filled = 0
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled)
    if (bytesRead === 0)
      throw new RangeError(`the file ends at byte ${start + filled}, before ${end}`)
    filled += bytesRead
  }
  return bytes
}

async function* listFiles(folder: string): AsyncIterable<StoredFile> {
  for (const entry of await entriesOf(folder)) {
    const full = path.join(folder, entry.name)
    if (entry.isDirectory()) yield* listFiles(full)
    else {
      const found = await stat(full).catch(() => null)
      if (found !== null) yield { path: full, bytes: found.size, changedMs: found.mtimeMs }
    }
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** A folder that could not be opened is another failure, which may be tried again. */
function isFailedSync(error: unknown): boolean {
  return isOfSystem(error) && error.syscall === 'fsync'
}

function isOfSystem(error: unknown): error is Error & { syscall: unknown } {
  return error instanceof Error && 'syscall' in error
}

function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT'
}
