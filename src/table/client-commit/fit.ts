/**
 * Whether a client's commit leaves tables that the rest of this program goes on with, beyond what
 * `table-layout.ts` refuses of columns and partitions:
 *
 *   rows of campaign_events    change by whole data files, each of one day, in the table's folder
 *   rows of campaign_metrics   are computed from the events, and change with these only
 *   the checkpoint             stays among the parents of the current snapshot; beside Flink, all
 *                              snapshots by which its job knows how far it has come
 */
import { allOf } from '../../runtime.ts'
import { type DataFile, eventTimes } from '../data-file.ts'
import { DAY_US, dayText, TABLES } from '../definition.ts'
import { TableError } from '../error.ts'
import { liveFiles, loadProposed, readList, type TableState } from '../load-table.ts'
import { referencedPaths } from '../orphan-files.ts'
import { historyOf, isOwn, type Snapshot } from '../snapshot.ts'
import { pinnedSnapshots } from '../snapshot-expiry.ts'
import type { Storage } from '../storage.ts'
import { parseMetadata } from '../table-metadata.ts'
import { isInFolder } from './updates.ts'

/** Data files that a commit adds to a table and takes from it. */
export type RowChange = Readonly<{ added: readonly DataFile[]; removed: readonly DataFile[] }>

export type Proposal = Readonly<{
  state: TableState
  rows: RowChange
  /** Files that nothing refers to once it is committed. */
  dropped: readonly string[]
  /** Files that it brings along. */
  brought: readonly string[]
}>

/** When a commit is judged, and whether Flink fills the table. */
export type JudgedAt = Readonly<{ nowMs: number; isShared: boolean }>

/** The table as it would be, or why it may not be so. Throws where files of ours cannot be read. */
export async function propose(
  storage: Storage,
  base: TableState,
  text: string,
  at: JudgedAt,
): Promise<Proposal | string> {
  try {
    const metadata = parseMetadata(base.table, base.metadataPath, text)
    const { current } = metadata
    if (current !== null && current.id !== base.metadata.current?.id) {
      const list = await readList(storage, current.manifestListPath)
      if (list.some(({ holdsDeletes }) => holdsDeletes)) return DELETE_FILES
    }
    const state = await loadProposed(storage, base, metadata)
    const [before, after] = [referencedPaths(base), referencedPaths(state)]
    const brought = [...after].filter((path) => !before.has(path))
    const dropped = [...before].filter((path) => !after.has(path))
    const rows = rowChange(base, state)
    return (
      fault(state, rows, brought) ??
      (at.isShared ? pinnedFault(base, state, at.nowMs) : checkpointFault(base, state)) ??
      (await missingFault(storage, rows.added)) ?? { state, rows, dropped, brought }
    )
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    const reason = refusalOf(error)
    if (reason === null) throw error
    return reason
  }
}

const DELETE_FILES =
  'it brings delete files, which readers of these tables are promised not to meet. Set ' +
  'write.delete.mode, write.update.mode and write.merge.mode to copy-on-write'

/** What is wrong with the files that a client brought; null of any other failure. */
function refusalOf({ code, facts, message }: TableError): string | null {
  switch (code) {
    case 'other-layout':
      return `${facts.table}: ${facts.reason}`
    case 'unfit-change':
      return `${facts.change}. ${facts.todo}`
    case 'file-lost':
    case 'file-damaged':
    case 'file-unfit':
      return message
    default:
      return null
  }
}

function rowChange(base: TableState, state: TableState): RowChange {
  const [before, after] = [liveFiles(base.manifests), liveFiles(state.manifests)]
  const [had, has] = [pathsOf(before), pathsOf(after)]
  return {
    added: after.filter(({ path }) => !had.has(path)),
    removed: before.filter(({ path }) => !has.has(path)),
  }
}

function pathsOf(files: readonly DataFile[]): ReadonlySet<string> {
  return new Set(files.map(({ path }) => path))
}

function fault(
  state: TableState,
  { added, removed }: RowChange,
  brought: readonly string[],
): string | null {
  const { table, metadata } = state
  const outside = brought.find((path) => !isInFolder(metadata.folder, path))
  if (outside !== undefined) {
    return `${outside} is not in the folder of ${table.name}, ${metadata.folder}`
  }
  if (table.key === 'metrics' && added.length + removed.length > 0) {
    return (
      `the rows of ${table.name} are computed from ${TABLES.events.name}: change the events, and ` +
      'the windows follow in the same commit'
    )
  }
  const live = liveFiles(state.manifests)
  if (pathsOf(live).size < live.length) return `a data file would be in ${table.name} twice`
  return added.map(dayFault).find((reason) => reason !== null) ?? null
}

function checkpointFault(base: TableState, state: TableState): string | null {
  if (newestOwnId(base) === newestOwnId(state)) return null
  return (
    `snapshot ${newestOwnId(base)} has to stay until the next commit of campaign-metrics: how ` +
    'far the events have been read is in it'
  )
}

function pinnedFault(base: TableState, { metadata }: TableState, nowMs: number): string | null {
  const times = { nowMs, bornMs: ({ timestampMs }: Snapshot) => timestampMs }
  const kept = new Set(metadata.snapshots.map(({ id }) => id))
  const gone = [...pinnedSnapshots(base.metadata, times)].filter((id) => !kept.has(id))
  if (gone.length === 0) return null
  return `how far Flink has come is known by snapshots that have to stay: ${gone.join(', ')}`
}

async function missingFault(storage: Storage, files: readonly DataFile[]): Promise<string | null> {
  const faults = await allOf(files, SIZES_AT_ONCE, async ({ path, bytes }) => {
    const found = await storage.sizeOf(path)
    return found === bytes ? null : `${path} has ${found} bytes, and ${bytes} in its manifest`
  })
  return faults.find((each) => each !== null) ?? null
}

const SIZES_AT_ONCE = 16

function newestOwnId({ metadata }: TableState): bigint | null {
  return historyOf(metadata).find(isOwn)?.id ?? null
}

/** The windows of a day are computed from the files of that day. */
function dayFault(file: DataFile): string | null {
  const { firstUs, lastUs } = eventTimes(file)
  const startUs = file.day * DAY_US
  if (firstUs >= startUs && lastUs < startUs + DAY_US) return null
  const isKnown = Number.isFinite(firstUs) && Number.isFinite(lastUs)
  const what = isKnown ? 'has rows of other days' : 'has no bounds of the column timestamp'
  return `${file.path} is a file of ${dayText(file.day)} and ${what}`
}
