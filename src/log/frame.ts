/**
 * A frame: what one group commit writes, and the unit of reading. All integers are little-endian; a
 * frame starts at a multiple of 8.
 *
 *  byte  0  u32  mark           of this segment (segment.ts): a frame starts here, written since
 *                              the file became this segment
 *        4  u32  length         of the lines in bytes, L
 *        8  u32  crc32c         over bytes 0..8 and 12..32+L
 *       12  u32  count          of lines; 0 in a seal
 *       16  i64  arrival        of the last request in the frame, microseconds since the epoch
 *       24  i64  first offset   of the first line
 *       32  L    lines          NDJSON, each ended by LF
 *     32+L  0–7  zeros          up to the next multiple of 8, not covered by the crc
 *
 * A seal is a frame without lines: it follows the last frame at a clean stop and after a recovery.
 * Everything before a seal is known to be whole, so a bad frame there is damage and never a torn
 * tail.
 */
import { crc32c } from '@node-rs/crc32'

export const FRAME_HEADER_BYTES = 32
const ALIGNMENT_BYTES = 8
const LF = 0x0a

/** One group of lines. `bytes` may be a view of memory that is used again: see who gives it. */
export type Frame = Readonly<{
  firstOffset: number
  /** Lines in `bytes`. */
  count: number
  arrivalUs: number
  /** NDJSON: `count` lines, each ended by LF. */
  bytes: Uint8Array
  /**
   * For frames from Kafka, whose lines come from several partitions; `firstOffset` then counts the
   * lines read before.
   */
  origin?: FrameOrigin
  /**
   * The records carry their senders' time, so that when they arrived is not known: `arrivalUs` is
   * that of a record before them, or 0.
   */
  hasSenderTime?: boolean
}>

export type FrameOrigin = Readonly<{
  /** By partition: the offset at which reading goes on after this frame. */
  offsets: readonly number[]
  /** The place of a line's record. */
  placeOf(line: number): Readonly<{ partition: number; offset: number }>
  /** The value of a record that had to be changed to be a line; null for all others. */
  originalOf(line: number): Uint8Array | null
}>

/** What a line of a frame was before it became one: a view of the frame's bytes, or a copy. */
export type FrameRecord = Readonly<{ bytes: Uint8Array; partition?: number; offset: number }>

export function* recordsOf({
  bytes,
  count,
  firstOffset,
  origin,
}: Frame): Generator<FrameRecord, void> {
  let line = 0
  for (const value of linesIn(bytes, count)) {
    const place = origin?.placeOf(line) ?? { offset: firstOffset + line }
    yield { bytes: origin?.originalOf(line) ?? value, ...place }
    line += 1
  }
}

/** Views of `count` lines, without their LF. */
export function* linesIn(bytes: Uint8Array, count: number): Generator<Uint8Array, void> {
  let start = 0
  for (let line = 0; line < count; line += 1) {
    const end = bytes.indexOf(LF, start)
    yield bytes.subarray(start, end)
    start = end + 1
  }
}

/** Why bytes are not the frame that was expected there. */
export type FrameFault =
  | 'cut short'
  | 'not a frame'
  | 'not the offset that follows'
  | 'wrong checksum'

export type FrameCheck =
  | Readonly<{ kind: 'frame'; frame: Frame; sizeBytes: number }>
  /** The bytes end before the frame does: `needBytes` of them are needed to say more. */
  | Readonly<{ kind: 'more'; needBytes: number }>
  | Readonly<{ kind: 'bad'; fault: FrameFault }>

