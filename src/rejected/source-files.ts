/**
 * The files of one source: the one being written and the bytes of the others. What is appended is
 * durable when `append` resolves; a write that failed is cut off again, so that the file holds
 * whole lines that were acknowledged.
 */
import { existsSync } from 'node:fs'
import { access, constants, type FileHandle, open, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isFolder, makeFolder, reasonOf, syncFolder } from '../runtime.ts'
import { RejectedError, type RejectedErrorCode } from './error.ts'
import { fileName, listFiles, type RejectedFile, readMarks, readTotal } from './folder.ts'
import { headingLine, type RejectedSource } from './line.ts'

/** Everything kept so far, as the heading of a file carries it. */
export type KeptSoFar = Readonly<{ total: number; lastOffset: number | null }>

/** A counts file holds nothing that its successor's heading does not: it is kept small. */
const COUNTS_FILE_BYTES_MAX = 256 * 1024
const PROBE = '.probe'
/** More than a disk block. */
const PROBE_BYTES = 64 * 1024
const NOTHING: KeptSoFar = { total: 0, lastOffset: null }

/** Invariant: the file being written ends after the last durable line, or `failure` is set. */
export class SourceFiles {
  readonly #directory: string
  readonly #source: RejectedSource
  readonly #fileBytesMax: number
  #file: FileHandle | null = null
  #path: string
  #number = 0
  #isCounts = false
  #fileBytes = 0
  #otherBytes = 0
  #failure: RejectedError | null = null
  /**
   * The folder above was there. Once it is gone, somebody has removed it, and it is not made again.
   */
  #hadParent = false

  constructor(directory: string, source: RejectedSource, fileBytesMax: number) {
    this.#directory = directory
    this.#source = source
    this.#fileBytesMax = fileBytesMax
    this.#path = directory
  }

  get bytes(): number {
    return this.#fileBytes + this.#otherBytes
  }

  /** An `fdatasync` failed: final. */
  get failure(): RejectedError | null {
    return this.#failure
  }

