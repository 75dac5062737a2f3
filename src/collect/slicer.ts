/** Cuts rising byte ranges out of a body that lies in chunks, in one pass over the chunks. */

/** Ranges must not begin before the last one's. A copy is made only where a range lies in several chunks. */
export function createSlicer(
  chunks: readonly Uint8Array[],
): (start: number, end: number) => Uint8Array {
  let at = 0
  let atStart = 0
  return (start, end) => {
    let chunk = chunks[at]
    while (chunk !== undefined && atStart + chunk.length <= start) {
      atStart += chunk.length
      at += 1
      chunk = chunks[at]
    }
    if (chunk === undefined) return new Uint8Array(0)
    const first = chunk.subarray(start - atStart, end - atStart)
    if (first.length === end - start) return first
    const parts = [first]
    let length = first.length
    for (let next = at + 1; length < end - start && next < chunks.length; next++) {
      const part = (chunks[next] ?? first).subarray(0, end - start - length)
      parts.push(part)
      length += part.length
    }
    return Buffer.concat(parts)
  }
}
