/**
 * Reads the event ids of the last horizon back from the raw files after a restart: the table is the only state there is.
 */
import type { RowBatch } from '../engine.ts'
import type { DataFile, Lake } from '../table.ts'
import type { DedupMemory } from './dedup-memory.ts'

/**
 * Oldest first, as the ids came in: should memory not suffice, it is the oldest that are forgotten.
 * `fromUs` is the dedupe time from which the job goes on. Asks `goesOn` before each page, and answers false once it was
 * told no: the memory is then incomplete, and nothing may be admitted by it.
 */
export async function rebuildMemory(
  lake: Pick<Lake, 'events' | 'fileTimes' | 'readEventIds'>,
  hashIds: RowBatch['hashIds'],
  memory: DedupMemory,
  fromUs: number,
  goesOn: () => boolean,
): Promise<boolean> {
  const needed: { file: DataFile; maxUs: number }[] = []
  for (const file of lake.events.files) {
    if (!goesOn()) return false
    const { maxUs } = (await lake.fileTimes(file)).dedupe
    if (memory.covers(maxUs, fromUs)) needed.push({ file, maxUs })
  }
  needed.sort((a, b) => a.maxUs - b.maxUs)
  for (const { file, maxUs } of needed) {
    for await (const ids of lake.readEventIds(file)) {
      if (!goesOn()) return false
      memory.remember(hashIds(ids), ids.length, maxUs)
    }
  }
  return true
}
