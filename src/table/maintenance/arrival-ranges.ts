/** The arrival ranges of the live raw files, each read from its footer once. */
import type { DataFile } from '../data-file.ts'
import type { ArrivalRange } from '../data-files.ts'
import type { ArrivedFile } from './merge-events.ts'

export type ArrivalRanges = Readonly<{
  /** Adds what a merge has written, whose range is known. */
  add(file: DataFile, arrival: ArrivalRange): void
  of(files: readonly DataFile[]): Promise<readonly ArrivedFile[]>
}>

const READS_AT_ONCE = 16

export function openArrivalRanges(read: (file: DataFile) => Promise<ArrivalRange>): ArrivalRanges {
  let known = new Map<string, ArrivalRange>()
  return {
    add: (file, arrival) => {
      known.set(file.path, arrival)
    },
    async of(files) {
      const unknown = files.filter(({ path }) => !known.has(path))
      for (let start = 0; start < unknown.length; start += READS_AT_ONCE) {
        const some = unknown.slice(start, start + READS_AT_ONCE)
        const ranges = await Promise.all(some.map(read))
        some.forEach(({ path }, index) => {
          const range = ranges[index]
          if (range !== undefined) known.set(path, range)
        })
      }
      const arrived = files.flatMap((file): ArrivedFile[] => {
        const arrival = known.get(file.path)
        return arrival === undefined ? [] : [{ file, arrival }]
      })
      // Only what is live is kept.
      known = new Map(arrived.map(({ file, arrival }) => [file.path, arrival]))
      return arrived
    },
  }
}
