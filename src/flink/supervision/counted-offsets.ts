/**
 * The note of how many offsets of the topic hold no event, as far as Flink has read. Counting reads
 * the topic once, so the leader keeps what it has counted; every process and `status` read it.
 */
import { sep } from 'node:path'
import type { ConsumerLag, EventCount } from '../../log.ts'
import { readNoteFile, writeNoteFile } from './note-file.ts'

export type CountedNote = Readonly<{
  /** By partition; empty where nothing was counted yet. */
  read(): Promise<readonly EventCount[]>
  write(counts: readonly EventCount[]): Promise<void>
}>

/** In the folder of rejected events: both are parts of the ledger. */
const FILE = 'flink-offsets.json'

export function openCountedNote(rejectedDirectory: string, topic: string): CountedNote {
  const path = `${rejectedDirectory}${sep}${FILE}`
  return {
    async read() {
      const text = await readNoteFile(path)
      return text === null ? [] : countsIn(text, topic)
    },
    write: (partitions) => writeNoteFile(path, { topic, partitions }),
  }
}

/** What cannot be read, or is of another topic, is counted again. */
function countsIn(text: string, topic: string): readonly EventCount[] {
  try {
    const note: Readonly<{ topic?: unknown; partitions?: unknown }> = Object(JSON.parse(text))
    if (note.topic !== topic || !Array.isArray(note.partitions)) return []
    return note.partitions.every(isCount) ? note.partitions : []
  } catch {
    return []
  }
}

function isCount(value: unknown): value is EventCount {
  const { until, withoutEvent }: Partial<EventCount> = Object(value)
  return Number.isSafeInteger(until) && Number.isSafeInteger(withoutEvent)
}

/** By partition: the offset before which Flink has nothing more to read. */
export function takenOffsets(
  { partitions }: ConsumerLag,
  counts: readonly EventCount[],
): readonly number[] {
  return partitions.map(({ committed, start }, partition) =>
    Math.max(committed ?? start, counts[partition]?.until ?? 0),
  )
}

export function sumWithoutEvent(counts: readonly EventCount[]): number {
  return counts.reduce((sum, { withoutEvent }) => sum + withoutEvent, 0)
}
