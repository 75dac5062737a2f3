/** When the events of the live raw files came, each read from its footer once. */
import type { DataFile } from '../data-file.ts'
import type { FileTimes } from '../file-times.ts'
import type { TimedFile } from './merge-events.ts'

export type KnownTimes = Readonly<{
  /** Adds what a merge has written, whose times are known. */
  add(file: DataFile, times: FileTimes): void
  of(files: readonly DataFile[]): Promise<readonly TimedFile[]>
  /** As of the last `of`. */
  known(): readonly TimedFile[]
}>

const READS_AT_ONCE = 16

export function openKnownTimes(read: (file: DataFile) => Promise<FileTimes>): KnownTimes {
  let known = new Map<string, FileTimes>()
  let latest: readonly TimedFile[] = []
  return {
    add: (file, times) => {
      known.set(file.path, times)
    },
    async of(files) {
      const unknown = files.filter(({ path }) => !known.has(path))
      for (let start = 0; start < unknown.length; start += READS_AT_ONCE) {
        const some = unknown.slice(start, start + READS_AT_ONCE)
        const found = await Promise.all(some.map(read))
        some.forEach(({ path }, index) => {
          const times = found[index]
          if (times !== undefined) known.set(path, times)
        })
      }
      const timed = files.flatMap((file): TimedFile[] => {
        const times = known.get(file.path)
        return times === undefined ? [] : [{ file, times }]
      })
      // Only what is live is kept.
      known = new Map(timed.map(({ file, times }) => [file.path, times]))
      latest = timed
      return timed
    },
    known: () => latest,
  }
}
