/**
 * Keeps rejected events durably, in the order given. One writer a source.
 *
 * Calls that arrive while a write is on its way share the next one: one write, one `fdatasync`, however
 * many requests. A file that has grown past its size is followed by the next; past `bytesMax` over
 * all files of the source, those that were replayed in full are removed, oldest first, and if that
 * is not enough only counts are kept until there is room again (looked at every few seconds).
 *
 * A failed write (a full disk) is cut off again and told to its callers, who may retry. A failed
 * `fdatasync` is final: nobody can say which bytes the disk has, and the next one would not tell.
 */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RejectionReason } from '../event.ts'
import {
  fileName,
  listFiles,
  type RejectedFile,
  readMarks,
  readTotal,
  syncFolder,
} from './folder.ts'
import {
  countLine,
  eventLine,
  headingLine,
  type RejectedRecord,
  type RejectedSource,
} from './line.ts'
import { RejectedError } from './rejected-error.ts'

export type RejectedOptions = Readonly<{
  /** `<warehouse>/rejected`; created with the first rejected event. */
  directory: string
  source: RejectedSource
  /** Over all files of this source; past it only counts are kept. */
  bytesMax: number
  nowUs: () => number
  /** Rotation size of one file. */
  fileBytesMax?: number
  /** Called once each time the store begins to keep counts only. */
  warn?: (message: string) => void
}>

export type RejectedStats = Readonly<{
  /** Events rejected since ever, durable. */
  total: number
  /** Of these, since this store was opened, kept as counts only. */
  countedOnly: number
  bytes: number
  keepingCountsOnly: boolean
  /** An `fdatasync` failed: nothing is kept any more until a restart. */
  failed: boolean
  /** Highest log offset kept: a job that reads its log again skips what it has kept already. */
  lastOffset: number | null
}>

export type RejectedStore = {
  /** Resolves when all records are durable. Throws RejectedError; then none of them counts. */
  keep(records: readonly RejectedRecord[]): Promise<void>
  stats(): RejectedStats
  close(): Promise<void>
}

type Tally = { counted: number; arrivalUs: number; offset: number | null }

type Waiting = Readonly<{
  /** Lines with the events' bytes; past KEEP_BYTES_MAX the rest is in count lines. */
  lines: Buffer
  /** The same as count lines only, written when there is no room for `lines`. */
  counts: Buffer
  events: number
  /** Of `events`, how many `lines` holds as counts only. */
  overflow: number
  lastOffset: number | null
  resolve: () => void
  reject: (error: RejectedError) => void
}>

const FILE_BYTES_MAX = 16 * 1024 * 1024
/** A counts file holds nothing that its successor's heading does not: it is kept small. */
const COUNTS_FILE_BYTES_MAX = 256 * 1024
/** Of one call: a body full of two-byte junk must not become fifty times its size on disk. */
const KEEP_BYTES_MAX = 64 * 1024 * 1024
/** Waiting for the write on its way; beyond it the caller hears `busy`. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024
const ROOM_CHECK_US = 10_000_000

/** Opens the store of one source: reads its newest file only, and cuts a torn last line. */
export async function openRejected(options: RejectedOptions): Promise<RejectedStore> {
  const files = (await listFiles(options.directory)).filter((f) => f.source === options.source)
  const newest = files.at(-1)
  const store = new Store(options, files)
  if (newest !== undefined) await store.resume(newest)
  return store
}

/** Invariant: `#total` is what a restart would read from the files, after each resolved call. */
class Store implements RejectedStore {
  readonly #options: RejectedOptions
  readonly #fileBytesMax: number
  #file: FileHandle | null = null
  #path = ''
  #number = 0
  #fileIsCounts = false
  #fileBytes = 0
  /** Bytes of this source's other files. */
  #otherBytes: number
  #total = 0
  #countedOnly = 0
  #lastOffset: number | null = null
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #writing: Promise<void> | null = null
  #countsOnly = false
  #roomCheckedUs = Number.NEGATIVE_INFINITY
  #failure: RejectedError | null = null
  #closed = false

  constructor(options: RejectedOptions, files: readonly RejectedFile[]) {
    this.#options = options
    this.#fileBytesMax = options.fileBytesMax ?? FILE_BYTES_MAX
    this.#otherBytes = files.slice(0, -1).reduce((sum, file) => sum + file.bytes, 0)
    this.#number = files.at(-1)?.number ?? 0
  }

