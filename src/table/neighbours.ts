/**
 * Other programs at work on the tables. A commit of theirs takes seconds and fails when one of ours
 * comes between, without a trace in the catalog. But it writes manifests before it tries, and these
 * are seen in the tables' folders: then our next commit waits, until theirs has landed or the limit
 * has passed, and at most half of the time.
 *
 * On S3 nothing tells of such files, and nothing waits.
 */
import { existsSync, type FSWatcher, watch } from 'node:fs'
import path from 'node:path'

export type Neighbours = Readonly<{
  /** To be called before a file of ours is written. */
  own(file: string): void
  /** Begins to look at these folders. */
  watch(folders: readonly string[]): void
  /** When a commit of ours may be made, at the latest; null where nobody is to be waited for. */
  waitUntilMs(): number | null
  /** A commit of theirs has been found: nobody is known to be at work any more. */
  landed(): void
  /** A wait that began at `fromMs` is over. */
  waited(fromMs: number): void
  close(): void
}>

const WAIT_MS_MAX = 10_000
/** Own names that are remembered: those of more commits than can be under way. */
const NAMES_MAX = 10_000
const METADATA = /\.(avro|json)$/

/** `steadyMs` never steps back. */
export function openNeighbours(steadyMs: () => number): Neighbours {
  const names = new Set<string>()
  const watchers: FSWatcher[] = []
  let isSeen = false
  let nextWaitMs = Number.NEGATIVE_INFINITY

  function look(folder: string, name: string | null): void {
    if (name === null || !METADATA.test(name) || names.has(name)) return
    // A file that goes is reported as well.
    if (existsSync(path.join(folder, name))) isSeen = true
  }

  return {
    own(file) {
      names.add(path.basename(file))
      for (const name of names) {
        if (names.size <= NAMES_MAX) break
        names.delete(name)
      }
    },
    watch(folders) {
      for (const folder of folders) {
        try {
          const watcher = watch(folder, { persistent: false }, (_, name) => look(folder, name))
          watcher.on('error', () => watcher.close())
          watchers.push(watcher)
        } catch {
          // Some file systems cannot be watched: then other programs have to try again and again.
        }
      }
    },
    waitUntilMs() {
      const nowMs = steadyMs()
      return isSeen && nowMs >= nextWaitMs ? nowMs + WAIT_MS_MAX : null
    },
    landed() {
      isSeen = false
    },
    waited(fromMs) {
      const nowMs = steadyMs()
      isSeen = false
      nextWaitMs = nowMs + (nowMs - fromMs)
    },
    close() {
      for (const watcher of watchers) watcher.close()
    },
  }
}
