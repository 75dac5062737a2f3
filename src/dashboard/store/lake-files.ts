/** The files of a table by day, what the next list of them changes, and what each commit added. */
import type { TimeSpan } from '../../event.ts'
import type { LakeFile } from '../../job.ts'
import { systemCode } from '../../runtime.ts'
import { DAY_US } from '../steps.ts'

type DayFiles = Readonly<{ files: readonly LakeFile[]; rows: number }>

/** By the number of days since 1970-01-01; a day without files is not in it. */
export type LakeDays = ReadonlyMap<number, DayFiles>

export function daysOf(files: readonly LakeFile[]): LakeDays {
  const days = new Map<number, { files: LakeFile[]; rows: number }>()
  for (const file of files) {
    const found = days.get(file.day)
    if (found === undefined) days.set(file.day, { files: [file], rows: file.rows })
    else {
      found.files.push(file)
      found.rows += file.rows
    }
  }
  return days
}

/**
 * Days whose sums are no longer valid. Compaction keeps the rows of a day and commits only add to
 * them. So a day with fewer rows was dropped by retention, even if late events have begun it anew
 * since. Where other programs have changed rows, a day with other files is not valid either.
 */
export function invalidDays(
  before: LakeDays,
  after: LakeDays,
  isRewritten: boolean,
): readonly number[] {
  const days = isRewritten ? new Set([...before.keys(), ...after.keys()]) : before.keys()
  return [...days].filter((day) => {
    const [old, now] = [before.get(day), after.get(day)]
    return (old?.rows ?? 0) > (now?.rows ?? 0) || (isRewritten && !haveSameFiles(old, now))
  })
}

function haveSameFiles(some: DayFiles | undefined, others: DayFiles | undefined): boolean {
  const paths = new Set(some?.files.map(({ path }) => path))
  const found = others?.files ?? []
  return found.length === paths.size && found.every(({ path }) => paths.has(path))
}

/** The files of the days that a stretch touches. */
export function pathsIn({ fromUs, toUs }: TimeSpan, days: LakeDays): readonly string[] {
  const paths: string[] = []
  for (let day = Math.floor(fromUs / DAY_US); day * DAY_US < toUs; day++) {
    for (const { path } of days.get(day)?.files ?? []) paths.push(path)
  }
  return paths
}

/** Starts of chunks in days that have files: elsewhere there is nothing to load. */
export function startsWithFiles(starts: readonly number[], days: LakeDays): readonly number[] {
  return starts.filter((startUs) => days.has(Math.floor(startUs / DAY_US)))
}

/** Files may be replaced or dropped while they are read, but not this often in a row. */
const TRIES_MAX = 5

/** Repeats a read whose files have expired: the newest list of files has others. */
export async function retryExpired<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read()
    } catch (error) {
      if (!isExpired(error) || tries === TRIES_MAX) throw error
    }
  }
}

/** A file was replaced or dropped after its path was listed. */
export function isExpired(error: unknown): boolean {
  return systemCode(error) === 'files-expired'
}

/** Commits come every second, and chunks of raw events are dropped after a minute without use. */
const COMMITS_MAX = 300

/** The raw files that each of the last commits added: they bring an older chunk up to date. */
export class AddedFiles {
  readonly #lists: (readonly LakeFile[])[] = []
  #commits = 0

  /** How many commits there were so far. */
  get commits(): number {
    return this.#commits
  }

  push(files: readonly LakeFile[]): void {
    this.#commits++
    this.#lists.push(files)
    if (this.#lists.length > COMMITS_MAX) this.#lists.shift()
  }

  /** Files added after one commit, up to and including another; null if no longer known. */
  between(afterCommits: number, untilCommits: number): readonly LakeFile[] | null {
    const first = this.#commits - this.#lists.length
    if (afterCommits < first && afterCommits < untilCommits) return null
    return this.#lists.slice(afterCommits - first, untilCommits - first).flat()
  }
}
