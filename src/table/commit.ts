/**
 * Commits to the two tables, from plan to clean-up:
 *
 *   plan             commit/plan.ts             the next metadata, decided without any I/O
 *   write            commit/write-metadata.ts   manifests, manifest list, metadata, all durable
 *   swap             commit/swap-pointers.ts    BEGIN, compare-and-swap, COMMIT: the commit point
 *   clean up         reader-grace.ts            what nothing refers to any more is removed after
 *                                               a while; it waits there only once the commit is
 *                                               known to have succeeded
 *
 * Where our job is the writer, every commit is of both tables, so that both always hold the same
 * checkpoint. Where Flink is, it appends to each table by itself, and Trino rewrites raw files: a
 * commit of ours then changes only the tables that it has files for. When another program has
 * changed a table meanwhile, the commit is planned again on its new state, provided that this
 * continues ours (commit/rebase.ts); each time it is checked that the files to be removed are still
 * there ('missing-file').
 *
 * A client of the REST catalog brings metadata of its own (client-commit.ts), which is never planned
 * again: where it changes rows, both tables get a commit of ours on top, in the same transaction.
 * Beside Flink it is committed by itself (commit/unlocked-writer.ts).
 */
import { strict as assert } from 'node:assert'
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { allOf, reasonOf } from '../runtime.ts'
import { uuidBytes } from './avro.ts'
import type { CatalogAccess, OnWait } from './catalog.ts'
import {
  type ClientChange,
  type ClientRefusal,
  type ComparedSpans,
  judge,
  type Proposals,
  type RowChange,
  withoutCompared,
} from './client-commit.ts'
import { namedForClients, settledBy, withDropped } from './commit/client-plans.ts'
import { type Expiry, planCommit, planExpiry, planMetadata } from './commit/plan.ts'
import { requireContinued } from './commit/rebase.ts'
import { swapPointers } from './commit/swap-pointers.ts'
import {
  type OnStep,
  type Plans,
  plansOf,
  removePlanned,
  writePlans,
} from './commit/write-metadata.ts'
import { forBothTables, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { OWN_KEY_PREFIX, SUMMARY_KEYS } from './keys.ts'
import type { States, TableState } from './load-table.ts'
import { locationOf } from './location.ts'
import type { Neighbours } from './neighbours.ts'
import { referencedPaths } from './orphan-files.ts'
import type { ReaderGrace } from './reader-grace.ts'
import { type FileChange, historyOf, type Summary } from './snapshot.ts'
import type { SnapshotClock } from './snapshot-times.ts'
import type { Storage } from './storage.ts'
import { metadataVersion, serializeMetadata, type TableMetadataText } from './table-metadata.ts'
import { type TableView, viewOf } from './table-view.ts'

export type { Expiry } from './commit/plan.ts'
export { swapPointers } from './commit/swap-pointers.ts'
export {
  openUnlockedWriter,
  type UnlockedWriter,
  type UnlockedWriterOptions,
} from './commit/unlocked-writer.ts'
export {
  CLIENT_COMMIT_STEPS,
  COMMIT_STEPS,
  type CommitStep,
  type OnStep,
} from './commit/write-metadata.ts'

/**
 * One commit: files added to and removed from both tables, and keys for the summaries of both
 * snapshots.
 */
export type Change = Readonly<{
  events?: FileChange
  metrics?: FileChange
  /** Keys begin with `campaign-metrics.`; those not named keep their last value. */
  summary: Summary
  commitId: string
}>

/**
 * Makes the metrics files that a change of rows of campaign_events calls for; called before the
 * commit, which takes them along.
 */
export type FollowRows = (
  proposed: Readonly<Record<TableKey, TableView>>,
  rows: RowChange,
) => Promise<FileChange>

export type ClientOutcome =
  | ClientRefusal
  | Readonly<{
      kind: 'committed'
      /** The tables that it names, as they are now. */
      tables: Readonly<Partial<Record<TableKey, TableMetadataText>>>
      /** Of campaign_events. */
      rows: RowChange
    }>

export type CommitterParts = Readonly<{
  states: States
  access: CatalogAccess
  storage: Storage
  /** Loads the current states; reuses those given that are still current. */
  reload: (states: States) => Promise<States>
  expiry: Omit<Expiry, 'times'>
  snapshotClock: SnapshotClock
  grace: ReaderGrace
  /** Where other programs' commits are waited for. */
  neighbours?: Neighbours | undefined
  /** Called before a commit: takes the writer's lock again where its connection was lost. */
  keepLock: () => Promise<void>
  onWait: OnWait
  nowUs: () => number
  onStep: OnStep
}>

const NO_CHANGE: FileChange = { add: [], remove: [] }
const REMOVALS_AT_ONCE = 16
/** Tries of a commit that other writers overtake again and again. */
const CONFLICTS_MAX = 10
const CONFLICT_PAUSE_MS = 200
const NO_ROWS: RowChange = { added: [], removed: [] }

/**
 * Holds the current states of both tables. A state is immutable, and the next one replaces it only
 * once the catalog has it. Calls must follow one another: `Lake` sees to that.
 */
export class Committer {
  readonly #parts: CommitterParts
  #states: States
  #cleaning: Promise<void> = Promise.resolve()
  /** Set once the outcome of a commit stayed unknown: nothing is written any more. */
  #lost: TableError | null = null
  #isUncertain = false
  #keepsWaiting = true

  constructor(parts: CommitterParts) {
    this.#parts = parts
    this.#states = parts.states
  }

  get states(): States {
    return this.#states
  }

  /**
   * A commit had an unknown outcome that may not be settled: our states must not decide what is
   * removed.
   */
  get isUncertain(): boolean {
    return this.#isUncertain
  }

  async commit(change: Change): Promise<void> {
    await this.#retrying(() => this.#apply(this.#plan(change), change.commitId))
  }

  /**
   * Commits what a client brings, or says why not. Other programs' commits up to now count as
   * conflicts. Throws TableError, 'outcome-unknown' where it may have landed.
   */
  async commitClient(
    changes: readonly ClientChange[],
    followRows: FollowRows,
  ): Promise<ClientOutcome> {
    if (this.#lost !== null) throw this.#lost
    await this.#parts.keepLock()
    await this.follow()
    const { storage, onStep } = this.#parts
    const at = { nowMs: this.#nowMs(), isShared: false }
    const judged = await judge(storage, this.#states, changes, at)
    if (judged.kind === 'landed') return this.#asCommitted(changes, NO_ROWS)
    if (judged.kind !== 'proposed') return judged
    onStep('client-checked')
    const { proposals } = judged
    const brought = Object.values(proposals).flatMap((proposal) => proposal.brought)
    const rows = proposals.events?.rows ?? NO_ROWS
    try {
      await this.#commitProposed(proposals, rows, followRows)
    } catch (error) {
      if (!(error instanceof TableError && error.code === 'commit-conflict')) throw error
      return { kind: 'conflict', message: error.message }
    }
    this.#parts.neighbours?.settle(brought)
    return this.#asCommitted(changes, rows)
  }

  async #commitProposed(
    proposals: Proposals,
    rows: RowChange,
    followRows: FollowRows,
  ): Promise<void> {
    const { onStep } = this.#parts
    const before = this.#states
    const proposed = forBothTables((key) => proposals[key]?.state ?? before[key])
    const hasRows = rows.added.length + rows.removed.length > 0
    const views = forBothTables((key) => viewOf(proposed[key]))
    const metrics = hasRows ? await followRows(views, rows) : NO_CHANGE
    onStep('client-windows-followed')
    const commitId = `client-${randomUUID()}`
    const hasMoved = (key: TableKey): boolean =>
      proposed[key].metadata.current?.id !== before[key].metadata.current?.id
    // Ours go on top of every snapshot of theirs, also of one without rows.
    const plans = TABLE_KEYS.some(hasMoved)
      ? this.#plan({ commitId, summary: settledBy(before, proposed), metrics }, proposed)
      : this.#planMetadata(proposals)
    try {
      const whole = withDropped(plans, proposals, this.#expiry().times.nowMs)
      await this.#apply(whole, commitId, namedForClients(onStep))
    } catch (error) {
      if (!this.#isUncertain) await this.remove(metrics.add.map(({ path }) => path))
      throw error
    }
  }

  #planMetadata(proposals: Proposals): Plans {
    const expiry = this.#expiry()
    return plansOf((key) => {
      const proposal = proposals[key]
      if (proposal === undefined) return null
      return planMetadata(proposal.state, randomUUID(), this.#nowMs(), expiry)
    })
  }

  #asCommitted(changes: readonly ClientChange[], rows: RowChange): ClientOutcome {
    const tables = changes.map(({ key }) => {
      const { metadata, metadataPath } = this.#states[key]
      const text = serializeMetadata(metadata)
      return [key, { metadataLocation: locationOf(metadataPath), metadata: text }]
    })
    return { kind: 'committed', tables: Object.fromEntries(tables), rows }
  }

  /** Lets snapshots expire without a commit of files. Returns how many expired. */
  expire(): Promise<number> {
    return this.#retrying(() => this.#expire())
  }

  /** Takes back from the properties of campaign_events what clients changed and we have compared. */
  async settleSpans(compared: ComparedSpans): Promise<void> {
    await this.#retrying(async () => {
      const { events } = this.#states
      const properties = withoutCompared(events.metadata.properties, compared)
      if (isDeepStrictEqual(properties, events.metadata.properties)) return
      const state = { ...events, metadata: { ...events.metadata, properties } }
      const plan = planMetadata(state, randomUUID(), this.#nowMs(), this.#expiry())
      await this.#apply({ events: plan }, `settle-${randomUUID()}`)
    })
  }

  /**
   * Goes on from what other programs have committed, where it continues our state. Returns whether
   * they have.
   */
  async follow(): Promise<boolean> {
    if (this.#lost !== null || this.#isUncertain) return false
    const before = this.#states
    const found = await this.#parts.reload(before)
    requireContinued(before, found)
    this.#take(found)
    const hasLanded = TABLE_KEYS.some((key) => found[key] !== before[key])
    if (hasLanded) this.#parts.neighbours?.settle(pathsSince(before, found))
    return hasLanded
  }

  async reload(): Promise<void> {
    this.#take(await this.#parts.reload(this.#states))
  }

  /** Removes the files that readers have had the time to finish with. */
  async collect(): Promise<void> {
    // The states may be older than what the catalog has.
    if (this.#isUncertain) return
    await this.#parts.grace.collect(() => {
      const { events, metrics } = this.#states
      return new Set([...referencedPaths(events), ...referencedPaths(metrics)])
    })
  }

  async remove(paths: readonly string[]): Promise<void> {
    const { storage } = this.#parts
    await allOf(paths, REMOVALS_AT_ONCE, (path) => storage.remove(path).catch(() => {}))
  }

  /** From now on a commit whose outcome is unknown does not wait long for the catalog. */
  stopWaiting(): void {
    this.#keepsWaiting = false
    this.#parts.neighbours?.stop()
  }

  /** Waits until what the last commit left over is removed. */
  async close(): Promise<void> {
    await this.#cleaning
  }

  /**
   * Acts on the latest state, and again where another program was quicker. Beside Flink the state
   * is loaded each time; else ours is the latest until a conflict shows that it is not.
   */
  async #retrying<T>(act: () => Promise<T>): Promise<T> {
    if (this.#lost !== null) throw this.#lost
    await this.#parts.keepLock()
    const { isShared } = this.#parts.expiry
    for (let attempt = 1; ; attempt++) {
      if (isShared) await this.reload()
      try {
        return await act()
      } catch (error) {
        if (!(error instanceof TableError && error.code === 'commit-conflict')) throw error
        if (attempt === CONFLICTS_MAX) throw isShared ? error : overtaken(error)
        if (!isShared) await this.follow()
      }
      await this.#parts.access.pause(CONFLICT_PAUSE_MS * attempt)
    }
  }

  async #apply(plans: Plans, commitId: string, onStep: OnStep = this.#parts.onStep): Promise<void> {
    const { storage, access, onWait } = this.#parts
    const next = await writePlans(storage, this.#states, plans, uuidBytes(randomUUID()), onStep)
    const base = Object.fromEntries(
      Object.keys(plans).map((key) => [key, this.#states[key as TableKey]]),
    )
    let wasUnknown = false
    const onUnknown = (): void => {
      wasUnknown = true
      this.#isUncertain = true
    }
    try {
      const hooks = { onStep, onUnknown, onWait, keepsWaiting: () => this.#keepsWaiting }
      const outcome = await swapPointers({ access, storage, base, next, commitId }, hooks)
      // Before the states change: a file must never be in neither.
      this.#parts.grace.retire(Object.values(plans).flatMap(({ free }) => free))
      const landed = { ...this.#states, ...next }
      this.#states = outcome === 'landed' ? landed : await this.#overtaken(landed, commitId)
      this.#isUncertain &&= !access.settles
    } catch (error) {
      if (error instanceof TableError && error.code === 'outcome-unknown') this.#lost = error
      else if (!wasUnknown) await removePlanned(storage, plans)
      throw error
    }
    await this.#cleaning
    // A file that stays behind only costs space, and the orphan sweep finds it: the commit has
    // succeeded.
    this.#cleaning = this.#clean().catch(() => {})
  }

  /**
   * The commit has landed: a failure to read what another writer committed must not look like a
   * failed commit.
   */
  async #overtaken(landed: States, commitId: string): Promise<States> {
    const { access, expiry, reload } = this.#parts
    let states: States
    try {
      states = await reload(landed)
    } catch (error) {
      const facts = { catalog: access.name, commitId, attempts: 1, reason: reasonOf(error) }
      throw new TableError('outcome-unknown', facts, error)
    }
    if (!expiry.isShared) refuseSecondWriter(landed, states)
    return states
  }

  #plan(change: Change, states: States = this.#states): Plans {
    const expiry = this.#expiry()
    const keys = Object.keys(change.summary)
    assert(
      keys.every((key) => key.startsWith(OWN_KEY_PREFIX)),
      `summary keys: ${keys.join(', ')}`,
    )
    const own = { ...change.summary, [SUMMARY_KEYS.commitId]: change.commitId }
    return plansOf((key) => {
      const ofTable = change[key]
      if (ofTable === undefined && expiry.isShared) return null
      const uuid = randomUUID()
      const names = { uuid, snapshotId: snapshotIdOf(uuid) }
      const files = ofTable ?? NO_CHANGE
      return planCommit(states[key], files, own, names, this.#nowMs(), expiry)
    })
  }

  async #expire(): Promise<number> {
    const expiry = this.#expiry()
    const before = this.#states
    const plans = plansOf((key) => planExpiry(before[key], randomUUID(), this.#nowMs(), expiry))
    if (Object.keys(plans).length === 0) return 0
    await this.#apply(plans, `expiry-${randomUUID()}`)
    const snapshots = (states: States): number =>
      TABLE_KEYS.reduce((sum, key) => sum + states[key].metadata.snapshots.length, 0)
    return snapshots(before) - snapshots(this.#states)
  }

  #expiry(): Expiry {
    const { expiry, snapshotClock } = this.#parts
    const snapshots = TABLE_KEYS.flatMap((key) => this.#states[key].metadata.snapshots)
    return { ...expiry, times: snapshotClock.look(snapshots) }
  }

  /** Takes over what other writers have committed, and the metadata files that they let go. */
  #take(states: States): void {
    const nowMs = this.#expiry().times.nowMs
    const free = TABLE_KEYS.flatMap((key) => replacedMetadata(this.#states[key], states[key]))
    this.#parts.grace.retire(free.map((path) => ({ path, leftMs: nowMs })))
    this.#states = states
  }

  #nowMs(): number {
    return Math.floor(this.#parts.nowUs() / 1000)
  }

  /** Runs beside what follows; the next commit waits for it. */
  async #clean(): Promise<void> {
    await this.collect()
    this.#parts.onStep('cleaned')
  }
}

/**
 * A commit of the embedded engine that this process did not make is that of a second one, which has
 * taken the same events from the same log: to go on after it would count them twice.
 */
function refuseSecondWriter(landed: States, found: States): void {
  for (const key of TABLE_KEYS) {
    const { current } = landed[key].metadata
    const ours = current?.sequenceNumber ?? 0
    for (const { sequenceNumber, summary } of historyOf(found[key].metadata)) {
      if (sequenceNumber <= ours) break
      const commitId = summary[SUMMARY_KEYS.commitId] ?? null
      // Other programs copy no keys of ours.
      if (commitId === null) continue
      throw new TableError('second-writer', { table: TABLES[key].name, commitId })
    }
  }
}

/** The files of tables that other programs have changed. */
function pathsSince(before: States, found: States): readonly string[] {
  return TABLE_KEYS.filter((key) => found[key] !== before[key]).flatMap((key) => [
    ...referencedPaths(found[key]),
  ])
}

function overtaken(conflict: TableError): TableError {
  const facts = { table: conflict.facts.table ?? '', attempts: CONFLICTS_MAX }
  return new TableError('overtaken', facts, conflict)
}

/**
 * The metadata files of `before` that `after` no longer lists. Newer ones than `after` are left
 * alone: the catalog may have been restored from a backup by mistake.
 */
function replacedMetadata(before: TableState, after: TableState): readonly string[] {
  const listed = new Set([after.metadataPath, ...after.metadata.metadataLog.map((e) => e.path)])
  const version = metadataVersion(after.metadataPath)
  return [...before.metadata.metadataLog.map((e) => e.path), before.metadataPath].filter(
    (path) => !listed.has(path) && metadataVersion(path) < version,
  )
}

/** A positive 63-bit number from a random UUID, as Java makes it. */
function snapshotIdOf(uuid: string): bigint {
  const bytes = uuidBytes(uuid)
  return (bytes.readBigUInt64BE(0) ^ bytes.readBigUInt64BE(8)) & 0x7fff_ffff_ffff_ffffn
}
