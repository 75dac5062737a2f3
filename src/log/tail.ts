/**
 * Where the last segment really ends, after any kind of stop.
 *
 * The writer has at most one frame in flight, and begins the next only when that one is synced. So,
 * whatever stopped the machine:
 *
 * - every frame but the last is whole; a bad frame with a whole one of this segment after it is
 *   damage, and stops the start;
 * - a bad frame with nothing after it is the one that was in flight, which was never answered: the
 *   torn tail, which is cut and reported. (Or it is the last answered frame, changed by the disk:
 *   the two look the same. A seal (frame.ts) after it decides, and so does the table if it has read
 *   that frame already: its next offset is then beyond the log's end.)
 *
 * Nothing after the tail can be taken for a frame later, although it is not zeroed:
 *
 * - what the file held before it was recycled carries other marks, and offsets lower than this
 *   segment's first;
 * - lines cannot hold the mark, as its byte 0xFF is not UTF-8;
 * - a torn frame of this segment has its header exactly at the tail, where recovery writes its seal
 *   over it at once.
 *
 * This relies on what SQLite calls powersafe overwrite: a write torn by a power cut changes no
 * bytes outside its range.
 */
import { damaged } from './error.ts'
import { FileWindow, type LogFiles } from './files.ts'
import {
  checkFrame,
  FRAME_HEADER_BYTES,
  type FrameCheck,
  type FrameFault,
  looksTorn,
} from './frame.ts'
import { type OpenSegment, SEGMENT_HEADER_BYTES } from './segment.ts'

const CHUNK_BYTES = 4 * 1024 * 1024

export type Tail = Readonly<{
  /** Byte where the next frame goes. */
  position: number
  /** Its first offset. */
  endOffset: number
  /** Arrival of the last frame, or the segment's when it has none. */
  arrivalUs: number
  /** Where the last frame or seal begins; null when the segment has none. */
  lastPosition: number | null
  /** A seal is the last thing before `position`. */
  sealed: boolean
  /** What was wrong with the bytes at `position`, when they are the remains of a frame. */
  torn: FrameFault | null
}>

/**
 * Reads the segment from its first frame to the last that is whole. With `searchBehind`, a whole
 * frame after a bad one throws `damaged`; without it, the segment may be written meanwhile.
 */
export async function findTail(
  files: LogFiles,
  segment: OpenSegment,
  searchBehind: boolean,
): Promise<Tail> {
  const { header, fileBytes } = segment
  const window = new FileWindow(files, CHUNK_BYTES)
  let position = SEGMENT_HEADER_BYTES
  let endOffset = header.baseOffset
  let arrivalUs = header.arrivalUs
  let lastPosition: number | null = null
  let sealed = false
  for (;;) {
    const check = await checkAt(window, segment, position, endOffset)
    if (check.kind !== 'frame') {
      const fault = check.kind === 'bad' ? check.fault : 'cut short'
      const rest = window.from(position).subarray(0, FRAME_HEADER_BYTES)
      const isTorn = fileBytes < header.sizeBytes || looksTorn(rest, header.mark, endOffset)
      if (searchBehind) await refuseFrameBehind(window, segment, position, endOffset, fault)
      const torn = isTorn ? fault : null
      return { position, endOffset, arrivalUs, lastPosition, sealed, torn }
    }
    const { frame, sizeBytes } = check
    sealed = frame.count === 0
    lastPosition = position
    arrivalUs = frame.arrivalUs
    endOffset += frame.count
    position += sizeBytes
  }
}

/** Checks for a frame at `position`, and reads what that takes. */
async function checkAt(
  window: FileWindow,
  { header, file, fileBytes }: OpenSegment,
  position: number,
  firstOffset: number | 'any',
): Promise<FrameCheck> {
  const bytesMax = fileBytes - position
  const check = checkFrame(window.from(position), bytesMax, header.mark, firstOffset)
  if (check.kind !== 'more') return check
  const bytes = await window.fill(file, position, check.needBytes, bytesMax)
  const again = checkFrame(bytes, bytesMax, header.mark, firstOffset)
  if (again.kind !== 'more') return again
  const whole = await window.fill(file, position, again.needBytes, bytesMax)
  return checkFrame(whole, bytesMax, header.mark, firstOffset)
}

async function refuseFrameBehind(
  window: FileWindow,
  segment: OpenSegment,
  position: number,
  offset: number,
  fault: FrameFault,
): Promise<void> {
  const behind = await findFrameBehind(window, segment, position, offset)
  if (behind === null) return
  const facts = { file: segment.path, position, offset, fault, behind }
  throw damaged(`${fault}, with a whole frame behind it at byte ${behind}`, facts)
}

/**
 * The byte at which a whole frame of this segment begins after `position`, or null. The length in
 * the bad frame is not trusted.
 */
async function findFrameBehind(
  window: FileWindow,
  segment: OpenSegment,
  position: number,
  offset: number,
): Promise<number | null> {
  const { fileBytes, header } = segment
  const mark = Buffer.alloc(4)
  mark.writeUInt32LE(header.mark)
  let from = position + 1
  while (from + FRAME_HEADER_BYTES <= fileBytes) {
    const bytes = await window.fill(segment.file, from, FRAME_HEADER_BYTES, fileBytes - from)
    const found = bytes.indexOf(mark)
    if (found < 0) {
      from += Math.max(1, bytes.length - mark.length + 1)
      continue
    }
    const check = await checkAt(window, segment, from + found, 'any')
    if (check.kind === 'frame' && check.frame.firstOffset >= offset) return from + found
    from += found + 1
  }
  return null
}
