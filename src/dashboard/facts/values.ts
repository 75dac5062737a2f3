/**
 * What the filters can be set to. Values change slowly and reading them costs, so they are read from the newest raw files
 * of the range only, and again after half a minute at the earliest.
 */

import type { ValuesAnswer } from '../../dashboard-definition.ts'
import type { LakeFile } from '../../embedded.ts'
import type { TimeSpan } from '../../event.ts'
import type { SumsQuery } from '../../query.ts'
import type { LakeDays } from './lake-days.ts'
import { isExpired } from './load-part.ts'
import type { LoadQueue } from './load-queue.ts'
import { DAY_US } from './steps.ts'

const ROWS_MAX = 2_000_000
const KEPT_US = 30_000_000
const RANGES_MAX = 16
const TRIES_MAX = 5
const NONE: ValuesAnswer = { platform: [], country: [], device: [] }

type Held = Readonly<{ atUs: number; values: Promise<ValuesAnswer> }>

export class FilterValues {
  readonly #sums: Pick<SumsQuery, 'listValues'>
  readonly #queue: LoadQueue
  readonly #days: () => LakeDays
  /** By the days of the range. */
  readonly #held = new Map<string, Held>()

  constructor(sums: Pick<SumsQuery, 'listValues'>, queue: LoadQueue, days: () => LakeDays) {
    this.#sums = sums
    this.#queue = queue
    this.#days = days
  }

  async list({ fromUs, toUs }: TimeSpan, nowUs: number): Promise<ValuesAnswer> {
    const [first, last] = [Math.floor(fromUs / DAY_US), Math.ceil(toUs / DAY_US) - 1]
    const key = `${first} ${last}`
    const held = this.#held.get(key)
    if (held !== undefined && nowUs - held.atUs < KEPT_US) return await held.values
    // Not kept: with the first events there are values at once.
    if (newestFiles(this.#days(), first, last).length === 0) return NONE
    const values = this.#read(first, last)
    this.#hold(key, { atUs: nowUs, values })
    try {
      return await values
    } catch (error) {
      this.#held.delete(key)
      throw error
    }
  }

  #hold(key: string, held: Held): void {
    this.#held.delete(key)
    this.#held.set(key, held)
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= RANGES_MAX) break
      this.#held.delete(oldest)
    }
  }

  async #read(first: number, last: number): Promise<ValuesAnswer> {
    for (let tries = 1; ; tries++) {
      try {
        const rows = sumRows(newestFiles(this.#days(), first, last))
        return await this.#queue.run(rows, async () => {
          const files = newestFiles(this.#days(), first, last)
          if (files.length === 0) return NONE
          return await this.#sums.listValues(files.map(({ path }) => path))
        })
      } catch (error) {
        if (!isExpired(error) || tries === TRIES_MAX) throw error
      }
    }
  }
}

function sumRows(files: readonly LakeFile[]): number {
  return files.reduce((sum, { rows }) => sum + rows, 0)
}

/** From the last day backwards, until they hold enough rows. */
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
