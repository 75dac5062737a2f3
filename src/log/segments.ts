/**
 * The log's files: the segments from the oldest to the one being written, and the spares that will
 * become segments.
 *
 *   spare-3.new ──zeros, sync──► spare-3.spare ──header, sync, rename──► 000…042.segment
 *                                     ▲                                        │
 *                                     └──────────────── recycled ──────────────┘
 *
 * A segment is recycled, or removed when there are enough spares, once it is in the tables and
 * older than the retention.
 *
 * All work here is done one after the other (`#inTurn`): the next spare is made in the background
 * while groups are written, and the change to the next segment waits for it only when it is not
 * there yet.
 */
import type { Cursor } from './cursor.ts'
import { fullError, isFull, isOutOfFiles, type LogError } from './error.ts'
import { type LogFiles, type LogStep, writeFully } from './files.ts'
import { type OpenSegment, type SegmentHeader, segmentPath, writeSegmentHeader } from './segment.ts'
import { noFile, type Spare, type Spares } from './spares.ts'

const CHECK_INTERVAL_US = 1_000_000
/** While the log is full, it checks more often whether there is room again. */
const CHECK_INTERVAL_FULL_US = 100_000

type SegmentsOptions = Readonly<{
  directory: string
  segmentBytes: number
  retentionMs: number
  bytesMax: number
  diskReserveBytes: number
  files: LogFiles
  onStep: (step: LogStep) => void
  nowUs: () => number
  randomMark: () => number
}>

/** A segment of the log; only the one being written is open. */
export type SegmentFile = Omit<OpenSegment, 'file'>

export class Segments {
  readonly #options: SegmentsOptions
  readonly #cursor: Cursor
  readonly #spares: Spares
  readonly #segments: SegmentFile[] = []
  #active: OpenSegment | null = null
  #trimmedOffset = 0
  #recycledEarly = 0
  #full: LogError | null = null
  #turn: Promise<void> = Promise.resolve()
  #isChecking = false
  #checkedAtUs = Number.NEGATIVE_INFINITY

  constructor(options: SegmentsOptions, cursor: Cursor, spares: Spares) {
    this.#options = options
    this.#cursor = cursor
    this.#spares = spares
  }

