/** What Node and its system libraries do not do well enough by themselves. */
import { stat } from 'node:fs'

const WAKE_INTERVAL_MS = 1_000
/** Smaller ones cost more to free by hand than the collector takes. */
const FREED_BYTES_MIN = 16 * 1024

/**
 * Keeps libuv's thread pool from sleeping over its work, for the rest of the process and all its
 * threads, which share the pool. Does not keep the process alive.
 *
 * glibc before 2.41 can lose a wakeup of `pthread_cond_signal` (bug 25847): all workers then sleep
 * with a task in the queue until another task is posted, and a process that awaits just that one
 * task hangs. Seen after 600,000 compressions, on Debian 12. So a task is posted once a second.
 */
export function wakePool(): void {
  setInterval(() => stat('.', () => {}), WAKE_INTERVAL_MS).unref()
}

/**
 * Gives the memory of a byte array back at once. Only for an array that nobody uses any more; one
 * that shares its buffer with others is left to the collector.
 *
 * Large short-lived arrays lie outside the JavaScript heap, and V8 answers their growth with full
 * collections that mark the whole heap; at hundreds of megabytes a second those took a fifth of all
 * CPU time.
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (bytes.byteLength < FREED_BYTES_MIN) return
  if (bytes.byteLength !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  buffer.transfer(0)
}
