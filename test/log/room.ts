/**
 * What the tests of the log share: a folder that goes away, a clock that stands where it is put,
 * and lines with numbers.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import {
  type Log,
  LogError,
  type LogErrorCode,
  type LogOptions,
  openLog,
  openLogReader,
} from '../../src/log.ts'
import { MemoryDisk } from './memory-disk.ts'

export const KIB = 1024
/** 2026-01-01T00:00:00Z */
export const START_US = 1_767_225_600_000_000

export type Clock = { nowUs: number }

/** Small segments, so that a few lines fill them. */
export function smallLog(directory: string, clock: Clock = { nowUs: START_US }): LogOptions {
  return {
    directory,
    nowUs: () => clock.nowUs,
    retentionMs: 0,
    bytesMax: 1024 * KIB,
    diskReserveBytes: 0,
    segmentBytes: 16 * KIB,
    groupBytesMax: 4 * KIB,
    waitingBytesMax: 64 * KIB,
  }
}

export type Room = Readonly<{
  directory: string
  disk: MemoryDisk
  options: LogOptions
  clock: Clock
}>

/** A log folder with its clock; `disk` is used only by those who pass `files: disk.files`. */
export async function inRoom(run: (room: Room) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(os.tmpdir(), 'log-test-'))
  const directory = join(folder, 'log')
  const clock = { nowUs: START_US }
  try {
    await run({ directory, disk: new MemoryDisk(), options: smallLog(directory, clock), clock })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Line `number`, padded to about `bytes`. */
export function line(number: number, bytes = 0): string {
  return `${`{"line":${number}}`.padEnd(Math.max(0, bytes - 1))}\n`
}

export function lines(from: number, count: number, bytes = 0): Buffer {
  return Buffer.from(
    Array.from({ length: count }, (_, index) => line(from + index, bytes)).join(''),
  )
}

export async function append(log: Log, from: number, count = 1, bytes = 0): Promise<number> {
  return await log.append(lines(from, count, bytes), count, log.stampUs())
}

export type ReadFrame = Readonly<{
  firstOffset: number
  count: number
  arrivalUs: number
  text: string
}>

/** All frames that are held, read by a reader of its own. */
export async function readFrames(
  log: Log,
  options: LogOptions,
  from: number = log.start(),
): Promise<ReadFrame[]> {
  const { directory, files } = options
  const reader = await openLogReader({
    directory,
    cursor: log.cursor,
    ...(files === undefined ? {} : { files }),
  })
  try {
    const frames: ReadFrame[] = []
    for (let offset = from; offset < log.end(); ) {
      const frame = await reader.next(offset, 0)
      assert(frame !== null)
      const { firstOffset, count, arrivalUs, bytes } = frame
      frames.push({ firstOffset, count, arrivalUs, text: Buffer.from(bytes).toString() })
      offset = firstOffset + count
    }
    return frames
  } finally {
    await reader.close()
  }
}

export async function readText(log: Log, options: LogOptions): Promise<string> {
  return (await readFrames(log, options)).map(({ text }) => text).join('')
}

/** Opens the log, and closes it whatever happens. */
export async function withLog<T>(options: LogOptions, run: (log: Log) => Promise<T>): Promise<T> {
  const log = await openLog(options)
  try {
    return await run(log)
  } finally {
    await log.close()
  }
}

/** For `assert.rejects`: a LogError with this code whose message matches. */
export function logError(code: LogErrorCode, message: RegExp = /./): (error: unknown) => true {
  return (error) => {
    assert(error instanceof LogError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}
