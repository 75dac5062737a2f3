/**
 * Opens the log: takes the folder's lock, recovers what is there or creates a log, and puts the
 * parts together.
 */
import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Lock, LockError, takeLock } from '../runtime.ts'
import { newCursorMemory, openCursor } from './cursor.ts'
import { explained, LogError } from './error.ts'
import type { EventLog, EventLogStats } from './event-log.ts'
import { diskFiles, type LogFiles, type LogStep } from './files.ts'
import type { Lines } from './group.ts'
import { GroupCommit, type WritePosition } from './group-commit.ts'
import { guardLog } from './guard.ts'
import { findSegments, secureTail, type TornTail, tornTail } from './recovery.ts'
import { markFrom, SEGMENT_HEADER_BYTES, segmentBases } from './segment.ts'
import { Segments } from './segments.ts'
import { Spares } from './spares.ts'

const MIB = 1024 * 1024
const SEGMENT_BYTES = 64 * MIB
const GROUP_BYTES_MAX = 8 * MIB
const WAITING_BYTES_MAX = 64 * MIB

export type LogOptions = Readonly<{
  directory: string
  nowUs: () => number
  /**
   * How long segments stay after they are in the tables; shorter when new events need the room
   * within `bytesMax`.
   */
  retentionMs: number
  /** Limit for all files of the log; at least three segments. */
  bytesMax: number
  /** What must stay free on the disk, so that the tables can be written. */
  diskReserveBytes: number
  /** Of new segments; a whole group must fit in one. */
  segmentBytes?: number
  /** Of one group, unless a single append is larger. */
  groupBytesMax?: number
  /** Of appends that wait for the disk; more are refused with `busy`. */
  waitingBytesMax?: number
  /** Called at each named step, before the next one begins. */
  onStep?: (step: LogStep) => void
  /** In place of the disk, for tests. */
  files?: LogFiles
}>

/** What the start found. */
export type Recovered = Readonly<{
  created: boolean
  end: number
  /** The former run closed the log. */
  cleanStop: boolean
  tornTail: TornTail | null
}>

/** `bytesOnDisk`: spares included. */
export type LogStats = EventLogStats &
  Readonly<{ start: number; end: number; segments: number; recycledEarly: number }>

/**
 * `id`: a UUID, drawn when the log was created. `trim` releases only segments past the retention.
 */
export type Log = Omit<EventLog, 'append' | 'stats'> &
  Readonly<{
    recovered: Recovered
    /**
     * Resolves with the offset of the first line, after fdatasync. Rejects with LogError `full`,
     * `busy` (nothing was written, try again), `too-large`, `misplaced`, `lock-lost`, `io`,
     * `closed`.
     */
    append(lines: Lines, count: number, arrivalUs: number): Promise<number>
    stats(): LogStats
  }>

