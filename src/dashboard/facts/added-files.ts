/** The raw files that each of the last commits added, so that what was loaded at one commit can be brought to a later one. */
import type { LakeFile } from '../../embedded.ts'

/** Commits come every second, and raw pieces are dropped after a minute without use. */
const COMMITS_MAX = 300

export class AddedFiles {
  readonly #lists: (readonly LakeFile[])[] = []
  #commits = 0

  /** How many commits were told so far. */
  get commits(): number {
    return this.#commits
  }

  push(files: readonly LakeFile[]): void {
    this.#commits++
    this.#lists.push(files)
    if (this.#lists.length > COMMITS_MAX) this.#lists.shift()
  }

  /** Of the commits after the first so many, up to so many; null where they are no longer known. */
  between(afterCommits: number, untilCommits: number): readonly LakeFile[] | null {
    const first = this.#commits - this.#lists.length
    if (afterCommits < first && afterCommits < untilCommits) return null
    return this.#lists.slice(afterCommits - first, untilCommits - first).flat()
  }
}
