/**
 * The metrics side of a commit: which metrics files are replaced, and by which rows.
 *
 * A row (campaign, window) stands in exactly one file of its day. A delta for a row that exists
 * replaces the file that holds it; a new row goes into the day's open file, one with few rows, so
 * that the files rewritten every second stay small; full files are left alone until a late event
 * touches one of their rows. Files lately touched are kept decoded, so that the open windows are
 * not read back each second.
 */

import { keyOf, type WindowDelta, type WindowKey, type WindowSums } from '../event.ts'
import { allOf } from '../runtime.ts'
import type { DataFile } from './data-file.ts'
import { dayOfUs } from './definition.ts'
import {
  compareRows,
  METRICS_FILE_ROWS_MAX,
  type MetricsRow,
  revenueOf,
  type StoredMetricsRow,
} from './metrics-row.ts'

/** A metrics file takes new rows while it has fewer than this. */
const OPEN_FILE_ROWS_MAX = 8_192
/** Files of other days are written side by side. */
const WRITES_AT_ONCE = 8
/** Decoded rows kept between commits, over all files. */
const CACHED_ROWS_MAX = 524_288

export type MetricsFiles = Readonly<{
  live: () => readonly DataFile[]
  read: (file: DataFile) => Promise<readonly StoredMetricsRow[]>
  write: (day: number, rows: readonly MetricsRow[]) => Promise<DataFile>
  mayHold: (file: DataFile, key: WindowKey) => boolean
}>

/** The sums of these windows over the raw table as committed now, in the order of the keys. */
export type Recompute = (keys: readonly WindowKey[]) => Promise<readonly WindowSums[]>

export type MetricsChange = Readonly<{ add: readonly DataFile[]; remove: readonly DataFile[] }>

/**
 * Both write the files that hold the changed rows; nothing is in the table until `MetricsChange` is
 * committed.
 */
export type Windows = ReplaceWindows & {
  /** Adds to the rows of these windows. */
  amend(deltas: readonly WindowDelta[], processedAtUs: number): Promise<MetricsChange>
}

export type ReplaceWindows = {
  /**
   * Replaces the rows of these windows, and takes out those of the windows that are `gone`. A row
   * whose sums are in the table changes nothing.
   */
  replace(rows: readonly MetricsRow[], gone?: readonly WindowKey[]): Promise<MetricsChange>
}

/** What becomes of one row. */
type RowChange = WindowKey &
  Readonly<{
    /** Null where the row is taken out. */
    next: ((row: MetricsRow | undefined) => MetricsRow) | null
    /** Whether the row that stands there is what it shall be. */
    isDone: (row: MetricsRow) => boolean
  }>

/** The rows of one file, and the keys of those whose revenue a DOUBLE does not hold exactly. */
type Decoded = { rows: Map<string, MetricsRow>; inexact: Set<string> }
/** A change of a row that stands in a file. */
type Placed = Readonly<{ held: Decoded; key: string; change: RowChange }>
/** The files that a commit replaces, each with the rows that go into its place. */
type Touched = Map<DataFile, Decoded>

export function openWindows(files: MetricsFiles & Readonly<{ recompute: Recompute }>): Windows {
  const change = openChanges(files)
  return {
    amend: (deltas, processedAtUs) =>
      change(
        deltas.map((delta) => ({
          campaignId: delta.campaignId,
          windowStartUs: delta.windowStartUs,
          next: (row) => add(row, delta, processedAtUs),
          isDone: () => false,
        })),
        files.recompute,
      ),
    replace: (rows, gone = []) => change([...rows.map(replacement), ...gone.map(removal)]),
  }
}

/** Where rows are replaced only, and never added to: nothing is recomputed. */
export function openReplaceWindows(files: MetricsFiles): ReplaceWindows {
  const change = openChanges(files)
  return {
    replace: (rows, gone = []) => change([...rows.map(replacement), ...gone.map(removal)]),
  }
}

/** Rows that are added to must be exact: for these `recompute` is given. */
type Change = (changes: readonly RowChange[], recompute?: Recompute) => Promise<MetricsChange>

