/**
 * Moves what the job has rejected into `rejected/`: finished files of its folder, oldest first,
 * each record once.
 *
 *     read the file ──► keep its records (durable) ──► remove the file
 *
 * A crash between the last two leaves the file, and its records in `rejected/`. So before the first
 * file of a run is moved, the places (partition, offset) of what is kept already are read, and a
 * record whose place is among them is not kept again. The same holds when Flink writes a record
 * anew, because it went back to an earlier checkpoint.
 *
 * The job says that a record breaks a rule. Which one, among those on bytes and JSON types, only
 * its bytes show. So the reference parser examines them, and Flink's reason is used where the bytes
 * are gone or the parser finds nothing.
 *
 * A file as the job leaves it has one JSON object a line. Files that are still written to, or not
 * yet part of a checkpoint, begin with a dot.
 *
 *     {"reason":"syntax","arrived":"2026-11-28 01:02:03.004","partition":0,"offset":7,"line":"bm…"}
 *     {"reason":"timestamp-format","arrived":"…","partition":1,"offset":4,"line":null}
 *
 * Where `line` is null, the bytes are in the topic.
 */

import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEvent, REJECTION_REASONS, type RejectionReason } from '../../event.ts'
import { type KafkaPlace, openRecordSource } from '../../log.ts'
import {
  listRejected,
  openRejected,
  type RejectedRecord,
  type RejectedStore,
} from '../../rejected.ts'
import { type Closing, pause, reasonOf, systemCode } from '../../runtime.ts'
import { FlinkError } from '../error.ts'

export type Place = Readonly<{ partition: number; offset: number }>

export type RejectedMoverOptions = Readonly<{
  /** Where the job leaves files, as this process sees it. */
  from: string
  /** `rejected/`, and its store for the source `job`. */
  directory: string
  store: Pick<RejectedStore, 'keep'>
  /**
   * The bytes of a record of the topic; null when the topic holds it no more. Asked in the order of
   * the file.
   */
  readRecord: (place: Place) => Promise<Uint8Array | null>
}>

export type RejectedMover = {
  /** Moves the files that are finished now; resolves with the number of records kept. */
  move(): Promise<number>
}

export type RejectedMoving = Closing &
  Readonly<{
    /** Why the last move failed; null when it did not. */
    problem(): string | null
  }>

type PartRecord = Readonly<{
  reason: RejectionReason
  arrivalUs: number
  partition: number
  offset: number
  /** null: to be read from the topic. */
  bytes: Uint8Array | null
}>

const MOVE_INTERVAL_MS = 3_000
/** Of one `move`: the rest waits for the next. */
const FILES_MAX = 64
const NO_BYTES = new Uint8Array(0)
const PART_NAME = /^part-[0-9a-f-]{36}-\d+-\d+$/
const ARRIVED = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?$/
const REASONS: ReadonlySet<unknown> = new Set(REJECTION_REASONS.map(({ code }) => code))

/** Moves every few seconds, until it is closed. */
export async function startRejectedMoving(
  config: Readonly<{
    log: KafkaPlace
    rejectedDirectory: string
    rejectedMaxBytes: number
    flink: Readonly<{ rejectedDirectory: string }>
  }>,
  { nowUs, warn }: Readonly<{ nowUs: () => number; warn: (text: string) => void }>,
): Promise<RejectedMoving> {
  const { rejectedDirectory: directory, rejectedMaxBytes: bytesMax } = config
  const store = await openRejected({ directory, source: 'job', bytesMax, nowUs, warn })
  const records = await openRecordSource(config.log)
  const stopping = new AbortController()
  let problem: string | null = null
  const mover = openRejectedMover({
    from: config.flink.rejectedDirectory,
    directory,
    store,
    readRecord: records.read,
  })

  async function move(): Promise<void> {
    try {
      await mover.move()
      problem = null
    } catch (error) {
      const { rejectedDirectory } = config.flink
      problem = `rejected records cannot be moved from ${rejectedDirectory}: ${reasonOf(error)}`
    }
  }

  const moving = (async () => {
    while (!stopping.signal.aborted) {
      await move()
      await pause(MOVE_INTERVAL_MS, stopping.signal)
    }
  })()
  return {
    problem: () => problem,
    async close() {
      stopping.abort()
      await moving
      await records.close()
      await store.close()
    },
  }
}