  async resume(newest: RejectedFile): Promise<void> {
    const { total, lastOffset, lineBytes } = await readTotal(newest)
    this.#file = await open(newest.path, 'r+')
    this.#path = newest.path
    this.#fileIsCounts = newest.countsOnly
    this.#total = total
    this.#lastOffset = lastOffset
    this.#fileBytes = lineBytes
    if (lineBytes < newest.bytes) {
      await this.#file.truncate(lineBytes)
      await this.#file.datasync()
    }
    // A crash right after the file was made, before its heading: the one before it has the total.
    if (lineBytes === 0) await this.#resumeBefore(newest)
  }

  keep(records: readonly RejectedRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve()
    const refusal = this.#refusal()
    if (refusal !== null) return Promise.reject(refusal)
    const { lines, counts, overflow, lastOffset } = encode(records)
    if (this.#waitingBytes > 0 && this.#waitingBytes + lines.length > WAITING_BYTES_MAX) {
      return Promise.reject(this.#error('busy', 'the disk is behind; retry in a second'))
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const events = records.length
    this.#waiting.push({ lines, counts, events, overflow, lastOffset, resolve, reject })
    this.#waitingBytes += lines.length
    this.#writing ??= this.#writeAll()
    return promise
  }

  stats(): RejectedStats {
    return {
      total: this.#total,
      countedOnly: this.#countedOnly,
      bytes: this.#otherBytes + this.#fileBytes,
      keepingCountsOnly: this.#countsOnly,
      failed: this.#failure !== null,
      lastOffset: this.#lastOffset,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
    await this.#file?.close()
    this.#file = null
  }

  /** The one loop that writes: everything waiting goes out in one write, then the next. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      this.#waitingBytes = 0
      try {
        await this.#writeGroup(group)
        for (const one of group) one.resolve()
      } catch (cause) {
        const error =
          cause instanceof RejectedError ? cause : this.#error('io', reasonOf(cause), cause)
        for (const one of group) one.reject(error)
      }
    }
    this.#writing = null
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const wanted = group.reduce((sum, one) => sum + one.lines.length, 0)
    const countsOnly = !(await this.#hasRoom(wanted))
    await this.#turnFile(countsOnly)
    await this.#append(group.map((one) => (countsOnly ? one.counts : one.lines)))
    for (const one of group) {
      this.#total += one.events
      this.#countedOnly += countsOnly ? one.events : one.overflow
      if (one.lastOffset !== null) this.#lastOffset = one.lastOffset
    }
  }

  /** Decides between events and counts; says it once when it turns to counts. */
  async #hasRoom(wanted: number): Promise<boolean> {
    const { bytesMax, nowUs, warn, directory } = this.#options
    const fits = () => this.#otherBytes + this.#fileBytes + wanted <= bytesMax
    if (!fits() || this.#countsOnly) {
      const now = nowUs()
      if (this.#countsOnly && now - this.#roomCheckedUs < ROOM_CHECK_US) return false
      this.#roomCheckedUs = now
      await this.#makeRoom(wanted)
    }
    const room = fits()
    if (!room && !this.#countsOnly) {
      warn?.(
        `${directory} has reached its limit of ${bytesMax} bytes: from now on rejected events are ` +
          'counted and their bytes are NOT kept. Replay them (campaign-metrics rejected --replay), ' +
          'remove files there, or raise the limit.',
      )
    }
    this.#countsOnly = !room
    return room
  }

  /** Looks at the folder again (somebody may have removed files) and removes replayed files. */
  async #makeRoom(wanted: number): Promise<void> {
    const { directory, source, bytesMax } = this.#options
    const marks = await readMarks(directory)
    const files = (await listFiles(directory)).filter((file) => file.source === source)
    const others = files.filter((file) => file.number !== this.#number)
    if (files.length === others.length) await this.#leaveFile()
    this.#otherBytes = others.reduce((sum, file) => sum + file.bytes, 0)
    for (const file of others) {
      if (this.#otherBytes + this.#fileBytes + wanted <= bytesMax) return
      const replayed = (marks[file.name] ?? 0) >= file.bytes
      if (!replayed && !file.countsOnly) continue
      await rm(file.path, { force: true })
      this.#otherBytes -= file.bytes
    }
  }

  /** The file being written was removed by somebody: what it would take now would be lost. */
  async #leaveFile(): Promise<void> {
    await this.#file?.close()
    this.#file = null
    this.#fileBytes = 0
  }

  /** Goes to the next file when this one is full, or of the other kind. */
  async #turnFile(countsOnly: boolean): Promise<void> {
    const bytesMax = this.#fileIsCounts ? COUNTS_FILE_BYTES_MAX : this.#fileBytesMax
    const fits = this.#file !== null && this.#fileBytes < bytesMax
    // A few counts may stand in a file of events; events never in a file of counts.
    if (fits && (countsOnly || !this.#fileIsCounts)) return
    const { directory, source } = this.#options
    await makeFolder(directory)
    const path = join(directory, fileName(source, this.#number + 1, countsOnly))
    const next = await open(path, 'wx')
    const heading = Buffer.from(
      headingLine({ file: 1, source, before: this.#total, offset: this.#lastOffset }),
    )
    try {
      await next.writeFile(heading)
      await next.datasync()
      await syncFolder(directory)
    } catch (cause) {
      await next.close()
      await rm(path, { force: true })
      throw cause
    }
    const old = { file: this.#file, path: this.#path, bytes: this.#fileBytes }
    const oldIsCounts = this.#fileIsCounts
    this.#file = next
    this.#path = path
    this.#number += 1
    this.#fileIsCounts = countsOnly
    this.#fileBytes = heading.length
    await old.file?.close()
    // The new heading carries what the counts said; events stay.
    if (oldIsCounts) await rm(old.path, { force: true })
    else this.#otherBytes += old.bytes
  }

  async #append(buffers: readonly Buffer[]): Promise<void> {
    const file = this.#file
    if (file === null) throw this.#error('closed', 'the store is closed')
    const bytes = Buffer.concat(buffers)
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done, undefined, this.#fileBytes + done)
        done += bytesWritten
      }
    } catch (cause) {
      await this.#cut(file)
      throw this.#error('io', `${reasonOf(cause)}; free some disk space, then retry`, cause)
    }
    try {
      await file.datasync()
    } catch (cause) {
      throw this.#fail('fdatasync failed, so nobody knows what the disk holds', cause)
    }
    this.#fileBytes += bytes.length
  }

  /** Takes half-written lines away again, so that a restart does not count them. */
  async #cut(file: FileHandle): Promise<void> {
    try {
      await file.truncate(this.#fileBytes)
    } catch (cause) {
      throw this.#fail('cutting off a half-written line failed', cause)
    }
  }

  async #resumeBefore(newest: RejectedFile): Promise<void> {
    const files = (await listFiles(this.#options.directory)).filter(
      (file) => file.source === newest.source && file.number < newest.number,
    )
    const before = files.at(-1)
    if (before !== undefined) {
      const { total, lastOffset } = await readTotal(before)
      this.#total = total
      this.#lastOffset = lastOffset
    }
    const { source } = newest
    const heading = { file: 1, source, before: this.#total, offset: this.#lastOffset } as const
    await this.#append([Buffer.from(headingLine(heading))])
  }

  #refusal(): RejectedError | null {
    if (this.#closed) return this.#error('closed', 'the store is closed')
    return this.#failure
  }

  #fail(what: string, cause: unknown): RejectedError {
    const todo = 'check the disk, then restart'
    this.#failure ??= this.#error('failed', `${what}; nothing more is kept: ${todo}`, cause)
    return this.#failure
  }

  #error(code: RejectedError['code'], why: string, cause?: unknown): RejectedError {
    const path = this.#path === '' ? this.#options.directory : this.#path
    return new RejectedError(
      code,
      path,
      `Rejected events cannot be kept in ${path}: ${why}.`,
      cause,
    )
  }
}

function encode(
  records: readonly RejectedRecord[],
): Pick<Waiting, 'lines' | 'counts' | 'overflow' | 'lastOffset'> {
  const kept: string[] = []
  const all = new Map<RejectionReason, Tally>()
  const over = new Map<RejectionReason, Tally>()
  let length = 0
  let overflow = 0
  let lastOffset: number | null = null
  for (const record of records) {
    tally(all, record)
    lastOffset = record.offset ?? lastOffset
    if (length > KEEP_BYTES_MAX) {
      tally(over, record)
      overflow += 1
      continue
    }
    const line = eventLine(record)
    kept.push(line)
    length += line.length
  }
  const lines = Buffer.from(kept.join('') + countLines(over))
  return { lines, counts: Buffer.from(countLines(all)), overflow, lastOffset }
}

function tally(tallies: Map<RejectionReason, Tally>, record: RejectedRecord): void {
  const offset = record.offset ?? null
  const one = tallies.get(record.reason)
  if (one === undefined) {
    tallies.set(record.reason, { counted: 1, arrivalUs: record.arrivalUs, offset })
    return
  }
  one.counted += 1
  one.arrivalUs = record.arrivalUs
  one.offset = offset ?? one.offset
}

function countLines(tallies: ReadonlyMap<RejectionReason, Tally>): string {
  let lines = ''
  for (const [reason, { counted, arrivalUs, offset }] of tallies) {
    lines += countLine(counted, reason, arrivalUs, offset)
  }
  return lines
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

async function makeFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await syncFolder(dirname(directory))
}