  get active(): OpenSegment {
    if (this.#active === null) throw new Error('no segment of the log is open')
    return this.#active
  }

  get count(): number {
    return this.#segments.length
  }

  /** Those that hold lines that may not be in the tables yet, oldest first. */
  get untrimmed(): readonly SegmentFile[] {
    return this.#segments.filter((_, index) => {
      const next = this.#segments[index + 1]
      return next === undefined || next.header.baseOffset > this.#trimmedOffset
    })
  }

  /** Bytes of all files, spares included. */
  get bytes(): number {
    return this.#segments.reduce((sum, { fileBytes }) => sum + fileBytes, this.#spares.bytes)
  }

  /** Segments whose retention was cut short, because new events needed the budget. */
  get recycledEarly(): number {
    return this.#recycledEarly
  }

  /** Why nothing can be accepted at the moment. */
  get full(): LogError | null {
    return this.#full
  }

  /** Takes over the segments found at the start, oldest first; the last one is written on. */
  adopt(older: readonly SegmentFile[], last: OpenSegment): void {
    this.#segments.push(...older, last)
    this.#active = last
    this.#publish()
  }

  /**
   * Turns a spare into the segment that begins with `baseOffset`, and goes on writing there. A
   * segment with that offset, which holds no lines yet, is replaced. Throws `full`, with nothing
   * changed, or any other error, after which nothing may be written any more.
   */
  roll(logId: string, baseOffset: number, arrivalUs: number): Promise<void> {
    return this.#inTurn(async () => {
      const { directory, files, onStep, randomMark } = this.#options
      const spare = await this.#obtainSpare()
      const before = this.#active
      const replaces = before?.header.baseOffset === baseOffset
      const header: SegmentHeader = {
        logId,
        baseOffset,
        previousBase: (replaces ? before?.header.previousBase : before?.header.baseOffset) ?? null,
        arrivalUs,
        sizeBytes: spare.fileBytes,
        mark: randomMark(),
      }
      const file = await this.#openSpare(spare)
      await writeFully(files, file, [writeSegmentHeader(header)], 0)
      await files.sync(file)
      onStep('segment-headed')
      const path = segmentPath(directory, baseOffset)
      await files.rename(spare.path, path)
      await files.syncFolder(directory)
      if (before !== null) await files.close(before.file)
      const segment = { header, path, file, fileBytes: spare.fileBytes }
      if (replaces) this.#segments.pop()
      this.#segments.push(segment)
      this.#active = segment
      this.#publish()
      onStep('segment-created')
      this.#checkedAtUs = Number.NEGATIVE_INFINITY // The next spare is due.
    })
  }

  /** Lines below `offset` are in the tables. */
  trimTo(offset: number): void {
    this.#trimmedOffset = Math.max(this.#trimmedOffset, offset)
  }

  /** Gives back the segments that are in the tables and older than the retention. */
  async release(): Promise<void> {
    await this.#inTurn(async () => {
      const { nowUs, retentionMs } = this.#options
      // Without a retention the clock is not read: one that has stepped back would keep segments
      // for no reason.
      const keepFromUs = retentionMs === 0 ? Number.POSITIVE_INFINITY : nowUs() - retentionMs * 1000
      for (;;) {
        const next = this.#segments[1]
        if (next === undefined || !this.#oldestIsTrimmed()) break
        if (next.header.arrivalUs > keepFromUs) break
        await this.#releaseOldest()
      }
    })
    if (this.#full !== null) this.checkRoom('now')
  }

  /**
   * Checks in the background, but not too often, whether the disk has its reserve and a spare is
   * there: this is how `full` begins and ends. Other failures are left to `roll`, which meets them
   * again if they last.
   */
  checkRoom(when: 'now' | 'when due'): void {
    if (this.#isChecking) return
    const nowUs = this.#options.nowUs()
    const intervalUs = this.#full === null ? CHECK_INTERVAL_US : CHECK_INTERVAL_FULL_US
    // The clock may step back: any distance counts.
    const isDue = Math.abs(nowUs - this.#checkedAtUs) >= intervalUs
    if (when === 'when due' && !isDue) return
    this.#isChecking = true
    this.#checkedAtUs = nowUs
    const done = () => {
      this.#isChecking = false
    }
    this.#inTurn(() => this.#checkDisk()).then(done, done)
  }

  /** Waits for the work in the background, and closes the file being written. */
  async close(): Promise<void> {
    this.#isChecking = true
    await this.#inTurn(async () => {
      if (this.#active !== null) await this.#options.files.close(this.#active.file)
      this.#active = null
    })
  }

  async #checkDisk(): Promise<void> {
    try {
      await this.#requireFree(this.#options.diskReserveBytes)
      if (this.#spares.count === 0) await this.#makeSpare()
      this.#full = null
    } catch (error) {
      // Without a spare, the segment being written may still have room: then only `roll` says that
      // the log is full.
      if (isFull(error, 'diskReserveBytes')) this.#full = error
      else if (isFull(this.#full, 'diskReserveBytes')) this.#full = null
      throw error
    }
  }

  async #obtainSpare(): Promise<Spare> {
    try {
      if (this.#spares.count === 0) await this.#makeSpare()
    } catch (error) {
      if (isFull(error)) this.#full = error
      throw error
    }
    const spare = this.#spares.take()
    if (spare === null) throw new Error('a spare was made and is not there')
    return spare
  }

  async #openSpare(spare: Spare): Promise<number> {
    const { directory, files } = this.#options
    try {
      return await files.open(spare.path, 'write')
    } catch (cause) {
      if (!isOutOfFiles(cause)) throw cause
      this.#spares.putBack(spare)
      this.#full = noFile(directory, cause)
      throw this.#full
    }
  }

  /**
   * Creates a new file while the budget allows; else takes the oldest segment, if it is in the
   * tables and only the retention keeps it.
   */
  async #makeSpare(): Promise<void> {
    const { bytesMax, diskReserveBytes, segmentBytes } = this.#options
    while (this.bytes + segmentBytes > bytesMax && this.#oldestIsTrimmed()) {
      this.#recycledEarly += 1
      await this.#releaseOldest()
      if (this.#spares.count > 0) return
    }
    const { bytes } = this
    if (bytes + segmentBytes > bytesMax) {
      const what = `it takes ${bytes} bytes of the ${bytesMax} it may take`
      throw fullError('bytesMax', what, { bytes, bytesMax, segmentBytes })
    }
    await this.#requireFree(diskReserveBytes + segmentBytes)
    await this.#spares.fill()
  }

  async #requireFree(needBytes: number): Promise<void> {
    const { directory, diskReserveBytes, files } = this.#options
    const freeBytes = await files.freeBytes(directory)
    if (freeBytes >= needBytes) return
    const what = `the disk of ${directory} has ${freeBytes} bytes left, and ${needBytes} are needed`
    throw fullError('diskReserveBytes', what, { freeBytes, needBytes, diskReserveBytes })
  }

  #oldestIsTrimmed(): boolean {
    const next = this.#segments[1]
    return next !== undefined && next.header.baseOffset <= this.#trimmedOffset
  }

  /**
   * The cursor is changed first; readers check it after each read. Segments go one at a time, each
   * synced: if names vanished in the wrong order in a power cut, there would be a gap.
   */
  async #releaseOldest(): Promise<void> {
    const [oldest, next] = this.#segments
    if (oldest === undefined || next === undefined) return
    this.#cursor.set('start', next.header.baseOffset)
    await this.#spares.give(oldest.path, oldest.fileBytes)
    this.#segments.shift()
  }

  #publish(): void {
    this.#cursor.set('start', this.#segments[0]?.header.baseOffset ?? 0)
    this.#cursor.set('tailBase', this.active.header.baseOffset)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return mine
  }
}
