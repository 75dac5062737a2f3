/**
 * Reads frames from any offset, and waits for new ones, also in another thread than the writer's:
 * they share only the cursor and the files. A frame is read only when its offset is below the
 * cursor's end, so nothing is read that is not on disk.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cursor, EndWaiter, openCursor } from './cursor.ts'
import { explained, isMissing, isOutOfFiles, LogError } from './error.ts'
import type { EventReader, EventReaderOptions } from './event-log.ts'
import { diskFiles, type LogFiles } from './files.ts'
import type { Frame } from './frame.ts'
import { FrameSequence, refuseTrimmed } from './frame-sequence.ts'
import { openKafkaReader } from './kafka.ts'

export type LogReaderOptions = Readonly<{
  directory: string
  /** `Log.cursor`. */
  cursor: SharedArrayBuffer
  files?: LogFiles
}>

export type LogReader = Pick<EventReader, 'end' | 'close'> &
  Readonly<{
    /**
     * Opens in the background what is still to be read, as long as it has its name. To be called
     * every second.
     */
    lookAhead(): void
    /** Of the log; an unexpected id means that the log was created anew (F11). */
    id: string
    /** First offset still there. */
    start(): number
    /**
     * As `EventReader.next`. Throws LogError `trimmed`, `beyond-end`, `damaged`, `closed`, or `io`
     * when the disk cannot be read; the same call may then be made again.
     */
    next: EventReader['next']
  }>

export async function openLogReader(options: LogReaderOptions): Promise<LogReader> {
  const files = options.files ?? diskFiles
  const cursor = openCursor(options.cursor)
  const frames = new FrameSequence(files, options.directory, cursor)
  const header = await frames.seek(cursor.get('end'))
  const waiter = new EndWaiter(cursor)
  let running: Promise<Frame | null> | null = null
  let closed = false
  const read = async (fromOffset: number, waitMs: number): Promise<Frame | null> => {
    if (closed) throw new LogError('closed', {})
    refuseOutside(cursor, fromOffset)
    if (cursor.get('end') === fromOffset) await waiter.wait(fromOffset, waitMs)
    if (closed || cursor.get('end') === fromOffset) return null
    return await frames.holding(fromOffset)
  }
  return {
    id: header.logId,
    async next(fromOffset, waitMs) {
      assert(running === null, 'next is called again before it has settled')
      running = read(fromOffset, waitMs)
      try {
        return await running
      } catch (error) {
        throw explained(`cannot read ${options.directory} from offset ${fromOffset} on`, error)
      } finally {
        running = null
      }
    },
    lookAhead() {
      if (!closed) frames.lookAhead()
    },
    start: () => cursor.get('start'),
    end: () => cursor.get('end'),
    async close() {
      closed = true
      waiter.stop()
      await running?.catch(() => {})
      await frames.close()
    },
  }
}

function refuseOutside(cursor: Cursor, offset: number): void {
  assert(Number.isSafeInteger(offset) && offset >= 0, 'an offset is a whole number')
  const end = cursor.get('end')
  if (offset > end) throw new LogError('beyond-end', { offset, end })
  refuseTrimmed(cursor, offset)
}

const STALL_PAUSE_MS = 200
const LOOK_AHEAD_MS = 1_000

/** Opens what the job reads from, whichever kind of log it is. Throws LogError. */
export async function openEventReader(options: EventReaderOptions): Promise<EventReader> {
  const { place } = options
  if (place.kind === 'kafka') return await openKafkaReader(place, options)
  return await openFolderReader(place.path, options)
}

async function openFolderReader(
  directory: string,
  { cursor, onStalled }: Omit<EventReaderOptions, 'place'>,
): Promise<EventReader> {
  const reader = await openLogReader({ directory, cursor })
  let isStalled = false
  const looking = setInterval(reader.lookAhead, LOOK_AHEAD_MS)
  looking.unref()

  /** While no file can be opened, or the next one is missing, nothing can be read. */
  async function next(fromOffset: number, waitMs: number): Promise<Frame | null> {
    try {
      const frame = await reader.next(fromOffset, waitMs)
      if (isStalled) onStalled(null)
      isStalled = false
      return frame
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      if (!isOutOfFiles(error.cause) && !isMissing(error)) throw error
      isStalled = true
      onStalled(error.message)
      await sleep(STALL_PAUSE_MS)
      return null
    }
  }

  return {
    extent: () => ({ id: reader.id, start: reader.start(), end: reader.end(), partitions: null }),
    // A folder is read from wherever it is asked for.
    begin: () => {},
    next,
    end: reader.end,
    async close() {
      clearInterval(looking)
      await reader.close()
    },
  }
}
