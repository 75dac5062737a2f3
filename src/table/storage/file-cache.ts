/**
 * Copies of data files on the local disk, for DuckDB, which cannot read S3 here. Data files are
 * immutable and their names are never used twice, so a copy is either right or missing: nothing is
 * ever compared or refreshed.
 *
 *   <directory>/7f/7f3c…e1.parquet           named by the hash of the file's location
 *   <directory>/7f/7f3c…e1.parquet.<uuid>    being written; gets its name once it is whole
 *
 * Threads and processes share a folder without a lock. A reader of a copy touches it, again and
 * again while it holds it. Once all copies together exceed the limit, those touched least recently
 * are removed first. Copies in use are never removed, so the limit is exceeded while queries need
 * more at once; the disk's free space is the last bound.
 *
 * Copies are not synced. After a power cut one may be torn: the magic at both of its ends is
 * checked before its first use.
 */
import { createHash, randomUUID } from 'node:crypto'
import { open, readdir, rename, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { makeFolder, reasonOf } from '../../runtime.ts'
import { TableError } from '../error.ts'

export type FileCacheOptions = Readonly<{
  directory: string
  bytesMax: number
  nowMs: () => number
}>

/** The bytes of a data file, from the warehouse. */
export type Download = (file: string) => Promise<Uint8Array>

export type HeldFiles = Readonly<{ paths: readonly string[]; release(): void }>

export type FileCache = Readonly<{
  directory: string
  /** The path of a file's copy, whether it exists or not. */
  pathOf(file: string): string
  /**
   * Adds a copy of a file just written. If that fails it is no error: the file is fetched when it
   * is needed.
   */
  keep(file: string, bytes: Uint8Array): Promise<void>
  /** Copies of these files, fetched where they are missing; they stay until they are released. */
  hold(files: readonly string[], download: Download): Promise<HeldFiles>
  close(): void
}>

/** A copy touched within this time is in use, perhaps by another process. */
const IN_USE_MS = 10 * 60_000
const TOUCH_INTERVAL_MS = 60_000
/** Unfinished files older than this were left by a crash. */
const LEFT_MS = 3_600_000
/** Anything else in the folder is not ours to remove. */
const UNFINISHED = /\.parquet\.[^./]+$/
const FETCHES_AT_ONCE = 8
/** Left free on the disk; below it a fetch is refused. */
const FREE_BYTES_MIN = 256 * 2 ** 20
const MAGIC = 'PAR1'

export function openFileCache({ directory, bytesMax, nowMs }: FileCacheOptions): FileCache {
  const checked = new Set<string>()
  const held = new Map<string, number>()
  /** Bytes written since the copies were last counted. */
  let addedBytes = Number.POSITIVE_INFINITY
  let shrinking: Promise<void> = Promise.resolve()
  const touching = setInterval(() => {
    for (const copy of held.keys()) void touch(copy)
  }, TOUCH_INTERVAL_MS)
  touching.unref()

  const pathOf = (file: string): string => {
    const name = createHash('sha256').update(file).digest('hex').slice(0, 40)
    return path.join(directory, name.slice(0, 2), `${name}.parquet`)
  }

  async function touch(copy: string): Promise<void> {
    const now = nowMs() / 1000
    await utimes(copy, now, now).catch(() => {})
  }

  async function add(copy: string, bytes: Uint8Array): Promise<void> {
    makeFolder(path.dirname(copy))
    const unfinished = `${copy}.${randomUUID()}`
    try {
      await writeFile(unfinished, bytes)
      await rename(unfinished, copy)
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {})
      throw error
    }
    checked.add(copy)
    addedBytes += bytes.byteLength
    if (addedBytes > bytesMax / 16) {
      addedBytes = 0
      shrinking = shrinking.then(() => shrink(directory, bytesMax, nowMs()).catch(() => {}))
    }
  }

  async function isThere(copy: string): Promise<boolean> {
    if (!checked.has(copy) && !(await isWhole(copy))) return false
    try {
      await utimes(copy, nowMs() / 1000, nowMs() / 1000)
      checked.add(copy)
      return true
    } catch {
      checked.delete(copy)
      return false
    }
  }

  async function fetch(file: string, download: Download): Promise<void> {
    const copy = pathOf(file)
    if (await isThere(copy)) return
    const bytes = await download(file)
    try {
      await checkSpace(directory, bytes.byteLength)
      await add(copy, bytes)
    } catch (error) {
      if (error instanceof TableError) throw error
      throw new TableError(
        'cache-failed',
        { path: file, directory, reason: reasonOf(error) },
        error,
      )
    }
  }

  function release(copies: readonly string[]): void {
    for (const copy of copies) {
      const holders = (held.get(copy) ?? 1) - 1
      if (holders === 0) held.delete(copy)
      else held.set(copy, holders)
    }
  }

  return {
    directory,
    pathOf,
    async keep(file, bytes) {
      if (file.endsWith('.parquet')) await add(pathOf(file), bytes).catch(() => {})
    },
    async hold(files, download) {
      const paths = files.map(pathOf)
      for (const copy of paths) held.set(copy, (held.get(copy) ?? 0) + 1)
      try {
        await eachOf(files, (file) => fetch(file, download))
      } catch (error) {
        release(paths)
        throw error
      }
      let isHeld = true
      return {
        paths,
        release() {
          if (isHeld) release(paths)
          isHeld = false
        },
      }
    },
    close: () => clearInterval(touching),
  }
}

/**
 * Some at a time, in order. After the first failure no more are started; it is thrown once the
 * others have ended.
 */
async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  let failure: unknown
  const work = async (): Promise<void> => {
    for (const item of rest) {
      if (failure !== undefined) return
      await act(item).catch((error: unknown) => {
        failure ??= error
      })
    }
  }
  await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, work))
  if (failure !== undefined) throw failure
}

/** A copy that cannot be read is none: it is fetched again. */
async function isWhole(copy: string): Promise<boolean> {
  const handle = await open(copy, 'r').catch(() => null)
  if (handle === null) return false
  try {
    const { size } = await handle.stat()
    const ends = Buffer.alloc(8)
    await handle.read(ends, 0, 4, 0)
    await handle.read(ends, 4, 4, Math.max(0, size - 4))
    return ends.toString('latin1') === MAGIC + MAGIC
  } catch {
    return false
  } finally {
    await handle.close()
  }
}

async function checkSpace(directory: string, bytes: number): Promise<void> {
  makeFolder(directory)
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free >= bytes + FREE_BYTES_MIN) return
  throw new Error(`${Math.floor(free / 2 ** 20)} MiB are free, too few for ${bytes} bytes more`)
}

type Copy = Readonly<{ path: string; bytes: number; usedMs: number }>

async function shrink(directory: string, bytesMax: number, nowMs: number): Promise<void> {
  const copies: Copy[] = []
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    const found = await stat(file).catch(() => null)
    if (found === null) continue
    const copy = { path: file, bytes: found.size, usedMs: found.mtimeMs }
    if (file.endsWith('.parquet')) copies.push(copy)
    else if (UNFINISHED.test(file) && copy.usedMs < nowMs - LEFT_MS) await rm(file, { force: true })
  }
  let bytes = copies.reduce((sum, copy) => sum + copy.bytes, 0)
  for (const copy of copies.toSorted((a, b) => a.usedMs - b.usedMs)) {
    if (bytes <= bytesMax || copy.usedMs > nowMs - IN_USE_MS) return
    await rm(copy.path, { force: true })
    bytes -= copy.bytes
  }
}
