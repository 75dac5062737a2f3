/**
 * A stream of NDJSON cut into batches of whole lines, each small enough for one request, holding no
 * more than one batch and one chunk in memory. A batch knows on which lines of the input its events
 * stood.
 */

import { bytesText } from './number-text.ts'

export type LineBatch = Readonly<{
  kind: 'batch'
  /** Whole lines; the last one of the input may lack its line feed. */
  bytes: Uint8Array
  /** The input's line, from 1, on which the event of an index in the collector's answer stood. */
  lineOf(index: number): number
  /** The input's line behind the last one in here. */
  endLine: number
  /** The last line lacks its line feed: the input ends there. */
  isUnfinished: boolean
}>

/** What cannot be an event: reported with its line, not sent. */
export type Unsent = Readonly<{ kind: 'unsent'; line: number; reason: string }>

export type BatchLimits = Readonly<{ bytesMax: number; linesMax: number }>

const LF = 0x0a
const BLANKS = new Set([0x20, 0x09, 0x0d, LF])

/**
 * `null` in the input means that nothing more comes for now: whole lines need not wait for a full
 * batch.
 */
export async function* cutBatches(
  input: AsyncIterable<Uint8Array | null>,
  limits: BatchLimits,
): AsyncGenerator<LineBatch | Unsent> {
  const state: CutState = { rest: Buffer.alloc(0), line: 1, skipped: 0 }
  for await (const chunk of input) {
    if (chunk !== null) state.rest = Buffer.concat([state.rest, chunk])
    if (state.skipped > 0) {
      const long = skipToLineEnd(state)
      if (long === null) continue
      yield long
    }
    while (state.rest.length >= limits.bytesMax) yield* cutFull(state, limits)
    if (chunk === null) yield* cutWhole(state, state.rest.lastIndexOf(LF) + 1, limits)
  }
  if (state.skipped > 0) yield tooLong('line', state.line, state.skipped)
  yield* cutWhole(state, state.rest.length, limits)
}

type CutState = {
  /** What was read and not cut yet. */
  rest: Buffer
  /** The line on which `rest` begins. */
  line: number
  /** Bytes of a long line that were let go already; 0 outside of one. */
  skipped: number
}

/** Lets go of a long line up to its end, which may be still to come: then null. */
function skipToLineEnd(state: CutState): Unsent | null {
  const end = state.rest.indexOf(LF)
  state.skipped += end === -1 ? state.rest.length : end
  state.rest = state.rest.subarray(end === -1 ? state.rest.length : end + 1)
  if (end === -1) return null
  const long = tooLong('line', state.line, state.skipped)
  state.line += 1
  state.skipped = 0
  return long
}

/** `line`: of the file, or its row, from 1. */
export function tooLong(what: 'line' | 'event', line: number, bytes: number): Unsent {
  return {
    kind: 'unsent',
    line,
    reason: `${bytesText(bytes)} in one ${what}, an event may have 32 KiB`,
  }
}

/** One step from a rest that is at least a batch long. */
function* cutFull(state: CutState, limits: BatchLimits): Generator<LineBatch | Unsent> {
  const { end, lines } = wholeLines(state.rest, limits)
  if (end > 0) {
    if (!isBlank(state.rest, 0, end)) yield batchOf(state.rest.subarray(0, end), state.line, lines)
    state.rest = state.rest.subarray(end)
    state.line += lines
    return
  }
  const long = skipToLineEnd(state)
  if (long !== null) yield long
}

/** All of the first `length` bytes; less than a batch in bytes, but perhaps not in lines. */
function* cutWhole(state: CutState, length: number, limits: BatchLimits): Generator<LineBatch> {
  let left = length
  while (left > 0) {
    const { end, lines } = wholeLines(state.rest.subarray(0, left), limits)
    // When no line feed follows, the last line ends with the input.
    const cut = lines < limits.linesMax ? left : end
    if (!isBlank(state.rest, 0, cut)) yield batchOf(state.rest.subarray(0, cut), state.line, lines)
    state.rest = state.rest.subarray(cut)
    state.line += lines
    left -= cut
  }
}

/**
 * Where the last whole line ends that fits the limits, and how many lines that is; 0 when not one
 * fits.
 */
function wholeLines(bytes: Buffer, limits: BatchLimits): { end: number; lines: number } {
  let end = 0
  let lines = 0
  while (lines < limits.linesMax) {
    const next = bytes.indexOf(LF, end)
    if (next === -1 || next >= limits.bytesMax) break
    end = next + 1
    lines += 1
  }
  return { end, lines }
}

/** `lines`: those that end in a line feed. */
function batchOf(bytes: Buffer, firstLine: number, lines: number): LineBatch {
  const isUnfinished = bytes.at(-1) !== LF
  return {
    kind: 'batch',
    bytes,
    lineOf: (index) => lineOfEvent(bytes, firstLine, index),
    endLine: firstLine + lines + Number(isUnfinished),
    isUnfinished,
  }
}

/** The collector does not count blank lines. */
function lineOfEvent(bytes: Buffer, firstLine: number, index: number): number {
  let events = -1
  let line = firstLine
  let start = 0
  while (start < bytes.length) {
    const next = bytes.indexOf(LF, start)
    const end = next === -1 ? bytes.length : next
    if (!isBlank(bytes, start, end)) events += 1
    if (events === index) return line
    line += 1
    start = end + 1
  }
  return line - 1
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (!BLANKS.has(bytes[at] ?? 0)) return false
  }
  return true
}
