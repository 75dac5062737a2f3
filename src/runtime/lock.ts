/**
 * One process per folder: a lock that the operating system takes back when its holder dies, however
 * it dies.
 *
 * The lock is `BEGIN EXCLUSIVE` on an empty SQLite database: SQLite holds it with `fcntl`, so that
 * kill -9 releases it, and a second open in the same process (another thread included) is refused
 * too. Nothing else may ever open the lock file: closing any descriptor of it would drop the lock
 * of the whole process (POSIX). The holder's pid is therefore in a file beside it, and serves only
 * the message: it may be missing or stale.
 *
 * Whoever deletes the lock file takes the lock from its holder without a word: the next process
 * makes another file and locks that. So the holder looks every second whether the file is still its
 * own, and ends when it is not (`lost`). Whoever takes a lock where a holder may not have looked yet
 * waits two seconds, and looks again (`takeLock`).
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { guardPlace, makeFolder } from './folder.ts'
import { type ErrorKinds, type Facts, RoomError, systemCode } from './room-error.ts'

/**
 * Keeps the databases of held locks alive: a collected database would be closed, and its lock lost
 * without a word.
 */
const openDatabases = new Set<DatabaseSync>()

/** Held until `release()` or until the process ends. */
export type Lock = Readonly<{
  path: string
  /**
   * One sentence while the lock's file is not where it was: then another process may take the lock,
   * too.
   */
  fault(): string | null
  /**
   * LockError `lock-lost` once the file was removed or replaced in a folder that is still in place;
   * to be asked every second. Where the whole folder is away, it may come back with the lock.
   */
  lost(): LockError | null
  /** Gives the lock back; calling it again does nothing. */
  release(): void
}>

export type LockErrorCode = 'locked' | 'lock-lost'

const KINDS: ErrorKinds<LockErrorCode> = {
  locked: {
    canRetry: false,
    message: (f) =>
      `${f.what} is in use by ${f.pid === null ? 'another process' : `process ${f.pid}`} (lock ` +
      `${f.path}). Only one process may write to it: stop that one, or give this one another ` +
      'folder. The lock goes with its process; deleting the file does not release it.',
  },
  'lock-lost': {
    canRetry: false,
    message: (f) =>
      `${f.what} is no longer locked by this process: ${f.fault}. Another process may be using ` +
      'it, so this one ends; what it answered is kept. See that no other process runs there, and ' +
      'start again. Leave the lock file alone: it goes with its process',
  },
}

/**
 * Somebody else holds the lock, or may hold it. `facts.pid` is null when the holder has not written
 * it.
 */
export class LockError extends RoomError<LockErrorCode> {
  override readonly name = 'LockError'

  constructor(code: LockErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}

/** A holder notices within a second that its lock is gone, and needs another one to end. */
const SETTLE_MS = 2_000

/**
 * Takes the lock of a folder or file that several processes may start on, as `acquireLock` does.
 * `isUsed` tells whether somebody has used that folder or file before. Waits two seconds and looks
 * again where a holder may be left that has not noticed yet that its lock is gone: where the lock's
 * file was missing although the folder is used, and where the last holder did not release the lock
 * and a process with its number runs. Throws `lock-lost` when another process was quicker.
 */
export async function takeLock(path: string, what: string, isUsed: boolean): Promise<Lock> {
  const isDoubtful = existsSync(path) ? isRunning(readPid(path)) : isUsed
  const lock = acquireLock(path, what)
  if (!isDoubtful) return lock
  await sleep(SETTLE_MS)
  const fault = lock.fault()
  if (fault === null) return lock
  lock.release()
  throw new LockError('lock-lost', { path, what, fault })
}

/** Also a process of another user; in another container the number says nothing. */
function isRunning(pid: number | null): boolean {
  if (pid === null) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

/**
 * Takes the lock at `path` (a file of its own, created with its folder when absent) or throws
 * `LockError` at once; `FolderError` when the folder cannot be made. `what` names the thing for the
 * message: 'the log folder ./data/log'.
 */
export function acquireLock(path: string, what: string): Lock {
  makeFolder(dirname(path))
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!isBusy(cause)) throw cause
    throw new LockError('locked', { path, what, pid: readPid(path) }, cause)
  }
  writeFileSync(pidPath(path), `${process.pid}\n`)
  openDatabases.add(database)
  const guard = guardPlace(path, 'the lock')
  const folder = guardPlace(dirname(path), 'the folder')
  return {
    path,
    fault: guard.fault,
    lost() {
      // The file is looked at again last: meanwhile its folder may have come back with it.
      if (guard.fault() === null || folder.fault() !== null) return null
      const fault = guard.fault()
      return fault === null ? null : new LockError('lock-lost', { path, what, fault })
    },
    release() {
      if (!openDatabases.delete(database)) return
      // Otherwise it names the next holder.
      if (guard.fault() === null) rmSync(pidPath(path), { force: true })
      database.close()
      guard.close()
      folder.close()
    },
  }
}

const SQLITE_BUSY = 5

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY
}

function pidPath(path: string): string {
  return `${path}.pid`
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(pidPath(path), 'utf8'), 10)
    return Number.isSafeInteger(pid) ? pid : null
  } catch {
    return null
  }
}
