/**
 * The folder into which one DuckDB instance spills rows: made with it, removed with it. A process
 * that is killed leaves its folders behind, so each holds a lock that the operating system takes
 * back, and whoever makes the next one in the same place sweeps those whose owner is gone. Process
 * ids would not do: they are used again, and containers that share a folder have their own.
 *
 *     $TMPDIR/campaign-metrics-query-Xy12Ab/lock      held while its owner lives
 *                                          /duckdb_…  spilled rows
 */

import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { getuid } from 'node:process'
import { acquireLock, type Lock, LockError, reasonOf } from '../../runtime.ts'
import { QueryError } from '../error.ts'

export type SpillFolder = Readonly<{ path: string; remove(): Promise<void> }>

const PREFIX = 'campaign-metrics-query-'
const LOCK = 'lock'
/** A folder without a lock is just being made, or was made by a release that had no locks. */
const UNLOCKED_MS_MAX = 86_400_000
const RETRIES_MAX = 5

/** Once for each thread and place: what others left is not urgent. */
const swept = new Set<string>()

/** Throws QueryError `no-spill-folder`. */
export function makeSpillFolder(parent: string): SpillFolder {
  try {
    const folder = mkdtempSync(path.join(parent, PREFIX))
    const lock = acquireLock(path.join(folder, LOCK), `the folder ${folder}`)
    if (!swept.has(parent)) sweep(parent, lstatSync(folder).mtimeMs)
    swept.add(parent)
    return {
      path: folder,
      async remove() {
        lock.release()
        // Another process may sweep it in this moment, and put its lock into it.
        await rm(folder, { recursive: true, force: true, maxRetries: RETRIES_MAX })
      },
    }
  } catch (error) {
    throw new QueryError('no-spill-folder', { folder: parent, reason: reasonOf(error) }, error)
  }
}

/**
 * Of this user, and never through a link: the place may be shared. What cannot be removed is left.
 * `nowMs` is of its disk's clock.
 */
function sweep(parent: string, nowMs: number): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(PREFIX)) continue
    const folder = path.join(parent, name)
    try {
      const found = lstatSync(folder)
      if (!found.isDirectory() || found.uid !== getuid?.()) continue
      if (existsSync(path.join(folder, LOCK))) removeUnowned(folder)
      else if (nowMs - found.mtimeMs > UNLOCKED_MS_MAX) rmSync(folder, { recursive: true })
    } catch {
      // Gone meanwhile, or not ours to remove.
    }
  }
}

function removeUnowned(folder: string): void {
  let lock: Lock
  try {
    lock = acquireLock(path.join(folder, LOCK), `the folder ${folder}`)
  } catch (error) {
    if (error instanceof LockError) return
    throw error
  }
  rmSync(folder, { recursive: true, force: true })
  lock.release()
}
