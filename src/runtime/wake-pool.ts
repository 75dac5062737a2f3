/**
 * Keeps libuv's thread pool from sleeping over its work. glibc before 2.41 can lose a wakeup of
 * `pthread_cond_signal` (bug 25847): all workers then sleep with a task in the queue, until another
 * task is posted. A process that awaits just that one task hangs for ever; seen after 600,000
 * compressions, on Debian 12. So a task is posted once a second.
 */
import { stat } from 'node:fs'

const INTERVAL_MS = 1_000

/** For the rest of the process, all its threads, which share the pool. Does not keep it alive. */
export function wakePool(): void {
  setInterval(() => stat('.', () => {}), INTERVAL_MS).unref()
}
