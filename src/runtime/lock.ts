/**
 * One process per folder: a lock that the operating system takes back when its holder dies, however
 * it dies.
 *
 * The lock is `BEGIN EXCLUSIVE` on an empty SQLite database: SQLite holds it with `fcntl`, so that
 * kill -9 releases it, and a second open in the same process (another thread included) is refused
 * too. Nothing else may ever open the lock file: closing any descriptor of it would drop the lock
 * of the whole process (POSIX). The holder's pid is therefore in a file beside it, and serves only
 * the message: it may be missing or stale.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { guardPlace, makeFolder } from './folder.ts'
import { type ErrorKinds, RoomError } from './room-error.ts'

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
  /** Gives the lock back; calling it again does nothing. */
  release(): void
}>

const KINDS: ErrorKinds<'locked'> = {
  locked: {
    canRetry: false,
    message: (f) =>
      `${f.what} is in use by ${f.pid === null ? 'another process' : `process ${f.pid}`} (lock ` +
      `${f.path}). Only one process may write to it: stop that one, or give this one another ` +
      'folder. The lock goes with its process; deleting the file does not release it.',
  },
}

/** Somebody else holds the lock. `facts.pid` is null when the holder has not written it. */
export class LockError extends RoomError<'locked'> {
  override readonly name = 'LockError'

  constructor(facts: Readonly<{ path: string; what: string; pid: number | null }>, cause: unknown) {
    super(KINDS, 'locked', facts, cause)
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
    throw new LockError({ path, what, pid: readPid(path) }, cause)
  }
  writeFileSync(pidPath(path), `${process.pid}\n`)
  openDatabases.add(database)
  const guard = guardPlace(path, 'the lock')
  return {
    path,
    fault: guard.fault,
    release() {
      if (!openDatabases.delete(database)) return
      rmSync(pidPath(path), { force: true })
      database.close()
      guard.close()
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
