/**
 * Whether what stood at a path still stands there. A folder or a file that is in use goes on
 * working for its process when it is removed or renamed, and what is written to it then is lost, or
 * found by nobody: so it is noticed, told, and not made anew.
 */
import { closeSync, openSync, statSync } from 'node:fs'

export type PlaceGuard = Readonly<{
  /** One sentence while something else, or nothing, stands there; null again when it is back. */
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
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  const handle = isFolder ? openSync(path, 'r') : null
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
