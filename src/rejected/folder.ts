/**
 * The folder `rejected/`: which files it holds and how many events they count.
 *
 *     collector-00000001.ndjson          events, rotated by size; numbers rise and are never reused
 *     collector-00000002.counts.ndjson   past the size limit: counts only
 *     bots-00000001.ndjson               the same of bots, which have a share of their own
 *     job-00000001.ndjson                events that the job rejected
 *     replayed.json                      file name -> bytes of it that were replayed
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { nullIfMissing, reasonOf, replaceFile, systemCode } from '../runtime.ts'
import { RejectedError } from './error.ts'
import { countEvents, type Line, parseLine, type RejectedSource, wholeLines } from './line.ts'

export type RejectedFile = Readonly<{
  name: string
  path: string
  source: RejectedSource
  number: number
  countsOnly: boolean
  bytes: number
}>

/** All events ever rejected, by the newest file of a source; `lineBytes` = its whole lines. */
type SourceTotal = Readonly<{
  total: number
  lastOffset: number | null
  lineBytes: number
}>

/** File name -> bytes from its start that were replayed. */
type ReplayedMarks = Readonly<Record<string, number>>

const FILE_NAME = /^(collector|bots|job)-(\d{8,})(\.counts)?\.ndjson$/
const MARKS_NAME = 'replayed.json'
const LF = 0x0a

export function fileName(source: RejectedSource, number: number, countsOnly: boolean): string {
  return `${source}-${String(number).padStart(8, '0')}${countsOnly ? '.counts' : ''}.ndjson`
}

/** The files, oldest first within each source; none when there is no folder. */
export async function listFiles(directory: string): Promise<RejectedFile[]> {
  const files: RejectedFile[] = []
  for (const name of (await nullIfMissing(readdir(directory))) ?? []) {
    const match = FILE_NAME.exec(name)
    if (match === null) continue
    const path = join(directory, name)
    const found = await nullIfMissing(stat(path))
    // Gone since the folder was read: the store removes replayed files.
    if (found === null) continue
    files.push({
      name,
      path,
      // The pattern names the sources.
      source: match[1] as RejectedSource,
      number: Number(match[2]),
      countsOnly: match[3] !== undefined,
      bytes: found.size,
    })
  }
  return files.sort((a, b) => a.source.localeCompare(b.source) || a.number - b.number)
}

/** Reads the newest file of a source: bounded by the rotation size, whatever the folder holds. */
export async function readTotal(file: RejectedFile): Promise<SourceTotal> {
  const bytes = await readFile(file.path)
  const lines = bytes.subarray(0, bytes.lastIndexOf(LF) + 1)
  // A crash came between creating the file and its heading: the store writes the heading again.
  if (lines.length === 0) return { total: 0, lastOffset: null, lineBytes: 0 }
  try {
    const heading = parseLine(lines.subarray(0, lines.indexOf(LF)))
    const last = parseLine(lines.subarray(lines.lastIndexOf(LF, -2) + 1, -1))
    if (heading.file !== 1 || heading.before === undefined) throw new SyntaxError('no heading')
    return {
      total: heading.before + countEvents(lines),
      lastOffset: last.offset ?? heading.offset ?? null,
      lineBytes: lines.length,
    }
  } catch (cause) {
    const fault = 'its first or last line is not what this program writes'
    const todo =
      'The count of rejected events starts from it; restore the file, or move it away to begin ' +
      'at 0.'
    throw new RejectedError('damaged', { path: file.path, fault, todo }, cause)
  }
}

export async function readMarks(directory: string): Promise<ReplayedMarks> {
  const path = join(directory, MARKS_NAME)
  try {
    const marks: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof marks === 'object' && marks !== null ? (marks as ReplayedMarks) : {}
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return {}
    const fault = `it cannot be read (${reasonOf(cause)})`
    const todo = 'It says which rejected events were replayed; remove it to replay all.'
    throw new RejectedError('damaged', { path, fault, todo }, cause)
  }
}

/** Replaces the marks in one step, so that a crash leaves the old or the new ones. */
export async function writeMarks(directory: string, marks: ReplayedMarks): Promise<void> {
  await replaceFile(join(directory, MARKS_NAME), `${JSON.stringify(marks)}\n`)
}

/**
 * Where the events stood that were kept last, so that a job which reads its topic again does not
 * keep them once more: by partition, the highest offset among the events of a source that were kept
 * after the first `committed`: those that no commit knows of. Reads the files that hold them, once
 * the store has been opened. The places in a counts file are lost when another file has followed
 * it.
 */
export async function keptPlaces(
  directory: string,
  source: RejectedSource,
  committed: number,
): Promise<ReadonlyMap<number, number>> {
  const places = new Map<number, number>()
  const files = (await listFiles(directory)).filter((file) => file.source === source)
  for (const file of files.reverse()) {
    const [heading, ...lines] = [...wholeLines(await readFile(file.path))].map(parseLine)
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
