/**
 * Watches whether the log is where its readers and the next start will look for it: the folder, its
 * lock, the segment being written, and the older ones that are not in the tables yet.
 *
 * A file that is in use goes on working for its process when it is removed or renamed, alone or
 * with its folder. So what tells is the path: whether it still leads to the same file. That finds a
 * file without a name as well, and a file system that was mounted over the folder.
 */
import type { Lock, PlaceGuard } from '../runtime.ts'
import { LogError } from './error.ts'
import type { LogFiles } from './files.ts'
import type { Segments } from './segments.ts'

const OLDER_CHECK_US = 1_000_000

export type LogGuard = Readonly<{
  /**
   * Why what is written now would not be found again; null when it would. Takes a few microseconds:
   * it is asked before and after each group. The older segments are looked at once a second.
   */
  fault(): LogError | null
  /** Once the lock is lost it stays lost: nothing may be written any more. */
  lost(): LogError | null
  close(): void
}>

type Options = Readonly<{
  directory: string
  files: Pick<LogFiles, 'guard'>
  nowUs: () => number
}>

const NO_GUARD: LogGuard = { fault: () => null, lost: () => null, close() {} }

export function guardLog(
  { directory, files: { guard }, nowUs }: Options,
  lock: Pick<Lock, 'fault' | 'lost'>,
  segments: Pick<Segments, 'active' | 'untrimmed'>,
): LogGuard {
  if (guard === undefined) return NO_GUARD
  const place = guard
  const folder = place(directory, 'the folder')
  let guards = new Map<string, PlaceGuard>()
  let older: string | null = null
  let lookedUs = Number.NEGATIVE_INFINITY
  let lostFor: LogError | null = null
  let isClosed = false

  /** A path is watched from when it is first seen, which is while its file is open. */
  function guardOf(path: string): PlaceGuard {
    const known = guards.get(path) ?? place(path, 'the segment')
    guards.set(path, known)
    return known
  }

  function olderFault(): string | null {
    if (Math.abs(nowUs() - lookedUs) < OLDER_CHECK_US) return older
    lookedUs = nowUs()
    const paths = segments.untrimmed.map(({ path }) => path)
    guards = new Map(paths.map((path) => [path, guardOf(path)]))
    older = null
    for (const each of guards.values()) older ??= each.fault()
    return older
  }

  function lost(): LogError | null {
    const error = isClosed || lostFor !== null ? null : lock.lost()
    if (error !== null) {
      lostFor = new LogError('lock-lost', { ...error.facts, reason: error.message }, error)
    }
    return lostFor
  }

  return {
    fault() {
      if (isClosed || lostFor !== null) return lostFor
      const fault =
        folder.fault() ?? lock.fault() ?? guardOf(segments.active.path).fault() ?? olderFault()
      if (fault === null) return null
      return lost() ?? new LogError('misplaced', { fault })
    },
    lost,
    close() {
      isClosed = true
      folder.close()
    },
  }
}
