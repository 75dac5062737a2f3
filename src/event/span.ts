/** A byte range, and how JSON's white space around it is cut off. */

/** First byte, byte after the last. */
export type Span = Readonly<{ start: number; end: number }>

/** RFC 8259, section 2: space, tab, line feed, carriage return. */
const WHITE_SPACE: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d])

export function isWhiteSpace(byte: number | undefined): boolean {
  return WHITE_SPACE.has(byte)
}

export function trimmed(bytes: Uint8Array, from: number, to: number): Span {
  let start = from
  let end = to
  while (start < end && isWhiteSpace(bytes[start])) start++
  while (end > start && isWhiteSpace(bytes[end - 1])) end--
  return { start, end }
}