export function openRejectedMover(options: RejectedMoverOptions): RejectedMover {
  const { from, directory, store, readRecord } = options
  /** The places of all that `rejected/` holds of this job; null until they are read. */
  let kept: Set<string> | null = null

  async function moveFile(path: string, places: Set<string>): Promise<number> {
    const parts = new Map<string, PartRecord>()
    for (const part of readPart(await readFile(path, 'utf8'), path)) {
      // Objects of one array have one place.
      if (!places.has(placeKey(part))) parts.set(placeKey(part), part)
    }
    const records: RejectedRecord[] = []
    for (const part of parts.values()) records.push(await complete(part))
    await store.keep(records)
    for (const place of parts.keys()) places.add(place)
    await rm(path)
    return records.length
  }

  async function complete(part: PartRecord): Promise<RejectedRecord> {
    const { partition, offset, arrivalUs } = part
    const bytes = part.bytes ?? (await readRecord({ partition, offset }))
    // A fault of the record, which its bytes do not show.
    if (part.reason === 'sender-time') {
      return { bytes: bytes ?? NO_BYTES, reason: part.reason, arrivalUs, partition, offset }
    }
    // The job knows how old an event may be; a fault in an earlier field takes precedence.
    const keptFromUs = part.reason === 'timestamp-retention' ? Number.POSITIVE_INFINITY : undefined
    const verdict = bytes === null ? null : parseEvent(bytes, arrivalUs, keptFromUs)
    const reason = verdict !== null && 'reason' in verdict ? verdict.reason : part.reason
    return { bytes: bytes ?? NO_BYTES, reason, arrivalUs, partition, offset }
  }

  return {
    async move() {
      let moved = 0
      for (const name of await finishedFiles(from)) {
        kept ??= await keptPlaces(directory)
        moved += await moveFile(join(from, name), kept)
      }
      return moved
    },
  }
}

/** Oldest first, so that `rejected/` is in the order of arrival as far as the job wrote it so. */
async function finishedFiles(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder).catch((error: unknown) => {
    // The job makes the folder with its first file.
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  const names = found.filter((name) => PART_NAME.test(name))
  const files = await Promise.all(
    names.map(async (name) => ({ name, writtenMs: (await stat(join(folder, name))).mtimeMs })),
  )
  files.sort((a, b) => a.writtenMs - b.writtenMs || (a.name < b.name ? -1 : 1))
  return files.slice(0, FILES_MAX).map(({ name }) => name)
}

async function keptPlaces(directory: string): Promise<Set<string>> {
  const places = new Set<string>()
  for await (const { source, partition, offset } of listRejected(directory)) {
    if (source === 'job') places.add(placeKey({ partition, offset }))
  }
  return places
}

function placeKey(place: Readonly<{ partition?: number | null; offset?: number | null }>): string {
  return `${place.partition ?? ''}:${place.offset ?? ''}`
}

/** The records of a finished file. Throws FlinkError when a line is not what the job writes. */
function readPart(text: string, path: string): readonly PartRecord[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line, index) => {
    const record = readRecord(line)
    if (record !== null) return record
    throw new FlinkError('rejected-file', { path, line: index + 1 })
  })
}

function readRecord(line: string): PartRecord | null {
  try {
    const { reason, arrived, partition, offset, line: base64 = null } = JSON.parse(line)
    if (!REASONS.has(reason) || typeof arrived !== 'string' || !ARRIVED.test(arrived)) return null
    if (!Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) return null
    if (base64 !== null && typeof base64 !== 'string') return null
    const arrivalUs = Date.parse(`${arrived.replace(' ', 'T')}Z`) * 1000
    const bytes = base64 === null ? null : Buffer.from(base64, 'base64')
    return { reason, arrivalUs, partition, offset, bytes }
  } catch {
    return null
  }
}
