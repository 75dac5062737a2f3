/** Opens what the job reads from, whichever kind of log it is. */
import type { EventReader } from './event-reader.ts'
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

/** Throws LogError. */
export async function openEventReader(options: EventReaderOptions): Promise<EventReader> {
  const { place, ...rest } = options
  if (place.kind === 'folder') return await openFolderReader(place.path, options.cursor)
  // Loaded only where it is used: the client takes half a second to load.
  const { openKafkaReader } = await import('./kafka/kafka-reader.ts')
  return await openKafkaReader(place, rest)
}

async function openFolderReader(
  directory: string,
  cursor: SharedArrayBuffer,
): Promise<EventReader> {
  const reader = await openLogReader({ directory, cursor })
  return {
    extent: () => ({ id: reader.id, start: reader.start(), end: reader.end(), partitions: null }),
    // A folder is read from wherever it is asked for.
    begin: () => {},
    next: reader.next,
    end: reader.end,
    close: reader.close,
  }
}