function openChanges(files: MetricsFiles): Change {
  const cache = new Map<string, Decoded>()

  async function decoded(file: DataFile): Promise<Decoded> {
    const known = cache.get(file.path)
    if (known !== undefined) return known
    const rows = await files.read(file)
    const held = {
      rows: new Map(rows.map((row) => [keyOf(row), row])),
      inexact: new Set(rows.filter(({ exact }) => !exact).map(keyOf)),
    }
    cache.set(file.path, held)
    return held
  }

  /**
   * The file of the day that holds each row, for the rows that stand in one; null for those that
   * need no change.
   */
  async function locate(day: readonly DataFile[], changes: readonly RowChange[]) {
    const places = new Map<RowChange, DataFile | null>()
    for (const file of day) {
      const asked = changes.filter((each) => !places.has(each) && files.mayHold(file, each))
      if (asked.length === 0) continue
      const { rows } = await decoded(file)
      for (const change of asked) {
        const row = rows.get(keyOf(change))
        if (row !== undefined) places.set(change, change.isDone(row) ? null : file)
      }
    }
    return places
  }

  /** Marks a file as replaced by this commit; gives the rows that go into its place. */
  async function touch(file: DataFile, touched: Touched): Promise<Decoded> {
    const held = touched.get(file) ?? copyOf(await decoded(file))
    touched.set(file, held)
    return held
  }

  /**
   * Rows whose revenue a DOUBLE does not hold exactly are replaced by their exact sums before
   * anything is added to them.
   */
  async function makeExact(placed: readonly Placed[], recompute: Recompute) {
    const asked = placed.filter(({ held, key }) => held.inexact.has(key))
    if (asked.length === 0) return
    const sums = await recompute(asked.map(({ change }) => change))
    for (const [i, { held, key }] of asked.entries()) {
      const row = held.rows.get(key)
      const sum = sums[i]
      if (row === undefined || sum === undefined) continue
      held.rows.set(key, { ...row, ...sum })
      held.inexact.delete(key)
    }
  }

  async function changeDay(
    live: readonly DataFile[],
    changes: readonly RowChange[],
    recompute?: Recompute,
  ) {
    const places = await locate(live, changes)
    const touched: Touched = new Map()
    const fresh: (readonly [key: string, row: MetricsRow])[] = []
    const placed: Placed[] = []
    for (const change of changes) {
      const file = places.get(change)
      if (file === undefined) {
        if (change.next !== null) fresh.push([keyOf(change), change.next(undefined)])
      } else if (file !== null)
        placed.push({ held: await touch(file, touched), key: keyOf(change), change })
    }
    if (recompute !== undefined) await makeExact(placed, recompute)
    for (const { held, key, change } of placed) {
      if (change.next === null) held.rows.delete(key)
      else held.rows.set(key, change.next(held.rows.get(key)))
      held.inexact.delete(key)
    }
    const open = fresh.length === 0 ? undefined : await openFile(live, touched)
    let target = open ?? emptyFile()
    const outputs = new Set(touched.values())
    for (const [key, row] of fresh) {
      if (target.rows.size >= METRICS_FILE_ROWS_MAX) target = emptyFile()
      target.rows.set(key, row)
      outputs.add(target)
    }
    return { remove: [...touched.keys()], outputs }
  }

  /** The day's file that takes new rows, marked as touched; none when all are full. */
  async function openFile(
    live: readonly DataFile[],
    touched: Touched,
  ): Promise<Decoded | undefined> {
    const small = live.filter((file) => file.rows < OPEN_FILE_ROWS_MAX)
    const file = small.find((f) => touched.has(f)) ?? small.at(-1)
    return file === undefined ? undefined : await touch(file, touched)
  }

  /**
   * Forgets files that are no longer live, then the ones longest untouched (a Map keeps that
   * order).
   */
  function shrinkCache(): void {
    const live = new Set(files.live().map((file) => file.path))
    let rows = 0
    for (const [path, held] of cache) {
      if (live.has(path)) rows += held.rows.size
      else cache.delete(path)
    }
    for (const [path, held] of cache) {
      if (rows <= CACHED_ROWS_MAX) return
      cache.delete(path)
      rows -= held.rows.size
    }
  }

  async function change(
    changes: readonly RowChange[],
    recompute?: Recompute,
  ): Promise<MetricsChange> {
    shrinkCache()
    const live = Map.groupBy(files.live(), (file) => file.day)
    const outputs: { day: number; held: Decoded }[] = []
    const remove: DataFile[] = []
    const byDay = Map.groupBy(changes, ({ windowStartUs }) => dayOfUs(windowStartUs))
    for (const [day, ofDay] of byDay) {
      const changed = await changeDay(live.get(day) ?? [], ofDay, recompute)
      remove.push(...changed.remove)
      for (const held of changed.outputs) if (held.rows.size > 0) outputs.push({ day, held })
    }
    const add = await allOf(outputs, WRITES_AT_ONCE, async ({ day, held }) => {
      const file = await files.write(day, [...held.rows.values()].sort(compareRows))
      cache.set(file.path, held)
      return file
    })
    return { add, remove }
  }

  return change
}

function emptyFile(): Decoded {
  return { rows: new Map(), inexact: new Set() }
}

/** A copy, since the file's own rows stay true until the commit that replaces it is known. */
function copyOf(held: Decoded): Decoded {
  return { rows: new Map(held.rows), inexact: new Set(held.inexact) }
}

function add(row: MetricsRow | undefined, delta: WindowDelta, processedAtUs: number): MetricsRow {
  return {
    campaignId: delta.campaignId,
    windowStartUs: delta.windowStartUs,
    impressions: (row?.impressions ?? 0) + delta.impressions,
    clicks: (row?.clicks ?? 0) + delta.clicks,
    conversions: (row?.conversions ?? 0) + delta.conversions,
    revenueMillionths: (row?.revenueMillionths ?? 0n) + delta.revenueMillionths,
    processedAtUs,
  }
}

function replacement(row: MetricsRow): RowChange {
  return {
    campaignId: row.campaignId,
    windowStartUs: row.windowStartUs,
    next: () => row,
    isDone: (found) => hasSameSums(row, found),
  }
}

function removal({ campaignId, windowStartUs }: WindowKey): RowChange {
  return { campaignId, windowStartUs, next: null, isDone: () => false }
}

/** As the columns hold them: the revenue of a large window was read back from a DOUBLE. */
function hasSameSums(a: MetricsRow, b: MetricsRow): boolean {
  return (
    a.impressions === b.impressions &&
    a.clicks === b.clicks &&
    a.conversions === b.conversions &&
    revenueOf(a.revenueMillionths) === revenueOf(b.revenueMillionths)
  )
}
