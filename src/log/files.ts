/**
 * The few file operations that the log needs, as values, so that a test can make any of them fail;
 * and the steps of its work on disk, at each of which a test can kill the process. The log touches
 * the disk through `LogFiles` only. `file` is a file descriptor.
 */
import fs from 'node:fs'
import { readdir, rename, rm, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { guardPlace, makeFolder, type PlaceGuard } from '../runtime.ts'
import { isOutOfFiles } from './error.ts'

export type LogFiles = Readonly<{
  /** Creates the folders above it too; all new names are on disk. */
  createFolder(directory: string): Promise<void>
  list(directory: string): Promise<readonly string[]>
  /** Bytes that this user may still use on the disk of `directory`. */
  freeBytes(directory: string): Promise<number>
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<number>
  close(file: number): Promise<void>
  size(file: number): Promise<number>
  /** Fills `into` from `position`; may return fewer bytes, not only at the end of the file. */
  read(file: number, into: Uint8Array, position: number): Promise<number>
  /** Writes the pieces one after the other; may return fewer bytes than asked. */
  write(file: number, pieces: readonly Uint8Array[], position: number): Promise<number>
  /** fdatasync. */
  sync(file: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** fsync of a folder: its names are on disk. */
  syncFolder(directory: string): Promise<void>
  /** Watches the file or folder at a path; absent where no other process can reach it. */
  guard?: (path: string, what: string) => PlaceGuard
}>

const OPEN_PAUSE_MS = 50

export const diskFiles: LogFiles = {
  async createFolder(directory) {
    const top = makeFolder(directory)
    if (top === null) return
    for (let made = resolve(directory); made.length >= top.length; made = dirname(made)) {
      await syncFolder(dirname(made))
    }
  },
  list: (directory) => readdir(directory),
  async freeBytes(directory) {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  },
  open: openFile,
  close: (file) => promised((done) => fs.close(file, done)),
  async size(file) {
    const stats = await promised<fs.Stats>((done) => fs.fstat(file, done))
    return stats.size
  },
  read: (file, into, position) =>
    promised((done) => fs.read(file, into, 0, into.length, position, done)),
  write: writePieces,
  sync: (file) => promised((done) => fs.fdatasync(file, done)),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  syncFolder,
  guard: guardPlace,
}

async function syncFolder(directory: string): Promise<void> {
  const folder = await openFolder(directory)
  try {
    await promised((done) => fs.fsync(folder, done))
  } finally {
    await promised((done) => fs.close(folder, done))
  }
}

/**
 * The change that is to be synced is made already, and to give up would end the log: so this waits
 * until a file can be opened.
 */
async function openFolder(directory: string): Promise<number> {
  for (;;) {
    try {
      return await openFile(directory, 'read')
    } catch (error) {
      if (!isOutOfFiles(error)) throw error
    }
    await sleep(OPEN_PAUSE_MS)
  }
}

const OPEN_FLAGS = { read: 'r', write: 'r+', create: 'w+' } as const

function openFile(path: string, mode: keyof typeof OPEN_FLAGS): Promise<number> {
  return promised((done) => fs.open(path, OPEN_FLAGS[mode], done))
}

function writePieces(
  file: number,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<number> {
  const [first] = pieces
  return promised((done) => {
    if (first !== undefined && pieces.length === 1)
      fs.write(file, first, 0, first.length, position, done)
    else fs.writev(file, pieces, position, done)
  })
}

type Callback<T> = (error: Error | null | undefined, result?: T) => void

/** Callbacks instead of `FileHandle`: some are called for every group, and cost less. */
function promised<T = void>(call: (done: Callback<T>) => void): Promise<T> {
  return new Promise((fulfil, reject) => {
    // A call that gives a result gives it whenever it gives no error.
    call((error, result) => (error ? reject(error) : fulfil(result as T)))
  })
}

/**
 * Writes all of the pieces, however short the single writes are. A write of nothing is an error,
 * not a reason to go on.
 */
export async function writeFully(
  files: LogFiles,
  file: number,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = pieces
  let at = position
  while (rest.length > 0) {
    const written = await files.write(file, rest, at)
    if (written <= 0) throw new Error(`wrote ${written} bytes at byte ${at}`)
    at += written
    rest = dropBytes(rest, written)
  }
}

export async function sizeOf(files: LogFiles, path: string): Promise<number> {
  const file = await files.open(path, 'read')
  try {
    return await files.size(file)
  } finally {
    await files.close(file)
  }
}

function dropBytes(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes
  let index = 0
  for (const piece of pieces) {
    if (left < piece.length) break
    left -= piece.length
    index += 1
  }
  const [first, ...rest] = pieces.slice(index)
  return first === undefined ? [] : [first.subarray(left), ...rest]
}

/**
 * A part of a file in memory: one big read serves many frames. The memory is used again by the next
 * `fill`, so views of it are valid until then.
 */
export class FileWindow {
  readonly #files: LogFiles
  readonly #chunkBytes: number
  #memory: Buffer
  #position = 0
  #length = 0

  constructor(files: LogFiles, chunkBytes: number) {
    this.#files = files
    this.#chunkBytes = chunkBytes
    this.#memory = Buffer.allocUnsafeSlow(chunkBytes)
  }

  /** What is in memory from `position` on; empty when nothing is. */
  from(position: number): Buffer {
    const start = position - this.#position
    if (start < 0 || start >= this.#length) return this.#memory.subarray(0, 0)
    return this.#memory.subarray(start, this.#length)
  }

  /**
   * Reads at least `needBytes` from `position` on, unless the file ends before, and up to
   * `wantBytes` or a chunk.
   */
  async fill(
    file: number,
    position: number,
    needBytes: number,
    wantBytes: number,
  ): Promise<Buffer> {
    if (needBytes > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(needBytes)
    const readBytes = Math.max(needBytes, Math.min(wantBytes, this.#chunkBytes))
    this.#position = position
    this.#length = 0
    while (this.#length < needBytes) {
      const into = this.#memory.subarray(this.#length, readBytes)
      const bytes = await this.#files.read(file, into, position + this.#length)
      if (bytes === 0) break
      this.#length += bytes
    }
    return this.from(position)
  }

  /** Forgets what is in memory, because the file has changed or is a different one. */
  forget(): void {
    this.#length = 0
  }
}

/** The steps of the log's work on disk: tests kill the process at each of them. */
export const LOG_STEPS = [
  /** A new file is filled with zeros and synced, still under its temporary name. */
  'spare-filled',
  /** A spare carries the header of the next segment, synced, still under the name of a spare. */
  'segment-headed',
  /** The next segment has its name, and its folder is synced. */
  'segment-created',
  /** A group's frame is written, not synced. */
  'frame-written',
  /** A group's frame is on disk; neither readers nor senders know yet. */
  'frame-synced',
  /** Readers see the group, and its appends are resolved. */
  'frame-answered',
  /** A segment that is no longer needed has become a spare. */
  'segment-recycled',
  /** A segment that is no longer needed is gone. */
  'segment-removed',
  /** Recovery has written the last frame again, and synced. */
  'tail-rewritten',
  /** The tail carries a seal: after recovery, or at a clean stop. */
  'tail-sealed',
] as const

export type LogStep = (typeof LOG_STEPS)[number]
