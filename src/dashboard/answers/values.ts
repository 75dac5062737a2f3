/**
 * What the filters can be set to. Values change slowly and are expensive to read. So only the
 * newest raw files of the range are read, and the result is cached for half a minute.
 */

import { mapEventFilters, type ValuesAnswer } from '../../dashboard-definition.ts'
import type { LakeFile } from '../../embedded.ts'
import type { SumsQuery } from '../../query.ts'
import { DAY_US, type Stretch } from '../steps.ts'
import { type LakeDays, retryExpired } from '../store/lake-files.ts'
import type { LoadQueue } from '../store/load-scheduler.ts'

const ROWS_MAX = 2_000_000
const CACHED_US = 30_000_000
const RANGES_MAX = 16
const NONE: ValuesAnswer = mapEventFilters(() => [])

type CachedValues = Readonly<{ atUs: number; values: Promise<ValuesAnswer> }>

export class FilterValues {
  readonly #sums: Pick<SumsQuery, 'listValues'>
  readonly #queue: LoadQueue
  readonly #days: () => LakeDays
  /** By the days of the range. */
  readonly #cache = new Map<string, CachedValues>()

  constructor(sums: Pick<SumsQuery, 'listValues'>, queue: LoadQueue, days: () => LakeDays) {
    this.#sums = sums
    this.#queue = queue
    this.#days = days
  }

  async list({ fromUs, toUs }: Stretch, nowUs: number): Promise<ValuesAnswer> {
    const [first, last] = [Math.floor(fromUs / DAY_US), Math.ceil(toUs / DAY_US) - 1]
    const key = `${first} ${last}`
    const cached = this.#cache.get(key)
    if (cached !== undefined && nowUs - cached.atUs < CACHED_US) return await cached.values
    // Not cached: the first events must show at once.
    if (newestFiles(this.#days(), first, last).length === 0) return NONE
    const values = retryExpired(() => this.#read(first, last))
    this.#remember(key, { atUs: nowUs, values })
    try {
      return await values
    } catch (error) {
      this.#cache.delete(key)
      throw error
    }
  }

  #remember(key: string, values: CachedValues): void {
    this.#cache.delete(key)
    this.#cache.set(key, values)
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= RANGES_MAX) break
      this.#cache.delete(oldest)
    }
  }

  async #read(first: number, last: number): Promise<ValuesAnswer> {
    const rows = sumRows(newestFiles(this.#days(), first, last))
    return await this.#queue.run(rows, async () => {
      const files = newestFiles(this.#days(), first, last)
      if (files.length === 0) return NONE
      return await this.#sums.listValues(files.map(({ path }) => path))
    })
  }
}

function sumRows(files: readonly LakeFile[]): number {
  return files.reduce((sum, { rows }) => sum + rows, 0)
}

/** From the last day backwards, until they have enough rows. */
function newestFiles(days: LakeDays, first: number, last: number): readonly LakeFile[] {
  const taken: LakeFile[] = []
  let rows = 0
  const inRange = [...days.keys()].filter((day) => day >= first && day <= last)
  for (const day of inRange.sort((a, b) => b - a)) {
    for (const file of (days.get(day)?.files ?? []).toReversed()) {
      if (taken.length > 0 && rows + file.rows > ROWS_MAX) return taken
      taken.push(file)
      rows += file.rows
    }
  }
  return taken
}
