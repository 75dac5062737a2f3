/**
 * The lake, open for writing: both tables, and one process of ours. Views are immutable: a view
 * stays consistent while commits, one after the other, change the lake.
 */
import { strict as assert } from 'node:assert'
import type { DayRows } from '../event.ts'
import type { LockError } from '../runtime.ts'
import type { ClientChange, ComparedSpans } from './client-commit.ts'
import {
  type Change,
  type ClientOutcome,
  Committer,
  type CommitterParts,
  type FollowRows,
} from './commit.ts'
import type { DataFile } from './data-file.ts'
import type { DataFiles, FileTimes, TimeRange } from './data-files.ts'
import { forBothTables, TABLE_KEYS, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { SUMMARY_KEYS } from './keys.ts'
import { locationOf } from './location.ts'
import type { MetricsRow, StoredMetricsRow } from './metrics-row.ts'
import { findLeftovers, findOrphans, referencedPaths, removeOrphans } from './orphan-files.ts'
import type { LocalFiles, WriteNotes } from './storage.ts'
import { type TableView, viewOf } from './table-view.ts'

export type LakeParts = CommitterParts &
  Readonly<{
    files: DataFiles
    /** The local data files that DuckDB reads and writes. */
    local: LocalFiles
    importFile: (path: string) => Promise<DataFile>
    /** One sentence while catalog, lock or tables are missing or were replaced. */
    placeFault: () => string | null
    /** What this process has written since it opened the lake. */
    written: WriteNotes
    lockLost: () => LockError | null
    release: () => Promise<void>
  }>

export class Lake {
  readonly #parts: LakeParts
  readonly #committer: Committer
  #views: Readonly<Record<TableKey, TableView>>
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false
  #knowsLeftovers = false

  constructor(parts: LakeParts) {
    this.#parts = parts
    this.#committer = new Committer(parts)
    this.#views = forBothTables((key) => viewOf(parts.states[key]))
  }

  get events(): TableView {
    return this.#views.events
  }

  get metrics(): TableView {
    return this.#views.metrics
  }

  /**
   * Writes one day's events to a file that is durable when this returns, and in no table yet.
   * `dedupe` is the range of their dedupe times, by default that of their arrival times.
   */
  async writeEventsFile(
    rows: DayRows,
    dedupe: TimeRange = { minUs: rows.arrivalMinUs, maxUs: rows.arrivalMaxUs },
  ): Promise<DataFile> {
    this.requirePlaces()
    return await this.#parts.files.writeEvents(rows, dedupe)
  }

  /** The same for metrics; the rows' windows begin on `day`. */
  async writeMetricsFile(day: number, rows: readonly MetricsRow[]): Promise<DataFile> {
    this.requirePlaces()
    return await this.#parts.files.writeMetrics(day, rows)
  }

  readMetricsFile(file: DataFile): Promise<StoredMetricsRow[]> {
    return this.#parts.files.readMetrics(file)
  }

  /** The event ids of a file as UTF-8, a page at a time. */
  readEventIds(file: DataFile): AsyncIterable<readonly Uint8Array[]> {
    return this.#parts.files.readEventIds(file)
  }

  /** The files of campaign_events that were written, or written anew, since a time. */
  async eventsFilesSince(ms: number): Promise<readonly DataFile[]> {
    const { folder } = this.#committer.states.events.metadata
    const recent = new Set<string>()
    for await (const { path, changedMs } of this.#parts.storage.list(folder)) {
      if (changedMs >= ms) recent.add(path)
    }
    return this.events.files.filter(({ path }) => recent.has(path))
  }

  /**
   * When a file's events arrived. A file of another program does not tell: its rows count as
   * arrived until the first commit of ours that has it, so that their ids are remembered rather too
   * long.
   */
  async fileTimes(file: DataFile): Promise<FileTimes> {
    const { times, isFit } = await this.#parts.files.eventsFooter(file)
    if (times !== null) return times
    const { entries, history } = this.events
    const sequence = entries.find((entry) => entry.file.path === file.path)?.fileSequenceNumber
    const own = history.filter(({ summary }) => summary[SUMMARY_KEYS.arrivedUs] !== undefined)
    const first = own.findLast(({ sequenceNumber }) => sequenceNumber >= (sequence ?? 0)) ?? own[0]
    const at = (key: string): number => Number(first?.summary[key] ?? this.#parts.nowUs())
    const [arrivedUs, dedupeUs] = [at(SUMMARY_KEYS.arrivedUs), at(SUMMARY_KEYS.dedupeUs)]
    return {
      arrival: { minUs: arrivedUs, maxUs: arrivedUs },
      dedupe: { minUs: dedupeUs, maxUs: dedupeUs },
      ...(!isFit && { isFixed: true }),
    }
  }

  /**
   * Throws TableError where the local copy of a file is not what was written: what other programs
   * make of damaged bytes would be rows like any other.
   */
  checkFile(file: DataFile, local: string): Promise<void> {
    return this.#parts.files.check(file, local)
  }

  /** Data files as files on this machine. */
  get local(): LocalFiles {
    return this.#parts.local
  }

  /**
   * A name for a file of campaign_events that another program writes to `local.pathOf(name)`, for
   * `importEventsFile`.
   */
  newEventsPath(day: number): string {
    return this.#parts.files.newPath('events', day)
  }

  /**
   * Imports a Parquet file of campaign_events that another program wrote: checks it, puts it in its
   * place and reads its statistics. It is in no table yet.
   */
  importEventsFile(path: string): Promise<DataFile> {
    return this.#parts.importFile(path)
  }

  /**
   * Commits to both tables at once. When it rejects, nothing was committed, except with the code
   * 'outcome-unknown': then open the lake again. 'missing-file': a file to be removed is no longer
   * there, and the change must be made again. Simultaneous commits are carried out one after the
   * other.
   */
  commit(change: Change): Promise<void> {
    return this.#enqueue(() => {
      this.requirePlaces()
      return this.#committer.commit(change)
    })
  }

  /** One sentence while catalog, lock or tables are missing or were replaced, else null. */
  placeFault(): string | null {
    return this.#parts.placeFault()
  }

  /** LockError `lock-lost` once the writer's lock is lost for good: nothing may be written. */
  lockLost(): LockError | null {
    return this.#parts.lockLost()
  }

  /** Throws TableError 'misplaced' instead of writing files where no reader would look for them. */
  requirePlaces(): void {
    const fault = this.placeFault()
    if (fault !== null) throw new TableError('misplaced', { fault })
  }

  /**
   * Takes the writer's lock again where it was lost. Throws TableError 'locked' when another
   * process has it now.
   */
  keepLock(): Promise<void> {
    return this.#parts.keepLock()
  }

  /** Loads what another writer has committed. */
  refresh(): Promise<void> {
    return this.#enqueue(() => this.#committer.reload())
  }

  /**
   * The same where the tables are ours alone: throws TableError when it does not continue what we
   * have committed. Returns whether there was anything.
   */
  follow(): Promise<boolean> {
    return this.#enqueue(async () => this.placeFault() === null && (await this.#committer.follow()))
  }

  /**
   * Commits what a client of the REST catalog brings, or says why not; beside `commit`, in its
   * turn.
   */
  commitClient(changes: readonly ClientChange[], followRows: FollowRows): Promise<ClientOutcome> {
    return this.#enqueue(() => {
      this.requirePlaces()
      return this.#committer.commitClient(changes, followRows)
    })
  }

  /** Beside Flink: the windows that clients have changed were compared with their events. */
  settleSpans(compared: ComparedSpans): Promise<void> {
    return this.#enqueue(() => this.#committer.settleSpans(compared))
  }

  /** Another program is about to commit: what calls `giveWay` waits for it, up to a limit. */
  expectOthers(): void {
    this.#parts.neighbours?.expect()
  }

  /** They do not commit after all. */
  settleOthers(): void {
    this.#parts.neighbours?.settle([])
  }

  /** Lets other programs that are about to commit be first. To be called before a commit. */
  async giveWay(): Promise<void> {
    await this.#parts.neighbours?.giveWay(() => this.follow())
  }

  /**
   * Lets snapshots expire without a commit of files; commits do so by themselves. Returns how many
   * expired.
   */
  expireSnapshots(): Promise<number> {
    return this.#enqueue(() => this.#committer.expire())
  }

  /** From now on a commit whose outcome is unknown does not wait long for the catalog. */
  stopWaiting(): void {
    this.#committer.stopWaiting()
  }

  /** Removes data files that were written but will not be committed. */
  async discard(files: readonly DataFile[]): Promise<void> {
    if (this.#committer.isUncertain) return
    const live = new Set(TABLE_KEYS.flatMap((key) => this.#views[key].files.map((f) => f.path)))
    for (const { path } of files) assert(!live.has(path), `${path} is in the table`)
    await this.#committer.remove(files.map((file) => file.path))
  }

  /**
   * Removes the files of expired snapshots that readers have had the time to finish with. The first
   * call finds those of earlier processes; it takes a while and holds up no commit.
   */
  async removeExpired(): Promise<void> {
    if (!this.#knowsLeftovers) {
      await this.#retireLeftovers()
      this.#knowsLeftovers = true
      this.#parts.written.stop()
    }
    await this.#committer.collect()
  }

  /** One sentence while files stay for readers for less than the grace, else none. */
  graceNotices(): readonly string[] {
    return this.#parts.grace.notices()
  }

  /**
   * Removes files that no snapshot refers to and that were written before `beforeUs`, unless they
   * are kept for readers. Returns how many.
   */
  async sweepOrphans(beforeUs: number): Promise<number> {
    const { storage, expiry } = this.#parts
    if (this.#committer.isUncertain) return 0
    if (expiry.isShared) await this.#retireLeftovers()
    const found = await findOrphans(storage, this.#committer.states, beforeUs / 1000)
    return await this.#enqueue(async () => {
      if (this.#committer.isUncertain) return 0
      if (expiry.isShared) await this.#committer.reload()
      const kept = this.#neededPaths()
      const orphans = found.map(({ path }) => path).filter((path) => !kept.has(path))
      await removeOrphans(storage, orphans)
      return orphans.length
    })
  }

  async #retireLeftovers(): Promise<void> {
    const { storage, expiry, grace, written } = this.#parts
    const found = await findLeftovers(storage, this.#committer.states, expiry.isShared)
    const needed = this.#neededPaths()
    const isLeft = (path: string): boolean => !needed.has(path) && !written.has(path)
    grace.retireFound(found.filter(({ path }) => isLeft(path)))
  }

  /** What the tables refer to now, and what is kept for readers. */
  #neededPaths(): ReadonlySet<string> {
    const { events, metrics } = this.#committer.states
    const kept = this.#parts.grace.paths()
    return new Set([...kept, ...referencedPaths(events), ...referencedPaths(metrics)])
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.stopWaiting()
    await this.#queue
    await this.#committer.close()
    await this.#parts.release()
  }

  async #enqueue<T>(act: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new TableError('closed', { catalog: this.#parts.access.name })
    const done = this.#queue.then(act).finally(() => this.#updateViews())
    this.#queue = done.catch(() => {})
    return done
  }

  /** Updates the views to the current states. */
  #updateViews(): void {
    const { states } = this.#committer
    const before = this.#views
    this.#views = forBothTables((key) => {
      const isSame = before[key].metadataLocation === locationOf(states[key].metadataPath)
      return isSame ? before[key] : viewOf(states[key])
    })
  }
}
