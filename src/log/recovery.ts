/**
 * Takes over the segments of the former run: checks that none is missing, finds the tail of the
 * last one, and makes it durable.
 *
 * What is read here may be in the system's memory only. Perhaps it was never synced; perhaps a sync
 * failed, after which the system counts the bytes as written although they are not, and the next
 * sync reports success (F6). This can be true only of the last thing written (a frame, a seal, or
 * the segment's header), so that is written again and synced. Only then is the tail sealed: a seal
 * promises that everything before it is on disk.
 */
import { damaged } from './error.ts'
import { type LogFiles, type LogStep, writeFully } from './files.ts'
import { type FrameFault, sealBytes } from './frame.ts'
import type { WritePosition } from './group-commit.ts'
import { type OpenSegment, openSegment, segmentBases, segmentPath } from './segment.ts'
import type { SegmentFile } from './segments.ts'
import { findTail, type Tail } from './tail.ts'

const COPY_BYTES = 4 * 1024 * 1024

/** What was cut at the start: the remains of a write that was never answered. */
export type TornTail = Readonly<{
  file: string
  position: number
  offset: number
  fault: FrameFault
  /** To be shown to the user. */
  message: string
}>

export function tornTail(
  file: string,
  position: number,
  offset: number,
  fault: FrameFault,
): TornTail {
  const message =
    `log: the last write was cut off by the stop before (${fault}, file ${file}, byte ` +
    `${position}); the log goes on from offset ` +
    `${offset}. Nothing that was answered is lost, unless the disk has changed bytes since.`
  return { file, position, offset, fault, message }
}

type RecoveredSegments = Readonly<{
  older: readonly SegmentFile[]
  last: OpenSegment
  tail: Tail
}>

/**
 * Opens the segments in `directory`; null when there are none. Throws `damaged`. Nothing is
 * changed.
 */
export async function findSegments(
  files: LogFiles,
  directory: string,
): Promise<RecoveredSegments | null> {
  const bases = segmentBases(await files.list(directory))
  const lastBase = bases.at(-1)
  if (lastBase === undefined) return null
  const older: SegmentFile[] = []
  for (const base of bases.slice(0, -1)) {
    const segment = await openSegment(files, segmentPath(directory, base), base)
    await files.close(segment.file)
    refuseGap(older.at(-1), segment)
    older.push(segment)
  }
  const last = await openSegment(files, segmentPath(directory, lastBase), lastBase, 'write')
  try {
    refuseGap(older.at(-1), last)
    return { older, last, tail: await findTail(files, last, true) }
  } catch (error) {
    await files.close(last.file)
    throw error
  }
}

/** Each segment names the one before it, so that a missing one is found without reading frames. */
function refuseGap(before: SegmentFile | undefined, segment: SegmentFile): void {
  if (before === undefined) return
  const { baseOffset, logId, previousBase } = segment.header
  const facts = { file: segment.path, position: 0, offset: baseOffset }
  if (logId !== before.header.logId) {
    throw damaged(`segments of two logs, ${before.header.logId} and ${logId}`, facts)
  }
  if (previousBase !== before.header.baseOffset) {
    throw damaged(`the segment from offset ${previousBase} on is missing`, facts)
  }
}

/** Makes the tail durable. Returns where writing goes on. */
export async function secureTail(
  files: LogFiles,
  segment: OpenSegment,
  tail: Tail,
  onStep: (step: LogStep) => void,
): Promise<WritePosition> {
  const { file, header } = segment
  const { arrivalUs, endOffset, position, sealed } = tail
  if (segment.fileBytes < header.sizeBytes) await lengthen(files, segment, position)
  await rewrite(files, file, tail.lastPosition ?? 0, position)
  await files.sync(file)
  onStep('tail-rewritten')
  if (sealed && tail.torn === null) return { position, endOffset, arrivalUs, sealed }
  const seal = sealBytes(header.mark, endOffset, arrivalUs)
  await writeFully(files, file, [seal], position)
  await files.sync(file)
  onStep('tail-sealed')
  return { position: position + seal.length, endOffset, arrivalUs, sealed: true }
}

/** Reads the bytes from `start` to `end` and writes them again in their place. */
async function rewrite(files: LogFiles, file: number, start: number, end: number): Promise<void> {
  const memory = Buffer.alloc(Math.min(COPY_BYTES, end - start))
  for (let position = start; position < end; ) {
    const into = memory.subarray(0, Math.min(memory.length, end - position))
    const bytes = await files.read(file, into, position)
    if (bytes === 0) throw new Error(`the file ends at byte ${position}, ${end} is expected`)
    await writeFully(files, file, [into.subarray(0, bytes)], position)
    position += bytes
  }
}

/** Restores the size of a segment that was cut, so that writing in it takes no new space. */
async function lengthen(files: LogFiles, segment: OpenSegment, from: number): Promise<void> {
  const zeros = Buffer.alloc(COPY_BYTES)
  for (let position = from; position < segment.header.sizeBytes; position += zeros.length) {
    const piece = zeros.subarray(0, Math.min(zeros.length, segment.header.sizeBytes - position))
    await writeFully(files, segment.file, [piece], position)
  }
  await files.sync(segment.file)
}
