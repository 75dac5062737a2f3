/** Folders as a process needs them: made with those above them, and still there while in use. */
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type ErrorKind, RoomError, reasonOf, systemCode } from './room-error.ts'

const KIND: ErrorKind = {
  canRetry: true,
  message: (f) =>
    `the folder ${f.folder} cannot be made (${f.reason}): name another one, or see to its rights ` +
    'and its disk',
}

/** `code` is that of the operating system: callers recognise a full disk by it. */
export class FolderError extends RoomError<string> {
  override readonly name = 'FolderError'

  constructor(folder: string, code: string, cause: unknown) {
    super({ [code]: KIND }, code, { folder, reason: reasonOf(cause) }, cause)
  }
}

/**
 * Makes a folder with those above it, one by one, and returns the topmost that was not there
 * before, as an absolute path; null when all were. Throws FolderError.
 *
 * Node's recursive mkdir never ends where the system answers "no such folder" inside a folder that
 * exists, as /proc does. Here the first answer that will not change is thrown.
 */
export function makeFolder(folder: string): string | null {
  try {
    let top: string | null = null
    for (const each of missingFolders(resolve(folder))) if (makeOne(each)) top ??= each
    return top
  } catch (cause) {
    const code = systemCode(cause)
    if (code === null) throw cause
    throw new FolderError(folder, code, cause)
  }
}

/** Of a folder and those above it, topmost first. */
function missingFolders(folder: string): readonly string[] {
  const missing: string[] = []
  for (let at = folder; !isFolder(at); at = dirname(at)) {
    missing.push(at)
    if (at === dirname(at)) break
  }
  return missing.reverse()
}

/** False when another process has made it meanwhile. */
function makeOne(folder: string): boolean {
  try {
    mkdirSync(folder)
    return true
  } catch (error) {
    if (isFolder(folder)) return false
    throw error
  }
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** What is found; null where there is no such file or folder, or no longer. */
export async function nullIfMissing<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/**
 * Whether what was at a path is still there. A folder or a file that is in use goes on
 * working for its process after it was removed or renamed, but what is written to it then is lost.
 * So the change is noticed and reported, and nothing is recreated.
 */
export type PlaceGuard = Readonly<{
  /** One sentence while something else, or nothing, is there; null again when it is back. */
  fault(): string | null
  close(): void
}>

/**
 * `what` names it for the message: 'the log folder'. A folder is held open, so that file systems
 * that give out numbers as they are asked for keep to the one they gave; a file is open anyway, and
 * closing it once more would drop the locks on it (POSIX). Throws the error of the operating system
 * where nothing stands there.
 */
export function guardPlace(path: string, what: string): PlaceGuard {
  const first = identityOf(path)
  const handle = isFolder(path) ? openSync(path, 'r') : null
  let isClosed = false
  return {
    fault() {
      const now = identityOf(path)
      if (now === null) return `${what} ${path} was removed or renamed while it was in use`
      return now === first ? null : `${what} ${path} is not the one that it was`
    },
    close() {
      if (!isClosed && handle !== null) closeSync(handle)
      isClosed = true
    },
  }
}

/** null where there is nothing, or nothing to be seen. */
function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return null
  }
}
