/**
 * Verifies tables that Flink fills: closed windows against their events. A late event is in the raw
 * table a few seconds before its window is amended, so a window that differs is compared again,
 * until it agrees or has differed for longer than amending takes.
 */
import type { VerifyRequest } from '../../job.ts'
import type { Verification } from '../../query.ts'
import { COUNT_KEYS } from '../../table.ts'
import { amendView } from './amend-view.ts'

const ATTEMPTS_MAX = 6
const PAUSE_MS = 10_000
/** Windows remembered from one attempt to the next. */
const LISTED_MAX = 20_000

export async function verifyClosed(parts: VerifyRequest): Promise<Verification> {
  let lasting: ReadonlySet<string> | null = null
  for (let attempt = 1; ; attempt++) {
    const found = await verifyOnce(parts)
    const keys = new Set(found.differences.map(keyOf))
    const before: ReadonlySet<string> = lasting ?? keys
    lasting = new Set([...before].filter((key) => keys.has(key)))
    // What is beyond the list cannot be compared from one attempt to the next, and so counts as
    // lasting.
    const isWhole = found.differing <= found.differences.length
    if (attempt === ATTEMPTS_MAX)
      return isWhole ? shown(lastingOnly(found, lasting), parts) : shown(found, parts)
    if (isWhole && lasting.size === 0) return lastingOnly(found, lasting)
    await parts.pause(PAUSE_MS)
  }
}

/**
 * Of snapshots where the raw table is as far as the metrics: else events would be missing that a
 * row has counted.
 */
async function verifyOnce(parts: VerifyRequest): Promise<Verification> {
  const { windowUs, horizonUs, fromUs } = parts
  for (let attempt = 1; ; attempt++) {
    const tables = await parts.readTables()
    const view = amendView(tables, windowUs)
    if (view === null)
      return nothingClosed(Number(tables.events.summary[COUNT_KEYS.totalRows] ?? 0))
    const { raw, metrics, snapshots } = view
    const isBehind = metrics.checkpoint !== null && (raw.checkpoint ?? -1) < metrics.checkpoint
    if (!isBehind || attempt === ATTEMPTS_MAX) {
      const untilUs = metrics.closedUntilUs
      return await parts.verify({
        snapshots,
        horizonUs,
        fromUs,
        untilUs,
        differencesMax: LISTED_MAX,
      })
    }
    await parts.pause(PAUSE_MS)
  }
}

/** One of the tables is still empty: no window has closed. */
function nothingClosed(rawRows: number): Verification {
  return {
    isEqual: true,
    windows: 0,
    events: 0,
    differing: 0,
    differences: [],
    repeatedIds: { withinHorizon: 0, unplaced: 0, examples: [] },
    unfitEvents: 0,
    withoutEvents: null,
    openWindows: { events: rawRows, fromUs: null },
  }
}

function lastingOnly(found: Verification, lasting: ReadonlySet<string>): Verification {
  const differences = found.differences.filter((difference) => lasting.has(keyOf(difference)))
  const { repeatedIds, unfitEvents } = found
  const isSound = repeatedIds.withinHorizon === 0 && unfitEvents === 0
  return {
    ...found,
    differing: differences.length,
    differences,
    isEqual: differences.length === 0 && isSound,
  }
}

function shown(found: Verification, { differencesMax }: VerifyRequest): Verification {
  const { repeatedIds } = found
  return {
    ...found,
    differences: found.differences.slice(0, differencesMax),
    repeatedIds: { ...repeatedIds, examples: repeatedIds.examples.slice(0, differencesMax) },
  }
}

function keyOf({ campaignId, windowStartUs }: Verification['differences'][number]): string {
  return `${windowStartUs}|${campaignId}`
}
