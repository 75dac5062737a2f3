/**
 * The kept events, read for the CLI beside a running process, and the marks of those that were
 * replayed. Nothing is moved or removed here: the store owns the files, and the newest is being
 * written. A mark is a position in a file; the store removes replayed files when it needs room.
 */
import { open } from 'node:fs/promises'
import { parseEvent } from '../event.ts'
import { nullIfMissing } from '../runtime.ts'
import { RejectedError } from './error.ts'
import { listFiles, type RejectedFile, readMarks, readTotal, writeMarks } from './folder.ts'
import { lineBytes, parseLine, type RejectedSource, wholeLines } from './line.ts'

/** One kept event. `end` = its position in `file`, for `markReplayed`. */
export type KeptEvent = Readonly<{
  bytes: Uint8Array
  reason: string
  explanation: string
  /** RFC 3339, UTC. */
  arrived: string
  /** Of a topic; null elsewhere. */
  partition: number | null
  offset: number | null
  source: RejectedSource
  replayed: boolean
  file: string
  end: number
}>

const SOURCES: readonly RejectedSource[] = ['collector', 'bots', 'job']
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const READ_BYTES = 1024 * 1024

/**
 * The kept events of all sources, oldest first within each. The end is where the files end now, so
 * a replay does not list events that are rejected again meanwhile.
 */
export async function* listRejected(directory: string): AsyncGenerator<KeptEvent> {
  const files = await listFiles(directory)
  const marks = await readMarks(directory)
  for (const file of files) {
    if (!file.countsOnly) yield* eventsOf(file, marks[file.name] ?? 0)
  }
}

/** Durably marks everything up to and including `event` in its file as replayed. */
export async function markReplayed(directory: string, event: KeptEvent): Promise<void> {
  const marks = await readMarks(directory)
  const present = new Set((await listFiles(directory)).map((file) => file.name))
  const kept = Object.entries(marks).filter(([name]) => present.has(name))
  const end = Math.max(marks[event.file] ?? 0, event.end)
  await writeMarks(directory, { ...Object.fromEntries(kept), [event.file]: end })
}

/** All events ever rejected, counts included. Reads the newest file of each source only. */
export async function countRejected(
  directory: string,
  source: RejectedSource | null = null,
): Promise<number> {
  const files = await listFiles(directory)
  const sources = source === null ? SOURCES : [source]
  let events = 0
  for (const each of sources) {
    const [last, before] = files.filter((file) => file.source === each).reverse()
    if (last === undefined) continue
    const { total, lineBytes } = await readTotal(last)
    events += total
    // Just created, the heading not written yet.
    if (lineBytes === 0 && before !== undefined) events += (await readTotal(before)).total
  }
  return events
}

/**
 * Whether its bytes alone are reason enough to reject it again, whenever it arrives. An event dated
 * in the future may be accepted by now.
 */
export function isHopeless(event: KeptEvent): boolean {
  return 'reason' in parseEvent(replayBody([event]), Number.MAX_SAFE_INTEGER)
}

/** A body for `POST /v1/events` as NDJSON: line breaks inside an event become spaces. */
export function replayBody(events: readonly KeptEvent[]): Uint8Array {
  const parts = events.map(({ bytes }) => bytes.map((b) => (b === LF || b === CR ? SPACE : b)))
  return Buffer.concat(parts.flatMap((part) => [part, Buffer.of(LF)]))
}

async function* eventsOf(file: RejectedFile, replayedBytes: number): AsyncGenerator<KeptEvent> {
  for await (const { bytes, end } of linesOf(file)) {
    const line = parse(bytes, file, end)
    if (line.event === undefined && line.base64 === undefined) continue
    yield {
      bytes: lineBytes(line),
      reason: line.reason ?? '',
      explanation: line.explanation ?? '',
      arrived: line.arrived ?? '',
      partition: line.partition ?? null,
      offset: line.offset ?? null,
      source: file.source,
      replayed: end <= replayedBytes,
      file: file.name,
      end,
    }
  }
}

function parse(bytes: Uint8Array, file: RejectedFile, end: number): ReturnType<typeof parseLine> {
  try {
    return parseLine(bytes)
  } catch (cause) {
    const fault = `the line that ends at byte ${end} is not JSON`
    const todo = 'Correct or remove that line.'
    throw new RejectedError('damaged', { path: file.path, fault, todo }, cause)
  }
}

/**
 * Whole lines up to the size the file had when it was listed; a last one without LF is not whole.
 */
async function* linesOf(
  file: RejectedFile,
): AsyncGenerator<Readonly<{ bytes: Uint8Array; end: number }>> {
  const handle = await nullIfMissing(open(file.path, 'r'))
  // The store has removed the file since it was listed, because it was replayed.
  if (handle === null) return
  try {
    let rest: Buffer = Buffer.alloc(0)
    let position = 0
    while (position < file.bytes) {
      const piece = Buffer.alloc(Math.min(READ_BYTES, file.bytes - position))
      const { bytesRead } = await handle.read(piece, 0, piece.length, position)
      if (bytesRead === 0) return
      position += bytesRead
      rest = Buffer.concat([rest, piece.subarray(0, bytesRead)])
      const restStart = position - rest.length
      let start = 0
      for (const bytes of wholeLines(rest)) {
        start += bytes.length + 1
        yield { bytes, end: restStart + start }
      }
      rest = rest.subarray(start)
    }
  } finally {
    await handle.close()
  }
}
