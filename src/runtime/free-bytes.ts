/**
 * Gives the memory of a byte array back at once. Large short-lived arrays lie outside the
 * JavaScript heap, and V8 answers their growth with full collections that mark the whole heap; at
 * hundreds of megabytes a second those took a fifth of all CPU time.
 */

/** Smaller ones cost more to free by hand than the collector takes. */
const FREED_BYTES_MIN = 16 * 1024

/**
 * Only for an array that nobody uses any more. One that shares its buffer with others is left to
 * the collector.
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (bytes.byteLength < FREED_BYTES_MIN) return
  if (bytes.byteLength !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  buffer.transfer(0)
}
