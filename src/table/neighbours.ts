/**
 * Other programs at work on the tables. A commit of theirs takes seconds and fails when one of ours
 * comes between. Our next commit waits for theirs where one is expected, until it has landed or the
 * limit has passed, and at most half of the time. Two things tell of it:
 *
 *   its manifests     a program writes them before it tries, and they are seen in the tables'
 *                     folders, whichever way it commits; not on S3
 *   the REST catalog  a client that may commit has loaded a table, or has met a conflict
 */
import { existsSync, type FSWatcher, watch } from 'node:fs'
import path from 'node:path'

export type Neighbours = Readonly<{
  /** To be called before a file of ours is written. */
  own(file: string): void
  /** Begins to look at these folders. */
  watch(folders: readonly string[]): void
  /** A program is about to commit. */
  expect(): void
  /** Whether our next commit would wait. */
  isExpected(): boolean
  /** What was expected has come or has failed; `files` are theirs, and announce nothing more. */
  settle(files: readonly string[]): void
  /** Waits for what is expected. `look` finds commits that came by another way, and settles them. */
  giveWay(look: () => Promise<unknown>): Promise<void>
  /** Waits no more. */
  stop(): void
  close(): void
}>

const WAIT_MS_MAX = 10_000
/** Own names that are remembered: those of more commits than can be under way. */
const NAMES_MAX = 10_000
/** Between two looks whether another program has committed. */
const LOOK_PAUSE_MS = 50
const METADATA = /\.(avro|json)$/

/** `steadyMs` never steps back. */
export function openNeighbours(
  steadyMs: () => number,
  pause: (durationMs: number) => Promise<void>,
): Neighbours {
  const names = new Set<string>()
  const watchers: FSWatcher[] = []
  /** When a commit of theirs was last announced; null where none is expected. */
  let expectedMs: number | null = null
  let nextWaitMs = Number.NEGATIVE_INFINITY
  let waiting: Promise<void> | null = null
  let isStopped = false

  const isExpected = (): boolean =>
    expectedMs !== null && steadyMs() >= nextWaitMs && steadyMs() < expectedMs + WAIT_MS_MAX

  function own(file: string): void {
    names.add(path.basename(file))
    for (const name of names) {
      if (names.size <= NAMES_MAX) break
      names.delete(name)
    }
  }

  function expect(): void {
    expectedMs = steadyMs()
  }

  async function wait(look: () => Promise<unknown>): Promise<void> {
    const fromMs = steadyMs()
    try {
      while (!isStopped && isExpected() && steadyMs() < fromMs + WAIT_MS_MAX) {
        await look()
        if (isExpected()) await pause(LOOK_PAUSE_MS)
      }
    } finally {
      const nowMs = steadyMs()
      expectedMs = null
      nextWaitMs = nowMs + (nowMs - fromMs)
    }
  }

  function look(folder: string, name: string | null): void {
    if (name === null || !METADATA.test(name) || names.has(name)) return
    // A file that goes is reported as well.
    if (existsSync(path.join(folder, name))) expect()
  }

  return {
    own,
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
    expect,
    isExpected,
    settle(files) {
      for (const file of files) own(file)
      expectedMs = null
    },
    async giveWay(look) {
      if (!isExpected()) return
      waiting ??= wait(look).finally(() => {
        waiting = null
      })
      await waiting
    },
    stop() {
      isStopped = true
    },
    close() {
      for (const watcher of watchers) watcher.close()
    },
  }
}
