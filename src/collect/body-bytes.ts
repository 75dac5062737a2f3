/**
 * The bytes of one body while they arrive, in few pieces of memory however small the parts are:
 * sixteen million parts of one byte, each a buffer of its own, would take seven gigabytes. So small
 * parts are copied together. The memory, not the payload, is taken from the budget, before it is
 * allocated.
 *
 *     parts     "{"   "\"event"   "_id\":"   64 KiB   64 KiB   "}"
 *     pieces    "{" | "\"event_id\":……" fills up … | the rest, as it came … | "}"
 */
import type { MemoryBudget } from './memory-budget.ts'

export type BodyBytes = {
  /** false = the budget has no room for the part, and it was not added. */
  add(part: Uint8Array): boolean
  /** Payload so far. */
  readonly bytes: number
  /** Taken from the budget; the owner of the body releases it. */
  readonly heldBytes: number
  /** The bytes so far, in order. */
  pieces(): readonly Uint8Array[]
}

/** A part of this size is kept as it is: copying it would cost more than its own buffer. */
const KEPT_BYTES_MIN = 16 * 1024
/**
 * A new slab is as large as all that came before it, so that at most half of the memory is unused.
 */
const SLAB_BYTES_MIN = 1024
const SLAB_BYTES_MAX = 64 * 1024

export function openBodyBytes(budget: MemoryBudget): BodyBytes {
  const pieces: Uint8Array[] = []
  let bytes = 0
  let heldBytes = 0
  let slab: Uint8Array = new Uint8Array(0)
  let slabUsed = 0

  function take(memoryBytes: number): boolean {
    if (!budget.take(memoryBytes)) return false
    heldBytes += memoryBytes
    return true
  }

  function keep(part: Uint8Array): boolean {
    if (!take(part.buffer.byteLength)) return false
    pieces.push(part)
    return true
  }

  function copy(part: Uint8Array): boolean {
    const fitting = part.subarray(0, slab.length - slabUsed)
    const rest = part.subarray(fitting.length)
    const size = Math.max(rest.length, Math.min(Math.max(bytes, SLAB_BYTES_MIN), SLAB_BYTES_MAX))
    if (rest.length > 0 && !take(size)) return false
    slab.set(fitting, slabUsed)
    slabUsed += fitting.length
    if (rest.length === 0) return true
    // Not from the shared pool, so that it can be freed by hand.
    slab = Buffer.allocUnsafeSlow(size)
    slab.set(rest)
    slabUsed = rest.length
    pieces.push(slab)
    return true
  }

  /** Not after a slab with room left, which would then stay unused. */
  function isKept(part: Uint8Array): boolean {
    if (slabUsed < slab.length) return false
    const isWhole = part.length * 2 >= part.buffer.byteLength
    return isWhole && (part.length >= KEPT_BYTES_MIN || pieces.length === 0)
  }

  return {
    add(part) {
      if (!(isKept(part) ? keep(part) : copy(part))) return false
      bytes += part.length
      return true
    },
    get bytes() {
      return bytes
    },
    get heldBytes() {
      return heldBytes
    },
    pieces() {
      const last = pieces.at(-1)
      if (last === undefined || last !== slab) return pieces
      return [...pieces.slice(0, -1), slab.subarray(0, slabUsed)]
    },
  }
}

/**
 * Cuts rising byte ranges out of a body that lies in chunks, in one pass over the chunks. A range
 * must not begin before the last one. A copy is made only where a range lies in several chunks.
 */
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
