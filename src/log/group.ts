/**
 * The appends that go to disk together, as one frame. Small lines are copied into the group's
 * memory as they come, so that thousands of them are one write; large ones are written from where
 * they are.
 *
 *   memory   │ frame header │ a b c │      │ d e │ padding │
 *   pieces    └─────────────────────┘ LARGE └──────────────┘
 */
import { FRAME_HEADER_BYTES, frameSizeBytes, writeFrameHeader } from './frame.ts'

export const GROUP_MEMORY_BYTES: number = 256 * 1024
const COPY_BYTES_MAX = 16 * 1024
const PADDING_BYTES_MAX = 8
/** The system writes at most 1024 pieces at once (IOV_MAX). */
const PIECES_MAX = 1000
/** Lines in more pieces are joined first. */
const APPEND_PIECES_MAX = 300

/**
 * Lines in one piece, or in several that are written one after the other; a piece may end anywhere.
 */
export type Lines = Uint8Array | readonly Uint8Array[]

export function piecesOf(lines: Lines): readonly Uint8Array[] {
  if (lines instanceof Uint8Array) return [lines]
  return lines.length <= APPEND_PIECES_MAX ? lines : [Buffer.concat(lines)]
}

/** A single piece is not copied. */
export function joined(pieces: readonly Uint8Array[]): Buffer {
  const [first] = pieces
  if (first === undefined || pieces.length > 1) return Buffer.concat(pieces)
  return Buffer.from(first.buffer, first.byteOffset, first.length)
}

type Append = Readonly<{ index: number; answer: PromiseWithResolvers<number> }>

export class Group {
  readonly memory: Buffer
  /** Lines, their bytes, and the latest arrival, of all appends. */
  count = 0
  bytes = 0
  arrivalUs: number = Number.NEGATIVE_INFINITY
  readonly #appends: Append[] = []
  readonly #pieces: Uint8Array[] = []
  /** The part of the memory that is in no piece yet. */
  #runStart = 0
  #runEnd = FRAME_HEADER_BYTES

  /** `memory`: `GROUP_MEMORY_BYTES` that are the group's until it is answered. */
  constructor(memory: Buffer) {
    this.memory = memory
  }

  get appends(): number {
    return this.#appends.length
  }

  /** Bytes that the group's frame takes on disk. */
  get frameBytes(): number {
    return frameSizeBytes(this.bytes)
  }

  /**
   * Whether lines of so many bytes, in so many pieces, fit in this group. The first append always
   * does.
   */
  takes(bytes: number, pieces: number, groupBytesMax: number): boolean {
    if (this.#appends.length === 0) return true
    return this.bytes + bytes <= groupBytesMax && this.#pieces.length + pieces < PIECES_MAX
  }

  /** Resolves with the offset of the first of the lines. `pieces` come from `piecesOf`. */
  add(pieces: readonly Uint8Array[], count: number, arrivalUs: number): Promise<number> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const answer = Promise.withResolvers<number>()
    this.#appends.push({ index: this.count, answer })
    this.count += count
    this.bytes += bytes
    this.arrivalUs = Math.max(this.arrivalUs, arrivalUs)
    const fits = this.#runEnd + bytes + PADDING_BYTES_MAX <= this.memory.length
    if (fits && bytes <= COPY_BYTES_MAX) {
      for (const piece of pieces) {
        this.memory.set(piece, this.#runEnd)
        this.#runEnd += piece.length
      }
    } else {
      this.#endRun()
      this.#pieces.push(...pieces)
    }
    return answer.promise
  }

  /** The group as a frame, ready to be written. Called once. */
  toFrame(mark: number, firstOffset: number): readonly Uint8Array[] {
    const paddingBytes = this.frameBytes - FRAME_HEADER_BYTES - this.bytes
    this.#endRun()
    const [, ...rest] = this.#pieces
    // The first run holds the header, and so is always there and in the group's memory.
    const head = this.memory.subarray(0, this.#pieces[0]?.length ?? 0)
    const { count, arrivalUs } = this
    writeFrameHeader([head, ...rest], mark, { count, arrivalUs, firstOffset })
    const end = this.#runEnd + paddingBytes
    this.memory.fill(0, this.#runEnd, end)
    if (rest.length === 0) return [this.memory.subarray(0, end)]
    return [head, ...rest, this.memory.subarray(this.#runEnd, end)]
  }

  resolve(firstOffset: number): void {
    for (const { index, answer } of this.#appends) answer.resolve(firstOffset + index)
  }

  reject(error: Error): void {
    for (const { answer } of this.#appends) answer.reject(error)
  }

  #endRun(): void {
    if (this.#runEnd > this.#runStart) {
      this.#pieces.push(this.memory.subarray(this.#runStart, this.#runEnd))
    }
    this.#runStart = this.#runEnd
  }
}
