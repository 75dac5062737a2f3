/**
 * A look at the log from outside, with or without a process that writes it: nothing is locked,
 * changed or repaired.
 */
import { join } from 'node:path'
import { nullIfMissing } from '../runtime.ts'
import { LogError } from './error.ts'
import { diskFiles, type LogFiles, sizeOf } from './files.ts'
import { openSegment, segmentBases, segmentPath } from './segment.ts'
import { findTail } from './tail.ts'

const ATTEMPTS_MAX = 5

export type LogInspection = Readonly<{
  id: string
  /** First offset still there. */
  start: number
  /** Offset after the last line written; a running process may not have synced it yet. */
  end: number
  /** Of all files, spares included. */
  bytes: number
}>

/** Null when there is no log in this folder. Reads the last segment. Throws `damaged`. */
export async function inspectLog(
  directory: string,
  files: LogFiles = diskFiles,
): Promise<LogInspection | null> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inspectOnce(directory, files)
    } catch (error) {
      // A running process may have recycled a segment between the list and the look.
      if (!(error instanceof LogError) || attempt === ATTEMPTS_MAX) throw error
    }
  }
}

async function inspectOnce(directory: string, files: LogFiles): Promise<LogInspection | null> {
  const names = await nullIfMissing(files.list(directory))
  if (names === null) return null
  const bases = segmentBases(names)
  const [start] = bases
  const last = bases.at(-1)
  if (start === undefined || last === undefined) return null
  let bytes = 0
  for (const name of names) {
    if (!/\.(segment|spare|new)$/.test(name)) continue
    bytes += (await nullIfMissing(sizeOf(files, join(directory, name)))) ?? 0
  }
  const segment = await openSegment(files, segmentPath(directory, last), last)
  try {
    const tail = await findTail(files, segment, false)
    return { id: segment.header.logId, start, end: tail.endOffset, bytes }
  } finally {
    await files.close(segment.file)
  }
}
