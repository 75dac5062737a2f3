/**
 * A segment: one preallocated file of frames. It is filled once from front to back; later its file
 * is recycled for another segment.
 *
 *  byte  0  u32  magic          'CMLG'
 *        4  u32  version        1
 *        8  16B  log id         UUID, random for each log
 *       24  i64  base offset    of the first frame, and the file's name
 *       32  i64  previous base  base offset of the segment before; -1 for the first of the log
 *       40  i64  arrival        no frame here arrived before it, and none in the segments before
 *                              this one after it; microseconds
 *       48  i64  size           of the whole file in bytes
 *       56  u32  mark           starts each frame of this segment; random, its first byte 0xFF
 *       60  u32  crc32c         over bytes 0..60
 *       64       zeros          up to 4096: frames begin in another page, so that a torn write of
 *                              a frame cannot touch the header
 *     4096       frames
 *
 * A new mark is drawn each time a file becomes a segment, so that what a recycled file held before
 * is not taken for frames of this segment. Its byte 0xFF occurs in no UTF-8 text, so lines cannot
 * hold a mark, not even on purpose.
 */
import { join } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { systemCode } from '../runtime.ts'
import { damaged, missingSegment } from './error.ts'
import type { LogFiles } from './files.ts'
import { readInt64, writeInt64 } from './frame.ts'

export const SEGMENT_HEADER_BYTES = 4096
const MAGIC = 0x474c4d43
const VERSION = 1
const NO_PREVIOUS = -1

export type SegmentHeader = Readonly<{
  logId: string
  baseOffset: number
  previousBase: number | null
  arrivalUs: number
  sizeBytes: number
  mark: number
}>

/** A mark from 24 random bits. */
export function markFrom(random: number): number {
  return ((random << 8) | 0xff) >>> 0
}

export function segmentPath(directory: string, baseOffset: number): string {
  return join(directory, `${String(baseOffset).padStart(20, '0')}.segment`)
}

/** Base offsets of the segments among the names in a folder, ascending. */
export function segmentBases(names: readonly string[]): number[] {
  return names
    .filter((name) => /^\d{20}\.segment$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b)
}

export function writeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(VERSION, 4)
  bytes.write(header.logId.replaceAll('-', ''), 8, 'hex')
  writeInt64(bytes, 24, header.baseOffset)
  writeInt64(bytes, 32, header.previousBase ?? NO_PREVIOUS)
  writeInt64(bytes, 40, header.arrivalUs)
  writeInt64(bytes, 48, header.sizeBytes)
  bytes.writeUInt32LE(header.mark, 56)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 60)), 60)
  return bytes
}

/**
 * A segment whose header has been read. `fileBytes` may be less than the header says, when the file
 * was cut.
 */
export type OpenSegment = Readonly<{
  header: SegmentHeader
  path: string
  file: number
  fileBytes: number
}>

/**
 * Opens the segment that begins with `baseOffset`. Throws `damaged` when it is missing or its
 * header is wrong.
 */
export async function openSegment(
  files: LogFiles,
  path: string,
  baseOffset: number,
  mode: 'read' | 'write' = 'read',
): Promise<OpenSegment> {
  let file: number
  try {
    file = await files.open(path, mode)
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause
    throw missingSegment({ file: path, offset: baseOffset }, cause)
  }
  try {
    const header = await readSegmentHeader(files, file, path, baseOffset)
    return { header, path, file, fileBytes: await files.size(file) }
  } catch (error) {
    await files.close(file)
    throw error
  }
}

async function readSegmentHeader(
  files: LogFiles,
  file: number,
  path: string,
  baseOffset: number,
): Promise<SegmentHeader> {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  const length = await files.read(file, bytes, 0)
  const wrong = (what: string) => damaged(what, { file: path, position: 0, offset: baseOffset })
  if (length < SEGMENT_HEADER_BYTES) throw wrong('a segment is shorter than its header')
  if (bytes.readUInt32LE(0) !== MAGIC) throw wrong('a segment has no header')
  if (bytes.readUInt32LE(60) !== crc32c(bytes.subarray(0, 60))) {
    throw wrong('the header of a segment has a wrong checksum')
  }
  const version = bytes.readUInt32LE(4)
  if (version !== VERSION) {
    throw wrong(`a segment has version ${version}, this program reads ${VERSION}`)
  }
  const previousBase = readInt64(bytes, 32)
  const header = {
    logId: uuidFrom(bytes.toString('hex', 8, 24)),
    baseOffset: readInt64(bytes, 24),
    previousBase: previousBase === NO_PREVIOUS ? null : previousBase,
    arrivalUs: readInt64(bytes, 40),
    sizeBytes: readInt64(bytes, 48),
    mark: bytes.readUInt32LE(56),
  }
  if (header.baseOffset !== baseOffset) {
    throw wrong(`a segment says it begins with offset ${header.baseOffset}`)
  }
  return header
}

function uuidFrom(hex: string): string {
  return [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex)
}