/**
 * Throws LogError `locked`, `lock-lost`, `damaged`, `full`, or `io` when the folder cannot be read
 * or written.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const settings = { ...DEFAULTS, ...options }
  const { bytesMax, directory, groupBytesMax, segmentBytes } = settings
  assert(segmentBytes % SEGMENT_HEADER_BYTES === 0, 'segmentBytes is a multiple of 4096')
  assert(groupBytesMax + 2 * SEGMENT_HEADER_BYTES <= segmentBytes, 'a group fits in a segment')
  assert(bytesMax >= 3 * segmentBytes, 'bytesMax is at least three segments')
  try {
    return await openAndLock(settings)
  } catch (error) {
    throw explained(`cannot open ${directory}`, error)
  }
}

async function openAndLock(settings: Settings): Promise<Log> {
  await settings.files.createFolder(settings.directory)
  const lock = await lockFolder(settings)
  try {
    const log = await openLocked(settings, lock)
    return {
      ...log,
      async close() {
        try {
          await log.close()
        } finally {
          lock.release()
        }
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

const DEFAULTS = {
  segmentBytes: SEGMENT_BYTES,
  groupBytesMax: GROUP_BYTES_MAX,
  waitingBytesMax: WAITING_BYTES_MAX,
  onStep: () => {},
  files: diskFiles,
} as const satisfies Partial<LogOptions>

type Settings = Required<LogOptions>

async function lockFolder({ directory, files }: Settings): Promise<Lock> {
  const isUsed = segmentBases(await files.list(directory)).length > 0
  try {
    return await takeLock(join(directory, 'lock'), `the log folder ${directory}`, isUsed)
  } catch (error) {
    if (!(error instanceof LockError)) throw error
    throw new LogError(error.code, { ...error.facts, reason: error.message }, error)
  }
}

async function openLocked(settings: Settings, lock: Lock): Promise<Log> {
  const { directory, files, nowUs } = settings
  const memory = newCursorMemory()
  const cursor = openCursor(memory)
  const spares = new Spares(settings)
  const randomMark = () => markFrom(randomInt(2 ** 24))
  const segments = new Segments({ ...settings, randomMark }, cursor, spares)
  const { id, at, recovered } = await recover(settings, segments, spares)
  await files.syncFolder(directory)
  const guarded = guardLog(settings, lock, segments)
  const misplaced = guarded.fault
  const commit = new GroupCommit({ ...settings, logId: id, misplaced }, segments, cursor, at)
  const end = () => cursor.get('end')
  const start = () => cursor.get('start')
  return {
    id,
    recovered,
    cursor: memory,
    stampUs: () => Math.floor(nowUs()),
    append(lines, count, arrivalUs) {
      assert(Number.isSafeInteger(arrivalUs), 'arrivalUs comes from stampUs')
      return commit.append(lines, count, arrivalUs)
    },
    end,
    start,
    async trim(offset) {
      assert(offset <= end(), `trim to ${offset}, but the log ends at ${end()}`)
      segments.trimTo(offset)
      // A later call releases what this one would have.
      if (misplaced() !== null) return
      try {
        await segments.release()
      } catch (cause) {
        if (misplaced() !== null) return
        throw commit.fail('giving back a segment', cause)
      }
    },
    stats: () => ({
      ...commit.counts,
      start: start(),
      end: end(),
      bytesOnDisk: segments.bytes,
      segments: segments.count,
      waitingBytes: commit.waitingBytes,
      recycledEarly: segments.recycledEarly,
      full: misplaced() ?? segments.full,
      failed: guarded.lost() ?? commit.failure,
      unreadable: null,
      changed: null,
    }),
    async close() {
      try {
        await commit.close()
      } finally {
        guarded.close()
        await segments.close()
      }
    },
  }
}

async function recover(
  settings: Settings,
  segments: Segments,
  spares: Spares,
): Promise<Readonly<{ id: string; at: WritePosition; recovered: Recovered }>> {
  const { directory, files, onStep, segmentBytes } = settings
  const found = await findSegments(files, directory)
  await spares.adopt(await files.list(directory))
  if (found === null) {
    const id = randomUUID()
    await segments.roll(id, 0, 0)
    const at = { position: SEGMENT_HEADER_BYTES, endOffset: 0, arrivalUs: 0, sealed: false }
    return { id, at, recovered: { created: true, end: 0, cleanStop: false, tornTail: null } }
  }
  const { last, older, tail } = found
  const { endOffset, position, torn } = tail
  const recovered = {
    created: false,
    end: endOffset,
    cleanStop: tail.sealed && torn === null,
    tornTail: torn === null ? null : tornTail(last.path, position, endOffset, torn),
  }
  const id = last.header.logId
  let at: WritePosition
  try {
    at = await secureTail(files, last, tail, onStep)
  } catch (error) {
    await files.close(last.file)
    throw error
  }
  segments.adopt(older, { ...last, fileBytes: Math.max(last.fileBytes, last.header.sizeBytes) })
  if (endOffset === last.header.baseOffset && last.fileBytes < segmentBytes) {
    // Made when segments were smaller: it may be too small for an append, and an empty segment
    // cannot be followed by another.
    await segments.roll(id, endOffset, at.arrivalUs)
    at = { ...at, position: SEGMENT_HEADER_BYTES, sealed: false }
  }
  return { id, at, recovered }
}
