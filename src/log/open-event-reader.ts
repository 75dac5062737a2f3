/** Opens what the job reads from, whichever kind of log it is. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isOutOfFiles, LogError } from './error.ts'
import type { EventReader } from './event-reader.ts'
import type { Frame } from './frame.ts'
import type { LogPlace } from './place.ts'
import { openLogReader } from './reader.ts'

export type EventReaderOptions = Readonly<{
  place: LogPlace
  /** `EventLog.cursor` of the log on the same place. */
  cursor: SharedArrayBuffer
  /** A clock that never steps back. */
  steadyMs: () => number
  /** Why nothing can be read for now; null when it goes on. */
  onHeldUp: (message: string | null) => void
}>

const HELD_UP_PAUSE_MS = 200

/** Throws LogError. */
export async function openEventReader(options: EventReaderOptions): Promise<EventReader> {
  const { place, ...rest } = options
  if (place.kind === 'folder') return await openFolderReader(place.path, options)
  // Loaded only where it is used: the client takes half a second to load.
  const { openKafkaReader } = await import('./kafka/kafka-reader.ts')
  return await openKafkaReader(place, rest)
}

async function openFolderReader(
  directory: string,
  { cursor, onHeldUp }: Omit<EventReaderOptions, 'place'>,
): Promise<EventReader> {
  const reader = await openLogReader({ directory, cursor })
  let isHeldUp = false

  /** Where no file can be opened, there is nothing to read for now. */
  async function next(fromOffset: number, waitMs: number): Promise<Frame | null> {
    try {
      const frame = await reader.next(fromOffset, waitMs)
      if (isHeldUp) onHeldUp(null)
      isHeldUp = false
      return frame
    } catch (error) {
      if (!(error instanceof LogError) || !isOutOfFiles(error.cause)) throw error
      isHeldUp = true
      onHeldUp(error.message)
      await sleep(HELD_UP_PAUSE_MS)
      return null
    }
  }

  return {
    extent: () => ({ id: reader.id, start: reader.start(), end: reader.end(), partitions: null }),
    // A folder is read from wherever it is asked for.
    begin: () => {},
    next,
    end: reader.end,
    close: reader.close,
  }
}
