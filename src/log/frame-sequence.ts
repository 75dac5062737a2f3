/** The frames of the log one after the other, from segment to segment, each checked. */
import assert from 'node:assert/strict'
import type { Cursor } from './cursor.ts'
import { damaged, LogError, missingSegment } from './error.ts'
import { FileWindow, type LogFiles } from './files.ts'
import { checkFrame, type Frame, type FrameFault } from './frame.ts'
import {
  type OpenSegment,
  openSegment,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentBases,
  segmentPath,
} from './segment.ts'

/** One read of the file; a frame that is longer is read in one piece of its own. */
const CHUNK_BYTES = 4 * 1024 * 1024
/** Each takes a file of the process, which has a limit of them. */
const AHEAD_MAX = 32

export class FrameSequence {
  readonly #files: LogFiles
  readonly #directory: string
  readonly #cursor: Cursor
  readonly #window: FileWindow
  #segment: OpenSegment | null = null
  /** Later segments, opened before they are needed. */
  readonly #ahead = new Map<number, OpenSegment>()
  #looking: Promise<void> | null = null
  /** Where the next segment begins; null while this one is the last. */
  #segmentEnd: number | null = null
  #position = 0
  #offset = 0
  /**
   * Frames below it were durable when the window was filled; the rest of the window may since have
   * been written over.
   */
  #windowEnd = 0

  constructor(files: LogFiles, directory: string, cursor: Cursor) {
    this.#files = files
    this.#directory = directory
    this.#cursor = cursor
    this.#window = new FileWindow(files, CHUNK_BYTES)
  }

  /** The frame that holds `offset`, which is between start and end. */
  async holding(offset: number): Promise<Frame> {
    if (offset !== this.#offset || this.#segment === null) await this.seek(offset)
    for (;;) {
      const frame = await this.#take()
      if (frame.firstOffset + frame.count > offset) return frame
    }
  }

  /** Opens the segment that holds `offset`, at its first frame. */
  async seek(offset: number): Promise<SegmentHeader> {
    const bases = segmentBases(await this.#files.list(this.#directory))
    const base = bases.findLast((candidate) => candidate <= offset)
    if (base === undefined) {
      refuseTrimmed(this.#cursor, offset)
      throw missingSegment({ file: this.#directory, offset })
    }
    return await this.#openSegment(base)
  }

  /**
   * Opens the next segments to be read: should their names vanish, what they hold can be read all
   * the same. A failure is left to the read that needs the segment.
   */
  lookAhead(): void {
    if (this.#looking !== null) return
    const done = (): void => {
      this.#looking = null
    }
    this.#looking = this.#openAhead().then(done, done)
  }

  async close(): Promise<void> {
    await this.#looking
    for (const { file } of this.#ahead.values()) await this.#files.close(file)
    this.#ahead.clear()
    await this.#closeSegment()
  }

  async #closeSegment(): Promise<void> {
    const segment = this.#segment
    this.#segment = null
    if (segment !== null) await this.#files.close(segment.file)
  }

  async #take(): Promise<Frame> {
    // `end` is read before `tailBase`: if the frame is durable in a later segment, `tailBase`
    // already names that one.
    const end = this.#cursor.get('end')
    const segment = await this.#segmentAt(this.#offset)
    const bytesMax = segment.fileBytes - this.#position
    const { mark } = segment.header
    if (this.#offset >= this.#windowEnd) this.#window.forget()
    let bytes = this.#window.from(this.#position)
    let check = checkFrame(bytes, bytesMax, mark, this.#offset)
    while (check.kind === 'more') {
      this.#windowEnd = end
      bytes = await this.#fill(segment, check.needBytes)
      const needBytes = check.needBytes
      check = checkFrame(bytes, bytesMax, mark, this.#offset)
      if (check.kind === 'more' && check.needBytes <= needBytes) {
        throw this.#refuse(segment, 'cut short')
      }
    }
    // The segment may have been recycled, and its file written over, while it was read.
    refuseTrimmed(this.#cursor, this.#offset)
    if (check.kind === 'bad') throw this.#refuse(segment, check.fault)
    this.#position += check.sizeBytes
    this.#offset += check.frame.count
    return check.frame
  }

  #fill(segment: OpenSegment, needBytes: number): Promise<Buffer> {
    const isTail = this.#cursor.get('tailBase') === segment.header.baseOffset
    const end = isTail ? this.#cursor.get('tailPosition') : segment.fileBytes
    return this.#window.fill(segment.file, this.#position, needBytes, end - this.#position)
  }

  #refuse(segment: OpenSegment, fault: FrameFault): LogError {
    refuseTrimmed(this.#cursor, this.#offset)
    const at = { file: segment.path, position: this.#position, offset: this.#offset }
    return damaged(fault, { ...at, fault })
  }

  /** The segment that holds `offset`: the open one or the one after it. */
  async #segmentAt(offset: number): Promise<OpenSegment> {
    assert(this.#segment !== null, 'seek comes before reading')
    const { baseOffset } = this.#segment.header
    if (this.#segmentEnd === null && this.#cursor.get('tailBase') !== baseOffset) {
      const behind = await this.#baseBehind(baseOffset)
      if (behind === undefined) throw missingSegment({ file: this.#directory, offset })
      this.#segmentEnd = behind
    }
    if (this.#segmentEnd === offset) await this.#openSegment(offset)
    return this.#segment
  }

  async #openAhead(): Promise<void> {
    const current = this.#segment?.header.baseOffset
    const tailBase = this.#cursor.get('tailBase')
    if (current === undefined || current === tailBase || this.#ahead.has(tailBase)) return
    for (const base of segmentBases(await this.#files.list(this.#directory))) {
      if (base <= current || base > tailBase || this.#ahead.has(base)) continue
      if (this.#ahead.size >= AHEAD_MAX) return
      const segment = await openSegment(this.#files, segmentPath(this.#directory, base), base)
      // Reading may have come to it meanwhile.
      const isNeeded = base > (this.#segment?.header.baseOffset ?? base)
      if (isNeeded) this.#ahead.set(base, segment)
      else await this.#files.close(segment.file)
    }
  }

  /** The segments ahead name the one before them. */
  async #baseBehind(baseOffset: number): Promise<number | undefined> {
    for (const { header } of this.#ahead.values()) {
      if (header.previousBase === baseOffset) return header.baseOffset
    }
    const bases = segmentBases(await this.#files.list(this.#directory))
    return bases.find((base) => base > baseOffset)
  }

  /** Where it fails, the segment before stays open, and the same call may be made again. */
  async #openSegment(baseOffset: number): Promise<SegmentHeader> {
    const path = segmentPath(this.#directory, baseOffset)
    let segment: OpenSegment
    try {
      segment = this.#ahead.get(baseOffset) ?? (await openSegment(this.#files, path, baseOffset))
    } catch (cause) {
      refuseTrimmed(this.#cursor, baseOffset)
      throw cause
    }
    this.#ahead.delete(baseOffset)
    await this.#closeSegment()
    this.#segment = segment
    this.#window.forget()
    this.#segmentEnd = null
    this.#position = SEGMENT_HEADER_BYTES
    this.#offset = baseOffset
    return this.#segment.header
  }
}

export function refuseTrimmed(cursor: Cursor, offset: number): void {
  const start = cursor.get('start')
  if (offset >= start) return
  throw new LogError('trimmed', { offset, start })
}
