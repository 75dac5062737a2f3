/**
 * The lake, open for writing: both tables, one writer. A commit replaces both states at once, after the catalog has
 * them; every state is immutable, so whoever holds a view keeps a consistent one.
 */
import { strict as assert } from 'node:assert'
import {
  type CatalogAccess,
  type OnStep,
  type Plans,
  type States,
  swapPointers,
  writePlans,
} from './commit.ts'
import { planCommit } from './commit-plan.ts'
import type { DataFile } from './data-file.ts'
import type { ArrivalRange, DataFiles } from './data-files.ts'
import type { DayRows } from './day-rows.ts'
import { forBothTables, TABLE_KEYS, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import type { ExpiryPolicy } from './expiry.ts'
import type { MetricsRow, StoredMetricsRow } from './metrics-row.ts'
import { sweepOrphans } from './orphans.ts'
import { COMMIT_ID_KEY, type FileChange, OWN_KEY_PREFIX, type Summary } from './snapshot.ts'
import type { Storage } from './storage.ts'
import { type TableView, viewOf } from './view.ts'

/** One commit: files in and out of both tables, and the keys that both snapshots' summaries shall carry. */
export type Change = Readonly<{
  events?: FileChange
  metrics?: FileChange
  /** Keys begin with `campaign-metrics.`; those not named keep their last value. */
  summary: Summary
  commitId: string
}>

export type LakeParts = Readonly<{
  states: States
  access: CatalogAccess
  storage: Storage
  files: DataFiles
  importFile: (path: string) => Promise<DataFile>
  reload: () => Promise<States>
  expiry: ExpiryPolicy
  nowUs: () => number
  newUuid: () => string
  onStep: OnStep
  release: () => void
}>

const NO_CHANGE: FileChange = { add: [], remove: [] }
const REMOVALS_AT_ONCE = 16

export class Lake {
  readonly #parts: LakeParts
  #states: States
  #views: Readonly<Record<TableKey, TableView>>
  #queue: Promise<unknown> = Promise.resolve()
  #cleaning: Promise<void> = Promise.resolve()
  /** Set once the outcome of a commit stayed unknown: nothing is written any more. */
  #lost: TableError | null = null
  /** Set once the outcome of a commit was unknown for a while: no orphan is swept any more. */
  #doubtful = false
  #closed = false

  constructor(parts: LakeParts) {
    this.#parts = parts
    this.#states = parts.states
    this.#views = forBothTables((key) => viewOf(parts.states[key]))
  }

  get events(): TableView {
    return this.#views.events
  }

  get metrics(): TableView {
    return this.#views.metrics
  }

  /** Writes one day's events to a file that is on the disk when this returns, and in no table yet. */
  writeEventsFile(rows: DayRows): Promise<DataFile> {
    return this.#parts.files.writeEvents(rows)
  }

  /** The same for metrics; the rows' windows begin on `day`. */
  writeMetricsFile(day: number, rows: readonly MetricsRow[]): Promise<DataFile> {
    return this.#parts.files.writeMetrics(day, rows)
  }

  readMetricsFile(file: DataFile): Promise<StoredMetricsRow[]> {
    return this.#parts.files.readMetrics(file)
  }

  /** The event ids of a file as UTF-8, a page at a time. */
  readEventIds(file: DataFile): AsyncIterable<readonly Uint8Array[]> {
    return this.#parts.files.readEventIds(file)
  }

  /** The arrival times that a file's events lie between. */
  arrivalRange(file: DataFile): Promise<ArrivalRange> {
    return this.#parts.files.arrivalRange(file)
  }

  /** Where another program may write a file of campaign_events, to be taken in by `importEventsFile`. */
  newEventsPath(day: number): string {
    return this.#parts.files.newPath('events', day)
  }

  /** Takes a Parquet file of campaign_events that another program wrote: checks it, syncs it, reads its statistics. */
  importEventsFile(path: string): Promise<DataFile> {
    return this.#parts.importFile(path)
  }

  /**
   * Commits to both tables at once. When it rejects, nothing was committed, except with the code 'outcome-unknown':
   * then open the lake anew. Commits asked for at the same time follow each other.
   */
  commit(change: Change): Promise<void> {
    return this.#enqueue(() => this.#commit(change))
  }

  /** Removes data files that were written but will not be committed. */
  async discard(files: readonly DataFile[]): Promise<void> {
    if (this.#doubtful) return
    const live = new Set(TABLE_KEYS.flatMap((key) => this.#views[key].files.map((f) => f.path)))
    for (const { path } of files) assert(!live.has(path), `${path} is in the table`)
    await this.#remove(files.map((file) => file.path))
  }

  /** Removes files that no snapshot refers to and that are older than `ageMs`. Returns how many. */
  sweepOrphans(ageMs: number): Promise<number> {
    return this.#enqueue(async () => {
      if (this.#doubtful) return 0
      const beforeMs = this.#parts.nowUs() / 1000 - ageMs
      return sweepOrphans(this.#parts.storage, this.#states, beforeMs)
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#queue
    await this.#cleaning
    this.#parts.release()
  }

  async #enqueue<T>(act: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new TableError('closed', { catalog: this.#parts.access.path })
    const done = this.#queue.then(act)
    this.#queue = done.catch(() => {})
    return done
  }

  async #commit(change: Change): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    const { storage, access, onStep, newUuid } = this.#parts
    const plans = this.#plan(change)
    const next = await writePlans(storage, this.#states, plans, uuidBytes(newUuid()), onStep)
    try {
      const outcome = await swapPointers(access, storage, this.#states, next, change.commitId, {
        onStep,
        onDoubt: () => {
          this.#doubtful = true
        },
      })
      this.#states = outcome === 'landed' ? next : await this.#parts.reload()
    } catch (error) {
      if (error instanceof TableError && error.code === 'outcome-unknown') this.#lost = error
      throw error
    }
    this.#views = forBothTables((key) => viewOf(this.#states[key]))
    await this.#cleaning
    // A file that stays behind costs space only, and the orphan sweep finds it: the commit has succeeded all the same.
    this.#cleaning = this.#clean(plans).catch(() => {})
  }

  #plan(change: Change): Plans {
    const { nowUs, newUuid, expiry } = this.#parts
    const keys = Object.keys(change.summary)
    assert(
      keys.every((key) => key.startsWith(OWN_KEY_PREFIX)),
      `summary keys: ${keys.join(', ')}`,
    )
    const own = { ...change.summary, [COMMIT_ID_KEY]: change.commitId }
    const nowMs = Math.floor(nowUs() / 1000)
    return forBothTables((key) => {
      const uuid = newUuid()
      const names = { uuid, snapshotId: snapshotIdOf(uuid) }
      return planCommit(this.#states[key], change[key] ?? NO_CHANGE, own, names, nowMs, expiry)
    })
  }

  /** Runs beside what follows; the next commit waits for it. */
  async #clean(plans: Plans): Promise<void> {
    await this.#remove(TABLE_KEYS.flatMap((key) => plans[key].free))
    this.#parts.onStep('cleaned')
  }

  async #remove(paths: readonly string[]): Promise<void> {
    for (let start = 0; start < paths.length; start += REMOVALS_AT_ONCE) {
      const some = paths.slice(start, start + REMOVALS_AT_ONCE)
      await Promise.all(some.map((path) => this.#parts.storage.remove(path).catch(() => {})))
    }
  }
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}

/** A positive 63-bit number from a random UUID, as Java makes it. */
function snapshotIdOf(uuid: string): bigint {
  const bytes = uuidBytes(uuid)
  return (bytes.readBigUInt64BE(0) ^ bytes.readBigUInt64BE(8)) & 0x7fff_ffff_ffff_ffffn
}
