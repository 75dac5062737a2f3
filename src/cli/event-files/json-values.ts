/**
 * The events of a JSON array as they stream in, pretty-printed or not; or of objects one after the
 * other. They are cut by their brackets and not parsed, as the collector cuts a body: what is wrong
 * in one leaves its neighbours alone.
 */

import type { Part } from '../decompress.ts'

/**
 * `line`: where it begins, from 1. `value`: on one line; null where there is none, or where it is
 * longer than any event may be.
 */
export type JsonText = Readonly<{ line: number; bytes: number; value: Uint8Array | null }>

/** The file cannot be read on from here. */
export class MalformedJson extends Error {
  override readonly name = 'MalformedJson'
}

const BYTES_MAX = 1024 * 1024
const [TAB, LF, CR, SPACE] = [0x09, 0x0a, 0x0d, 0x20]
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const OPEN = new Set([0x5b, 0x7b])
const CLOSE = new Set([0x5d, 0x7d])
const CLOSE_BRACKET = 0x5d
const BLANKS: ReadonlySet<number> = new Set([TAB, LF, CR, SPACE])

type Reader = {
  /** The value under way, without the white space in front; bytes that do not fit are counted. */
  value: Buffer
  valueBytes: number
  valueLine: number
  line: number
  depth: number
  isInString: boolean
  isEscaped: boolean
  isEnded: boolean
  values: number
}

/** Null: nothing more comes for now. Throws MalformedJson. */
export async function* jsonValues(
  parts: AsyncIterable<Part>,
  isArray: boolean,
): AsyncGenerator<JsonText | null> {
  const reader: Reader = {
    value: Buffer.alloc(BYTES_MAX),
    ...{ valueBytes: 0, valueLine: 1, line: 1, depth: isArray ? -1 : 0, values: 0 },
    ...{ isInString: false, isEscaped: false, isEnded: false },
  }
  for await (const part of parts) {
    if (part === null) yield null
    else yield* readBytes(reader, part, isArray)
  }
  if (isArray && !reader.isEnded) {
    throw new MalformedJson(`the array does not end: it breaks off in line ${reader.line}`)
  }
  if (!isArray && reader.valueBytes > 0) yield takeValue(reader)
}

function* readBytes(reader: Reader, part: Uint8Array, isArray: boolean): Generator<JsonText> {
  for (const byte of part) {
    if (byte === LF) reader.line += 1
    if (reader.isEnded) {
      if (BLANKS.has(byte)) continue
      throw new MalformedJson(`more follows in line ${reader.line}, behind the end of the array`)
    }
    if (reader.isInString) {
      // A line break in a string is a fault of its event, and a tab is the same fault.
      keep(reader, byte === LF || byte === CR ? TAB : byte)
      if (reader.isEscaped) reader.isEscaped = false
      else if (byte === BACKSLASH) reader.isEscaped = true
      else if (byte === QUOTE) reader.isInString = false
      continue
    }
    if (reader.depth === -1) {
      // The bracket that opens the array.
      if (!BLANKS.has(byte)) reader.depth = 0
      continue
    }
    if (reader.depth === 0 && isArray && (byte === COMMA || byte === CLOSE_BRACKET)) {
      const isLast = byte === CLOSE_BRACKET
      if (!isLast || reader.valueBytes > 0 || reader.values > 0) yield takeValue(reader)
      reader.isEnded = isLast
      continue
    }
    keep(reader, byte === LF || byte === CR ? SPACE : byte)
    if (byte === QUOTE) reader.isInString = true
    else if (OPEN.has(byte)) reader.depth += 1
    else if (CLOSE.has(byte)) {
      reader.depth = Math.max(0, reader.depth - 1)
      if (reader.depth === 0 && !isArray) yield takeValue(reader)
    }
  }
}

function keep(reader: Reader, byte: number): void {
  if (reader.valueBytes === 0) {
    if (BLANKS.has(byte)) return
    reader.valueLine = reader.line
  }
  if (reader.valueBytes < BYTES_MAX) reader.value[reader.valueBytes] = byte
  reader.valueBytes += 1
}

function takeValue(reader: Reader): JsonText {
  const bytes = reader.valueBytes
  const isWhole = bytes > 0 && bytes <= BYTES_MAX
  const value = isWhole ? Buffer.from(reader.value.subarray(0, bytes)) : null
  reader.valueBytes = 0
  reader.values += 1
  return { line: bytes === 0 ? reader.line : reader.valueLine, bytes, value }
}
