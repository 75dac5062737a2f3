/**
 * Commits of clients of the REST catalog, carried out in the job thread: in their turn, with the
 * windows that follow a change of rows, and with the ids of new rows put into the dedupe memory.
 */
import { QueryError } from '../query.ts'
import { RoomError, reasonOf } from '../runtime.ts'
import {
  type ClientAnswer,
  type ClientChange,
  type DataFile,
  type FollowRows,
  type Lake,
  TableError,
} from '../table.ts'
import { type DedupeMemory, rememberFile } from './dedupe.ts'
import { differingDays, type MetricsChange, replaceRows } from './follow-windows.ts'
import type { Turns } from './turns.ts'

export type ClientCommitParts = Readonly<{
  lake: Pick<
    Lake,
    | 'commitClient'
    | 'discard'
    | 'events'
    | 'expectOthers'
    | 'fileTimes'
    | 'local'
    | 'metrics'
    | 'readEventIds'
    | 'readMetricsFile'
    | 'settleOthers'
    | 'writeMetricsFile'
  >
  turns: Pick<Turns, 'theirs'>
  windowUs: number
  nowUs: () => number
  memory: DedupeMemory
  hashIds: (ids: readonly Uint8Array[]) => Uint8Array
  /** The tables consist of other files. */
  onChange: () => void
  onWarning: (text: string) => void
}>

export type ClientCommits = Readonly<{
  /** Does not reject: a failure is an answer as well. */
  commit(changes: readonly ClientChange[]): Promise<ClientAnswer>
}>

export function openClientCommits(parts: ClientCommitParts): ClientCommits {
  const { lake, turns, windowUs } = parts

  const followRows: FollowRows = async (proposed, { added, removed }) => {
    const days = new Set([...added, ...removed].map(({ day }) => day))
    const change: MetricsChange = { add: [], remove: [] }
    try {
      for await (const differing of differingDays(proposed, lake.local, windowUs, days)) {
        await replaceRows(lake, differing, parts.nowUs(), change)
      }
    } catch (error) {
      await lake.discard(change.add)
      throw error
    }
    return change
  }

  /** As a start reads them back: a repeat of an event that is in the table is a duplicate. */
  async function remember(files: readonly DataFile[]): Promise<void> {
    try {
      for (const file of files) await rememberFile(lake, parts.hashIds, parts.memory, file)
    } catch (error) {
      parts.onWarning(
        `ids of rows that a client added are known from a restart on: ${reasonOf(error)}`,
      )
    }
  }

  async function commitNow(changes: readonly ClientChange[]): Promise<ClientAnswer> {
    const outcome = await lake.commitClient(changes, followRows)
    if (outcome.kind === 'conflict') lake.expectOthers()
    else lake.settleOthers()
    if (outcome.kind !== 'committed') return outcome
    await remember(outcome.rows.added)
    parts.onChange()
    return { kind: 'committed', tables: outcome.tables }
  }

  return {
    async commit(changes) {
      try {
        return await turns.theirs(() => commitNow(changes))
      } catch (error) {
        lake.settleOthers()
        return failureOf(error)
      }
    },
  }
}

/** Of an error whose cause is not known, it is not known either whether it came before the commit. */
function failureOf(error: unknown): ClientAnswer {
  const message = reasonOf(error)
  if (error instanceof QueryError) {
    return { kind: 'refused', message: `the windows cannot be computed from its rows: ${message}` }
  }
  const isUnknown = error instanceof TableError && error.code === 'outcome-unknown'
  if (isUnknown || !(error instanceof RoomError)) return { kind: 'unknown', message }
  return { kind: 'unavailable', message }
}
