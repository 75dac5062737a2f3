/**
 * Verifies tables that Flink fills: closed windows against their events. A late event is in the raw table a few seconds before its
 * window is amended, so a window that differs is looked at again, until it agrees or has differed for longer than amending takes.
 */
import type { Verification } from '../../query.ts'
import type { TableView } from '../../table.ts'
import { amendView } from './amend-view.ts'

export type Tables = Readonly<{ events: TableView; metrics: TableView }>

/** What of `TrinoQuery.verify` is asked for here. */
type Verify = (
  options: Readonly<{
    snapshots: Readonly<{ eventsId: bigint; metricsId: bigint }>
    horizonUs: number
    fromUs: number | null
    untilUs: number | null
    differencesMax: number
  }>,
) => Promise<Verification>

export type VerifyClosedParts = Readonly<{
  /** Both as of one moment. */
  readTables: () => Promise<Tables>
  verify: Verify
  windowUs: number
  horizonUs: number
  fromUs: number | null
  differencesMax: number
  pause: (durationMs: number) => Promise<unknown>
}>

const LOOKS_MAX = 6
const PAUSE_MS = 10_000
/** Windows held from one look to the next. */
const LISTED_MAX = 20_000

export async function verifyClosed(parts: VerifyClosedParts): Promise<Verification> {
  let lasting: ReadonlySet<string> | null = null
  for (let look = 1; ; look++) {
    const found = await verifyOnce(parts)
    const keys = new Set(found.differences.map(keyOf))
    const before: ReadonlySet<string> = lasting ?? keys
    lasting = new Set([...before].filter((key) => keys.has(key)))
    // More than can be listed cannot be told apart from one look to the next, and so count as lasting.
    const isWhole = found.differing <= found.differences.length
    if (look === LOOKS_MAX)
      return isWhole ? shown(lastingOnly(found, lasting), parts) : shown(found, parts)
    if (isWhole && lasting.size === 0) return lastingOnly(found, lasting)
    await parts.pause(PAUSE_MS)
  }
}

/** Of snapshots where the raw table is as far as the metrics: else events would be missing that a row has counted. */
async function verifyOnce(parts: VerifyClosedParts): Promise<Verification> {
  const { windowUs, horizonUs, fromUs } = parts
  for (let look = 1; ; look++) {
    const view = amendView(await parts.readTables(), windowUs)
    if (view === null) return NOTHING
    const { raw, metrics, snapshots } = view
    const isBehind = metrics.checkpoint !== null && (raw.checkpoint ?? -1) < metrics.checkpoint
    if (!isBehind || look === LOOKS_MAX) {
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

const NOTHING: Verification = {
  isEqual: true,
  windows: 0,
  events: 0,
  differing: 0,
  differences: [],
  repeatedIds: { withinHorizon: 0, unplaced: 0, examples: [] },
  unfitEvents: 0,
  withoutEvents: null,
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

function shown(found: Verification, { differencesMax }: VerifyClosedParts): Verification {
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