/** Bytes on disk of a frame with `length` bytes of lines. */
export function frameSizeBytes(length: number): number {
  return Math.ceil((FRAME_HEADER_BYTES + length) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
}

/**
 * Writes the header at the start of `pieces[0]`, which leaves its first 32 bytes for it; the lines
 * follow in `pieces`. They are not copied: the crc runs from piece to piece.
 */
export function writeFrameHeader(
  pieces: readonly [Buffer, ...Uint8Array[]],
  mark: number,
  frame: Omit<Frame, 'bytes'>,
): void {
  const [head, ...rest] = pieces
  const length = rest.reduce((sum, piece) => sum + piece.length, head.length - FRAME_HEADER_BYTES)
  head.writeUInt32LE(mark, 0)
  head.writeUInt32LE(length, 4)
  head.writeUInt32LE(frame.count, 12)
  writeInt64(head, 16, frame.arrivalUs)
  writeInt64(head, 24, frame.firstOffset)
  let crc = crc32c(head.subarray(12), crc32c(head.subarray(0, 8)))
  for (const piece of rest) crc = crc32c(piece, crc)
  head.writeUInt32LE(crc, 8)
}

/**
 * Looks at the start of `bytes` for the frame that begins with `firstOffset`. `bytesMax`: no frame
 * can be longer, because its segment ends there. The frame's bytes are a view of `bytes`.
 */
export function checkFrame(
  bytes: Buffer,
  bytesMax: number,
  mark: number,
  firstOffset: number | 'any',
): FrameCheck {
  if (bytesMax < FRAME_HEADER_BYTES) return { kind: 'bad', fault: 'cut short' }
  if (bytes.length < FRAME_HEADER_BYTES) return { kind: 'more', needBytes: FRAME_HEADER_BYTES }
  if (bytes.readUInt32LE(0) !== mark) return { kind: 'bad', fault: 'not a frame' }
  const end = FRAME_HEADER_BYTES + bytes.readUInt32LE(4)
  if (end > bytesMax) return { kind: 'bad', fault: 'cut short' }
  if (end > bytes.length) return { kind: 'more', needBytes: end }
  const crc = crc32c(bytes.subarray(12, end), crc32c(bytes.subarray(0, 8)))
  if (bytes.readUInt32LE(8) !== crc) return { kind: 'bad', fault: 'wrong checksum' }
  const frame: Frame = {
    firstOffset: readInt64(bytes, 24),
    count: bytes.readUInt32LE(12),
    arrivalUs: readInt64(bytes, 16),
    bytes: bytes.subarray(FRAME_HEADER_BYTES, end),
  }
  if (firstOffset !== 'any' && frame.firstOffset !== firstOffset) {
    return { kind: 'bad', fault: 'not the offset that follows' }
  }
  return { kind: 'frame', frame, sizeBytes: frameSizeBytes(frame.bytes.length) }
}

/** A frame without lines, as the bytes to write. */
export function sealBytes(mark: number, offset: number, arrivalUs: number): Buffer {
  const seal = Buffer.alloc(FRAME_HEADER_BYTES)
  writeFrameHeader([seal], mark, { count: 0, arrivalUs, firstOffset: offset })
  return seal
}

/**
 * Whether these bytes look like the header of a frame that was being written when the process or
 * the machine stopped.
 */
export function looksTorn(header: Buffer, mark: number, firstOffset: number): boolean {
  // Space never written to. In an unused log, its zeros are also the offset that follows.
  if (header.every((byte) => byte === 0)) return false
  if (header.length < FRAME_HEADER_BYTES) return true
  return header.readUInt32LE(0) === mark || readInt64(header, 24) === firstOffset
}

/**
 * 64-bit little-endian integers are read as JavaScript numbers: offsets and microseconds are far
 * below 2^53, and need no bigint.
 */
const TWO_32 = 2 ** 32

/** Exact between -2^53 and 2^53; bytes that hold more (only damaged ones do) come out rounded. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32LE(at + 4) * TWO_32 + bytes.readUInt32LE(at)
}

export function writeInt64(bytes: Buffer, at: number, value: number): void {
  bytes.writeInt32LE(Math.floor(value / TWO_32), at + 4)
  bytes.writeUInt32LE(value >>> 0, at)
}
