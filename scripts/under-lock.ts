/**
 * One process at a time: the lock is an SQLite transaction on a file, which ends with the process
 * that holds it.
 */
import { DatabaseSync } from 'node:sqlite'

const WAIT_MS = 10 * 60_000

/** Runs `work` while no other process runs any under the same file. */
export function underLock<T>(file: string, work: () => T): T {
  const lock = new DatabaseSync(file, { timeout: WAIT_MS })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return work()
  } finally {
    lock.close()
  }
}
