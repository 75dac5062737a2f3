/**
 * Makes a folder with those above it, one by one. Node's recursive mkdir goes round for ever where
 * the system answers "no such folder" inside of a folder that is there, as /proc does; here the
 * first answer that cannot be mended is thrown.
 */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** `code` is that of the operating system, `cause` its error. */
export class FolderError extends Error {
  override readonly name = 'FolderError'
  readonly code: string
  readonly folder: string

  constructor(folder: string, code: string, reason: string, cause: unknown) {
    super(
      `the folder ${folder} cannot be made (${reason}): name another one, or see to its ` +
        'rights and its disk',
      { cause },
    )
    this.code = code
    this.folder = folder
  }
}

/**
 * Answers the topmost folder that was not there before, as an absolute path; null when all were.
 * Throws FolderError.
 */
export function makeFolder(folder: string): string | null {
  try {
    let top: string | null = null
    for (const each of missingFolders(resolve(folder))) if (makeOne(each)) top ??= each
    return top
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause
    throw new FolderError(folder, String(cause.code), cause.message, cause)
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

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
