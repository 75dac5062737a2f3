/**
 * The collector's view of the engine: a body in, the rejected events and the accepted lines out.
 *
 * The body's chunks are copied once into WebAssembly memory and parsed there in place; the accepted
 * events are moved together there and copied out once, or not at all when the body is already what
 * would come out.
 */
import assert from 'node:assert/strict'
import {
  type BodyForm,
  KEEPS_ALL_US,
  LIMITS,
  REJECTION_REASONS,
  type RejectionReason,
  type Unsplittable,
} from '../event.ts'
import { EngineError } from './error.ts'
import { BODY_FAULTS, FORM_CODES, instantiate, loadModule, type ParserExports } from './wasm.ts'

export type Inspection = Readonly<{
  /** Events in the body, rejected ones included. */
  count: number
  rejected: readonly RejectedEvent[]
  /**
   * The accepted events as NDJSON, each ended by LF; raw LF and CR inside an event become spaces.
   * In consecutive pieces: the body's own chunks when they already have this form, else one copy.
   */
  lines: readonly Uint8Array[]
}>

export type Inspector = {
  /** Bodies may have this many bytes, after decompression. */
  readonly bodyBytesMax: number
  /**
   * `body` is one body in any number of chunks; `arrivalUs` and `keptFromUs`, the start of the
   * oldest day that is kept: microseconds since the epoch.
   */
  inspect(
    body: readonly Uint8Array[],
    form: BodyForm,
    arrivalUs: number,
    keptFromUs?: number,
  ): Inspection | Unsplittable
}

const BODY_BYTES_MAX = 16 * 1024 * 1024

/**
 * Linear memory for a whole body is reserved at once; what no body has needed yet is not resident.
 */
export async function openInspector(bodyBytesMax: number = BODY_BYTES_MAX): Promise<Inspector> {
  const engine = instantiate<ParserExports>(await loadModule('engine'))
  if (engine.openInput(bodyBytesMax) === 0)
    throw new EngineError('memory', { work: `reserve ${bodyBytesMax} bytes` })
  return {
    bodyBytesMax,
    inspect(body, form, arrivalUs, keptFromUs = KEEPS_ALL_US) {
      const bodyBytes = copyChunks(engine, body, bodyBytesMax)
      engine.beginBody(bodyBytes, FORM_CODES[form], 0)
      return inspectBlocks(engine, body, arrivalUs, keptFromUs)
    },
  }
}

function copyChunks(
  engine: ParserExports,
  body: readonly Uint8Array[],
  bodyBytesMax: number,
): number {
  const bodyBytes = body.reduce((sum, chunk) => sum + chunk.length, 0)
  assert(
    bodyBytes <= bodyBytesMax,
    `a body of ${bodyBytes} bytes must be refused before the engine`,
  )
  const input = new Uint8Array(engine.memory.buffer, engine.inputAddress(), bodyBytes)
  let at = 0
  for (const chunk of body) {
    input.set(chunk, at)
    at += chunk.length
  }
  return bodyBytes
}

function inspectBlocks(
  engine: ParserExports,
  body: readonly Uint8Array[],
  arrivalUs: number,
  keptFromUs: number,
): Inspection | Unsplittable {
  const rejected: RejectedEvent[] = []
  let count = 0
  let linesBytes = 0
  let rows: number
  do {
    rows = engine.parseBlock(arrivalUs, keptFromUs)
    const isWithin = count + rows <= LIMITS.bodyEventsMax
    if (isWithin && engine.rejectedRows() > 0) readRejected(engine, rows, count, rejected)
    linesBytes = engine.gatherLines(rows)
    count += rows
  } while (rows === engine.BLOCK_ROWS.value)
  const fault = BODY_FAULTS[engine.bodyFault()] ?? null
  if (fault !== null) return { unsplittable: fault }
  if (count > LIMITS.bodyEventsMax) return { unsplittable: 'too-many' }
  if (engine.isBodyItself() !== 0) return { count, rejected, lines: body }
  const from = engine.inputAddress()
  const lines = new Uint8Array(engine.memory.buffer.slice(from, from + linesBytes))
  return { count, rejected, lines: [lines] }
}

/**
 * `index` counts the events of the body from 0; `start` and `end` are its byte range in the body.
 */
export type RejectedEvent = Readonly<{
  index: number
  reason: RejectionReason
  start: number
  end: number
}>

/** Appends the rejected events among the block's first `rows` rows; row 0 is event `firstIndex`. */
export function readRejected(
  engine: Pick<ParserExports, 'memory' | 'VERDICT' | 'START' | 'END'>,
  rows: number,
  firstIndex: number,
  rejected: RejectedEvent[],
): void {
  const { buffer } = engine.memory
  const verdicts = new Uint8Array(buffer, engine.VERDICT.value, rows)
  const starts = new Uint32Array(buffer, engine.START.value, rows)
  const ends = new Uint32Array(buffer, engine.END.value, rows)
  for (const [row, verdict] of verdicts.entries()) {
    if (verdict === 0) continue
    const [start = 0, end = 0] = [starts[row], ends[row]]
    rejected.push({ index: firstIndex + row, reason: rejectionOf(verdict), start, end })
  }
}

function rejectionOf(verdict: number): RejectionReason {
  const reason = REJECTION_REASONS[verdict - 1]
  if (reason === undefined) throw new RangeError(`the engine gave the unknown verdict ${verdict}`)
  return reason.code
}
