/** The rejected rows of a block, as values. */
import { REJECTION_REASONS, type RejectionReason } from '../event.ts'
import type { ParserExports } from './parser-module.ts'

/** `index` counts the events of the body from 0; `start` and `end` are its byte range in the body. */
export type RejectedEvent = Readonly<{
  index: number
  reason: RejectionReason
  start: number
  end: number
}>

/** Appends the rejected ones of the block's first `rows` rows; row 0 is event `firstIndex`. */
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
    rejected.push({ index: firstIndex + row, reason: reasonOf(verdict), start, end })
  }
}

function reasonOf(verdict: number): RejectionReason {
  const reason = REJECTION_REASONS[verdict - 1]
  if (reason === undefined) throw new RangeError(`the engine gave the unknown verdict ${verdict}`)
  return reason.code
}
