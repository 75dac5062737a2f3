/**
 * A file of rejected records as the job leaves it: one JSON object a line.
 *
 *     {"reason":"syntax","arrived":"2026-11-28 01:02:03.004","partition":0,"offset":17,"line":"bm90IGpzb24="}
 *     {"reason":"timestamp-format","arrived":"…","partition":1,"offset":4,"line":null}    the bytes are in the topic
 *
 * Files that are still written to, or not yet part of a checkpoint, begin with a dot.
 */

import { REJECTION_REASONS, type RejectionReason } from '../../event.ts'
import { FlinkError } from '../error.ts'

export type PartRecord = Readonly<{
  reason: RejectionReason
  arrivalUs: number
  partition: number
  offset: number
  /** null: to be read from the topic. */
  bytes: Uint8Array | null
}>

const PART_NAME = /^part-[0-9a-f-]{36}-\d+-\d+$/
const ARRIVED = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?$/
const REASONS: ReadonlySet<unknown> = new Set(REJECTION_REASONS.map(({ code }) => code))

export function isPartName(name: string): boolean {
  return PART_NAME.test(name)
}

/** The records of a finished file. Throws FlinkError when a line is not what the job writes. */
export function readPart(text: string, path: string): readonly PartRecord[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line, index) => {
    const record = readRecord(line)
    if (record !== null) return record
    const message =
      `Line ${index + 1} of ${path} is not what the Flink job writes. It holds rejected records; ` +
      'correct the line, or move the file out of the folder to leave them out.'
    throw new FlinkError('rejected-file', message, { path, line: index + 1 })
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
