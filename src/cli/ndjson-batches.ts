/**
 * A stream of NDJSON cut into batches of whole lines, each small enough for one request, holding no more than one batch
 * and one chunk in memory. A batch knows on which lines of the input its events stood.
 */

export type LineBatch = Readonly<{
  kind: 'batch'
  /** Whole lines; the last one of the input may lack its line feed. */
  bytes: Uint8Array
  /** The input's line, from 1, on which the event of an index in the collector's answer stood. */
  lineOf(index: number): number
}>

/** A line that is longer than any event may be: reported, not sent. */
export type LongLine = Readonly<{ kind: 'long-line'; line: number; bytes: number }>

export type BatchLimits = Readonly<{ bytesMax: number; linesMax: number }>

const LF = 0x0a
const BLANKS = new Set([0x20, 0x09, 0x0d, LF])

export async function* cutBatches(
  input: AsyncIterable<Uint8Array>,
  limits: BatchLimits,
): AsyncGenerator<LineBatch | LongLine> {
  let rest: Buffer = Buffer.alloc(0)
  let line = 1
  /** Bytes of a long line that were let go already; 0 outside of one. */
  let skipped = 0
  for await (const chunk of input) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    if (skipped > 0) {
      const end = rest.indexOf(LF)
      skipped += end === -1 ? rest.length : end
      rest = end === -1 ? Buffer.alloc(0) : rest.subarray(end + 1)
      if (end === -1) continue
      yield { kind: 'long-line', line, bytes: skipped }
      line += 1
      skipped = 0
    }
    while (rest.length >= limits.bytesMax) {
      const { end, lines } = wholeLines(rest, limits)
      const longEnd = end === 0 ? rest.indexOf(LF) : -1
      if (end > 0) {
        if (!isBlank(rest, 0, end)) yield batchOf(rest.subarray(0, end), line)
      } else if (longEnd >= 0) {
        yield { kind: 'long-line', line, bytes: longEnd }
      } else {
        skipped = rest.length
      }
      rest = end > 0 ? rest.subarray(end) : rest.subarray(longEnd >= 0 ? longEnd + 1 : rest.length)
      line += end > 0 ? lines : Number(longEnd >= 0)
    }
  }
  if (skipped > 0) yield { kind: 'long-line', line, bytes: skipped }
  while (rest.length > 0) {
    const { end, lines } = wholeLines(rest, limits)
    // Nothing follows: the last line may end without a line feed.
    const length = lines < limits.linesMax ? rest.length : end
    if (!isBlank(rest, 0, length)) yield batchOf(rest.subarray(0, length), line)
    rest = rest.subarray(length)
    line += lines
  }
}

/** Where the last whole line ends that fits the limits, and how many lines that is; 0 when not one fits. */
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

function batchOf(bytes: Buffer, firstLine: number): LineBatch {
  return { kind: 'batch', bytes, lineOf: (index) => lineOfEvent(bytes, firstLine, index) }
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
