/**
 * Keeps rejected events durably, in the order given. There is one writer for each source.
 *
 * Calls that arrive during a write share the next one: one write, one `fdatasync`, however many
 * requests. A file that has grown past its size is followed by the next; past `bytesMax` over all
 * files of the source, those that were replayed in full are removed, oldest first, and if that is
 * not enough, only counts are kept until there is room again (checked every few seconds).
 *
 * A failed write (a full disk) is cut off again and reported to its callers, who may retry. A
 * failed `fdatasync` is final: it is unknown which bytes the disk has, and the next one would not
 * tell.
 */
import { reasonOf } from '../runtime.ts'
import { type Encoded, encodeRecords } from './encode.ts'
import { RejectedError } from './error.ts'
import type { RejectedRecord, RejectedSource } from './line.ts'
import { type KeptSoFar, SourceFiles } from './source-files.ts'

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
  /** All events ever rejected, durable. */
  total: number
  /** Of these, since this store was opened, kept as counts only. */
  countedOnly: number
  bytes: number
  keepingCountsOnly: boolean
  /** An `fdatasync` failed: nothing is kept any more until a restart. */
  failed: boolean
  /**
   * Why the last write failed, or why the last check expects the next one to fail; null when all is
   * well.
   */
  problem: string | null
  /** Highest log offset kept: a job that reads its log again skips what it has kept already. */
  lastOffset: number | null
}>

export type RejectedStore = {
  /** Resolves when all records are durable. Throws RejectedError; then none of them counts. */
  keep(records: readonly RejectedRecord[]): Promise<void>
  stats(): RejectedStats
  /**
   * Checks whether the next record could be kept, before there is one; to be called now and then.
   * Does not reject.
   */
  checkWritable(): Promise<void>
  close(): Promise<void>
}

type Waiting = PromiseWithResolvers<void> & Readonly<{ encoded: Encoded }>

const FILE_BYTES_MAX = 16 * 1024 * 1024
/** Limit of what waits for a write; beyond it `keep` fails with `busy`. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024
const ROOM_CHECK_US = 10_000_000

/** Opens the store of one source: reads its newest file only, and cuts a torn last line. */
export async function openRejected(options: RejectedOptions): Promise<RejectedStore> {
  const { directory, source, fileBytesMax = FILE_BYTES_MAX } = options
  const files = new SourceFiles(directory, source, fileBytesMax)
  try {
    return new Store(options, files, await files.resume())
  } catch (cause) {
    await files.close()
    if (cause instanceof RejectedError) throw cause
    throw files.error('io', reasonOf(cause), cause)
  }
}

/** Invariant: `#kept` is what a restart would read from the files, after each resolved call. */
class Store implements RejectedStore {
  readonly #options: RejectedOptions
  readonly #files: SourceFiles
  #kept: KeptSoFar
  #countedOnly = 0
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #writing: Promise<void> | null = null
  #countsOnly = false
  #problem: string | null = null
  /** The problem is a failed write: only a write can show that it is over. */
  #hasWriteFailed = false
  #roomCheckedUs = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(options: RejectedOptions, files: SourceFiles, kept: KeptSoFar) {
    this.#options = options
    this.#files = files
    this.#kept = kept
  }

  async keep(records: readonly RejectedRecord[]): Promise<void> {
    if (records.length === 0) return
    if (this.#isClosed) throw this.#files.error('closed', 'the store is closed')
    if (this.#files.failure !== null) throw this.#files.failure
    const encoded = encodeRecords(records)
    const bytes = encoded.lines.length
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
      throw this.#files.error('busy', 'the disk is behind; retry in a second')
    }
    this.#waitingBytes += bytes
    const waiting: Waiting = { ...Promise.withResolvers(), encoded }
    this.#waiting.push(waiting)
    this.#writing ??= this.#writeAll()
    await waiting.promise
  }

  stats(): RejectedStats {
    return {
      ...this.#kept,
      countedOnly: this.#countedOnly,
      bytes: this.#files.bytes,
      keepingCountsOnly: this.#countsOnly,
      failed: this.#files.failure !== null,
      problem: this.#problem,
    }
  }

  async checkWritable(): Promise<void> {
    if (this.#isClosed || this.#writing !== null) return
    this.#writing = this.#checkFiles().then(() => this.#writeAll())
    await this.#writing
  }

  async #checkFiles(): Promise<void> {
    try {
      await this.#files.checkWritable(this.#hasWriteFailed)
      this.#problem = null
      this.#hasWriteFailed = false
    } catch (error) {
      this.#problem = reasonOf(error)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writing
    await this.#files.close()
  }

  /** The one loop that writes: everything waiting goes out in one write, then the next. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      this.#waitingBytes = 0
      try {
        await this.#writeGroup(group.map(({ encoded }) => encoded))
        this.#problem = null
        this.#hasWriteFailed = false
        for (const { resolve } of group) resolve()
      } catch (cause) {
        this.#problem = reasonOf(cause)
        this.#hasWriteFailed = true
        for (const { reject } of group) reject(cause)
      }
    }
    this.#writing = null
  }

  async #writeGroup(group: readonly Encoded[]): Promise<void> {
    const countsOnly = !(await this.#hasRoom(group.reduce((sum, one) => sum + one.lines.length, 0)))
    await this.#files.rotate(countsOnly, this.#kept)
    await this.#files.append(group.map(({ lines, counts }) => (countsOnly ? counts : lines)))
    for (const { events, overflow, lastOffset } of group) {
      this.#kept = {
        total: this.#kept.total + events,
        lastOffset: lastOffset ?? this.#kept.lastOffset,
      }
      this.#countedOnly += countsOnly ? events : overflow
    }
  }

  /** Decides between events and counts; warns once when it turns to counts. */
  async #hasRoom(wanted: number): Promise<boolean> {
    const { bytesMax, nowUs, warn, directory, source } = this.#options
    const fits = () => this.#files.bytes + wanted <= bytesMax
    if (!fits() || this.#countsOnly) {
      const now = nowUs()
      if (this.#countsOnly && now - this.#roomCheckedUs < ROOM_CHECK_US) return false
      this.#roomCheckedUs = now
      await this.#files.makeRoom(wanted, bytesMax)
    }
    const hasRoom = fits()
    if (!hasRoom && !this.#countsOnly) {
      warn?.(
        `${directory} has reached its limit of ${bytesMax} bytes: from now on rejected events ` +
          (source === 'bots' ? 'of bots ' : '') +
          'are counted and their bytes are NOT kept. Replay them (campaign-metrics rejected ' +
          '--replay), remove the oldest files there, or raise the limit.',
      )
    }
    this.#countsOnly = !hasRoom
    return hasRoom
  }
}
