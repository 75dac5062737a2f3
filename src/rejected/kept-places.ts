/** Where the events stood that were kept last: a job that reads its topic again does not keep them once more. */
import { readFile } from 'node:fs/promises'
import { listFiles } from './folder.ts'
import { type Line, parseLine, type RejectedSource } from './line.ts'

const LF = 0x0a

/**
 * By partition, the highest offset among the events of a source that were kept after the first `committed`: those that no
 * commit knows of. Reads the files that hold them, after the store has been opened. What a counts file said that has been
 * followed by another is not known any more.
 */
export async function keptPlaces(
  directory: string,
  source: RejectedSource,
  committed: number,
): Promise<ReadonlyMap<number, number>> {
  const places = new Map<number, number>()
  const files = (await listFiles(directory)).filter((file) => file.source === source)
  for (const file of files.reverse()) {
    const [heading, ...lines] = linesOf(await readFile(file.path))
    let total = heading?.before ?? 0
    for (const line of lines) {
      total += line.counted ?? 1
      if (total > committed) note(places, line)
    }
    if ((heading?.before ?? 0) <= committed) break
  }
  return places
}

function note(places: Map<number, number>, { partition, offset }: Line): void {
  if (partition === undefined || offset === undefined || offset === null) return
  places.set(partition, Math.max(places.get(partition) ?? -1, offset))
}

function linesOf(bytes: Buffer): readonly Line[] {
  const lines: Line[] = []
  let start = 0
  for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
    lines.push(parseLine(bytes.subarray(start, end)))
    start = end + 1
  }
  return lines
}
