/**
 * `adopt`: takes the raw table as other programs have left it. The windows that differ from it are
 * recomputed, and one commit of both tables writes them together with what is adopted and with the
 * highest checkpoint that either table has ever had: no event of the log is read twice, and rows
 * that a person has removed stay removed.
 *
 * A kill at any moment leaves the tables as they were, or adopted; it can always be run again.
 */
import { randomUUID } from 'node:crypto'
import type { Config } from '../config.ts'
import { killAt } from '../runtime.ts'
import {
  adoptedSummary,
  type Lake,
  type LocalFiles,
  openLake,
  openLocalFiles,
  readLake,
  TableError,
} from '../table.ts'
import { type Checkpoint, positionOf, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import {
  type DayWindows,
  differingDays,
  hasEvents,
  type MetricsChange,
  replaceRows,
} from './follow-windows.ts'
import { type HeldTables, heldFaults, unsettledChanges, unsettledOf } from './held-tables.ts'

export type AdoptOptions = Readonly<{
  config: Config
  /** Reads only, also beside a running process. */
  isDryRun: boolean
  nowUs: () => number
  /** For crash tests, see kill-at.ts. */
  killAt: string | undefined
}>

export type Adoption = Readonly<{
  /** What others have changed, one sentence each. */
  changes: readonly string[]
  /** Windows whose rows were recomputed, and of these those that have no events any more. */
  windows: number
  emptied: number
  /** Events that were stored, are in no row of the raw table any more, and are not read again. */
  missingEvents: number
  /** From where the log is read at the next start; null where no event was ever taken. */
  nextOffset: number | null
}>

type WriteDay = (differing: DayWindows) => Promise<void>

/** Others may commit meanwhile: then it begins again. */
const ATTEMPTS_MAX = 5

/** Null where there is nothing to adopt. */
export async function adoptTables(options: AdoptOptions): Promise<Adoption | null> {
  const { config, nowUs } = options
  const { windowUs } = config
  if (options.isDryRun) {
    const local = await openLocalFiles(config, () => nowUs() / 1000)
    try {
      return await compareTables(await readLake(config), local, windowUs, async () => {})
    } finally {
      local.close()
    }
  }
  const lake = await openLake({
    warehouse: config.warehouse,
    catalog: config.catalog,
    cache: config.cache,
    windowUs,
    writer: 'embedded',
    nowUs,
    onStep: killAt(options.killAt),
  })
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await adopt(lake, windowUs, nowUs)
      } catch (error) {
        const isStale = error instanceof TableError && error.code === 'missing-file'
        if (!isStale || attempt === ATTEMPTS_MAX) throw error
      }
    }
  } finally {
    await lake.close()
  }
}

async function adopt(lake: Lake, windowUs: number, nowUs: () => number): Promise<Adoption | null> {
  const seen = { events: lake.events, metrics: lake.metrics }
  const change: MetricsChange = { add: [], remove: [] }
  const found = await compareTables(seen, lake.local, windowUs, (differing) =>
    replaceRows(lake, differing, nowUs(), change),
  )
  if (found === null) return null
  const checkpoint = highestCheckpoint(seen)
  await lake.commit({
    commitId: `adopt-${randomUUID()}`,
    summary: {
      ...(checkpoint === null ? {} : writeCheckpoint(checkpoint)),
      ...adoptedSummary(seen),
    },
    events: { add: [], remove: [] },
    metrics: change,
  })
  return found
}

async function compareTables(
  tables: HeldTables,
  local: LocalFiles,
  windowUs: number,
  write: WriteDay,
): Promise<Adoption | null> {
  let windows = 0
  let emptied = 0
  for await (const differing of differingDays(tables, local, windowUs)) {
    windows += differing.found.length
    emptied += differing.found.filter((window) => !hasEvents(window)).length
    await write(differing)
  }
  // Of two tables that only disagree, no change of others is known any more.
  const known = unsettledChanges(tables)
  const changes = known.length > 0 ? known : heldFaults(tables)
  if (windows === 0 && changes.length === 0) return null
  const checkpoint = highestCheckpoint(tables)
  return {
    changes,
    windows,
    emptied,
    missingEvents: unsettledOf(tables.events)
      .map(({ addedRows, removedRows }) => Math.max(0, removedRows - addedRows))
      .reduce((all, rows) => all + rows, 0),
    nextOffset: checkpoint?.nextOffset ?? null,
  }
}

/** Of either table, also where it was set back since. */
function highestCheckpoint({ events, metrics }: HeldTables): Checkpoint | null {
  const [raw = null, sums = null] = [events, metrics].map(({ newestOwn }) =>
    readCheckpoint(newestOwn?.summary ?? {}),
  )
  if (raw === null || sums === null) return raw ?? sums
  const taken = (at: Checkpoint): number => at.logBase + positionOf(at)
  return taken(sums) > taken(raw) ? sums : raw
}
