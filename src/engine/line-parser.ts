/**
 * Fills the row block from lines of any length: the parser's half of a row batch.
 *
 * Lines go into WebAssembly memory in pieces that end at a line feed and are small enough to stay
 * in the processor's cache until they are parsed. A line longer than a piece is too large an event,
 * and is rejected here, unless it is only white space around a small one.
 */
import { LIMITS, trimmed } from '../event.ts'
import { EngineError } from './error.ts'
import { FORM_CODES, type ParserExports } from './wasm.ts'

const PIECE_BYTES_MAX = 1 << 19

const LF = 0x0a
/** The verdict: 1 + index of `too-large` in REJECTION_REASONS. */
const TOO_LARGE = 2

export type LineParser = {
  /** The lines to parse from now on; they must not change until `next` has returned 0. */
  load(lines: Uint8Array): void
  /** Fills the block with the next events, at most BLOCK_ROWS; 0: there are no more. */
  next(arrivalUs: number, keptFromUs: number): number
}

export function openLineParser(
  engine: ParserExports,
  pieceBytesMax: number = PIECE_BYTES_MAX,
): LineParser {
  if (engine.openInput(pieceBytesMax) === 0)
    throw new EngineError('memory', { work: `reserve ${pieceBytesMax} bytes` })
  const blockRows = engine.BLOCK_ROWS.value
  let lines: Uint8Array = new Uint8Array()
  let loadedEnd = 0
  let isPieceDone = true

  /** Copies the next piece; false when the next line was rejected without being copied. */
  function loadPiece(): boolean {
    const start = loadedEnd
    const end = pieceEnd(lines, start, pieceBytesMax)
    loadedEnd = end
    if (end - start <= pieceBytesMax) {
      copyPiece(start, end)
      return true
    }
    const event = trimmed(lines, start, end)
    if (event.end - event.start > LIMITS.eventBytesMax) {
      writeTooLarge(engine, event.start, event.end)
      return false
    }
    copyPiece(event.start, event.end)
    return true
  }

  function copyPiece(start: number, end: number): void {
    new Uint8Array(engine.memory.buffer).set(lines.subarray(start, end), engine.inputAddress())
    engine.beginBody(end - start, FORM_CODES.lines, start)
    isPieceDone = false
  }

  return {
    load(given) {
      lines = given
      loadedEnd = 0
      isPieceDone = true
    },
    next(arrivalUs, keptFromUs) {
      for (;;) {
        if (isPieceDone) {
          if (loadedEnd === lines.length) return 0
          if (!loadPiece()) return 1
        }
        const rows = engine.parseBlock(arrivalUs, keptFromUs)
        isPieceDone = rows < blockRows
        if (rows > 0) return rows
      }
    },
  }
}

/** After the last whole line that fits, or after the first line where none does. */
function pieceEnd(lines: Uint8Array, start: number, bytesMax: number): number {
  if (lines.length - start <= bytesMax) return lines.length
  const last = lines.lastIndexOf(LF, start + bytesMax - 1)
  if (last >= start) return last + 1
  const first = lines.indexOf(LF, start + bytesMax)
  return first === -1 ? lines.length : first + 1
}

/** A block of one row, as the parser would leave it. */
function writeTooLarge(engine: ParserExports, start: number, end: number): void {
  const view = new DataView(engine.memory.buffer)
  view.setUint8(engine.VERDICT.value, TOO_LARGE)
  view.setUint32(engine.START.value, start, true)
  view.setUint32(engine.END.value, end, true)
}
