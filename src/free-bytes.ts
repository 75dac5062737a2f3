/**
 * Gives the memory of a byte array back at once. Large short-lived arrays lie outside the JavaScript heap, and V8 answers their
 * growth with full collections that mark the whole heap; at hundreds of megabytes a second those took a fifth of all CPU time.
 */

/** Only for an array that nobody uses any more. One that shares its buffer with others is left to the collector. */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (bytes.byteLength !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  buffer.transfer(0)
}