  /** Goes on with the newest file, the only one whose content is read; cuts a torn last line. */
  async resume(): Promise<KeptSoFar> {
    const others = await this.#list()
    const newest = others.pop()
    if (newest === undefined) return NOTHING
    const before = others.at(-1)
    const { lineBytes, ...kept } = await readTotal(newest)
    this.#file = await open(newest.path, 'r+')
    this.#path = newest.path
    this.#number = newest.number
    this.#isCounts = newest.countsOnly
    this.#fileBytes = lineBytes
    this.#otherBytes = others.reduce((sum, file) => sum + file.bytes, 0)
    if (lineBytes < newest.bytes) {
      await this.#file.truncate(lineBytes)
      await this.#file.datasync()
    }
    if (lineBytes > 0) return kept
    // A crash right after the file was made, before its heading: the one before it has the total.
    const earlier = before === undefined ? NOTHING : await readTotal(before)
    await this.append([this.#heading(earlier)])
    return earlier
  }

  /** Goes to the next file when this one is full or of the other kind. */
  async rotate(countsOnly: boolean, kept: KeptSoFar): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    if (await this.#isRemoved()) await this.#leaveFile()
    const bytesMax = this.#isCounts ? COUNTS_FILE_BYTES_MAX : this.#fileBytesMax
    const fits = this.#file !== null && this.#fileBytes < bytesMax
    // A few counts may be in a file of events, but never events in a file of counts.
    if (fits && (countsOnly || !this.#isCounts)) return
    const path = join(this.#directory, fileName(this.#source, this.#number + 1, countsOnly))
    const heading = this.#heading(kept)
    const next = await this.#create(path, heading)
    const old = { file: this.#file, path: this.#path, bytes: this.#fileBytes }
    const oldIsCounts = this.#isCounts
    this.#file = next
    this.#path = path
    this.#number += 1
    this.#isCounts = countsOnly
    this.#fileBytes = heading.length
    await old.file?.close()
    // The new heading carries the sum of the counts; files of events stay.
    if (oldIsCounts) await rm(old.path, { force: true })
    else this.#otherBytes += old.bytes
  }

  /** Writes whole lines and syncs them. Throws RejectedError; then none of them is in the file. */
  async append(buffers: readonly Buffer[]): Promise<void> {
    const file = this.#file
    if (file === null) throw this.error('closed', 'there is no file to write')
    const bytes = Buffer.concat(buffers)
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done, undefined, this.#fileBytes + done)
        done += bytesWritten
      }
    } catch (cause) {
      await this.#cut(file)
      throw this.error('io', `${reasonOf(cause)}; free some disk space, then retry`, cause)
    }
    try {
      await file.datasync()
    } catch (cause) {
      throw this.#fail('fdatasync failed, so nobody knows what the disk holds', cause)
    }
    this.#fileBytes += bytes.length
  }

  /**
   * Reads the folder again, since somebody may have removed files. Then removes what is not needed,
   * oldest first, until there is room for `wanted` more bytes: counts files, and files that were
   * replayed in full.
   */
  async makeRoom(wanted: number, bytesMax: number): Promise<void> {
    const marks = await readMarks(this.#directory)
    const files = await this.#list()
    const others = files.filter((file) => file.number !== this.#number)
    if (files.length === others.length) await this.#leaveFile()
    this.#otherBytes = others.reduce((sum, file) => sum + file.bytes, 0)
    for (const file of others) {
      if (this.bytes + wanted <= bytesMax) return
      const isReplayed = (marks[file.name] ?? 0) >= file.bytes
      if (!isReplayed && !file.countsOnly) continue
      await rm(file.path, { force: true })
      this.#otherBytes -= file.bytes
    }
  }

  /**
   * Checks whether the next records could be kept, without writing any. `thoroughly`: by a write,
   * for a disk that was full. Leaves a file that was removed meanwhile. Throws RejectedError `io`.
   */
  async checkWritable(thoroughly: boolean): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    if (await this.#isRemoved()) await this.#leaveFile()
    try {
      this.#requireParent()
      const folder = existing(this.#directory)
      await access(folder, constants.W_OK | constants.X_OK)
      if (folder !== this.#directory) return
      if (thoroughly) await tryWriting(join(folder, PROBE))
    } catch (cause) {
      throw this.error('io', reasonOf(cause), cause)
    }
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = null
  }

  error(code: RejectedErrorCode, reason: string, cause?: unknown): RejectedError {
    return new RejectedError(code, { path: this.#path, reason }, cause)
  }

  /** The file is durable with its heading and its name, or there is none. */
  async #create(path: string, heading: Buffer): Promise<FileHandle> {
    try {
      this.#requireParent()
      makeFolder(this.#directory)
      this.#hadParent = true
      await syncFolder(dirname(this.#directory))
      const file = await open(path, 'wx')
      try {
        await file.writeFile(heading)
        await file.datasync()
        await syncFolder(this.#directory)
        return file
      } catch (cause) {
        await file.close()
        await rm(path, { force: true })
        throw cause
      }
    } catch (cause) {
      throw this.error('io', reasonOf(cause), cause)
    }
  }

  async #isRemoved(): Promise<boolean> {
    if (this.#file === null) return false
    const [written, found] = await Promise.all([
      this.#file.stat(),
      stat(this.#path).catch(() => null),
    ])
    return found?.ino !== written.ino || found.dev !== written.dev
  }

  #requireParent(): void {
    const parent = dirname(this.#directory)
    const hasParent = isFolder(parent)
    if (!hasParent && this.#hadParent) throw new Error(`${parent} was removed while this ran`)
    this.#hadParent ||= hasParent
  }

  /** The file being written was removed by somebody: what is written to it now would be lost. */
  async #leaveFile(): Promise<void> {
    await this.close()
    this.#fileBytes = 0
  }

  /** Cuts off half-written lines, so that a restart does not count them. */
  async #cut(file: FileHandle): Promise<void> {
    try {
      await file.truncate(this.#fileBytes)
    } catch (cause) {
      throw this.#fail('cutting off a half-written line failed', cause)
    }
  }

  async #list(): Promise<RejectedFile[]> {
    return (await listFiles(this.#directory)).filter((file) => file.source === this.#source)
  }

  #heading({ total, lastOffset }: KeptSoFar): Buffer {
    const heading = { file: 1, source: this.#source, before: total, offset: lastOffset } as const
    return Buffer.from(headingLine(heading))
  }

  #fail(what: string, cause: unknown): RejectedError {
    const todo = 'check the disk, then restart'
    this.#failure ??= this.error('failed', `${what}; nothing more is kept: ${todo}`, cause)
    return this.#failure
  }
}

/** The folder, or the nearest one above it that is there. */
function existing(folder: string): string {
  let at = folder
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at)
  return at
}

async function tryWriting(path: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(Buffer.alloc(PROBE_BYTES))
    await file.datasync()
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}
