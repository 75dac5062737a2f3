/**
 * The states of both tables, and the commits that move them on. A state is immutable; the next one is shown only once the catalog
 * has it. Calls must follow each other: `Lake` sees to that.
 *
 * Where our job is the writer, every commit is of both tables, so that both always hold the same checkpoint. Where Flink is, it
 * appends to each table by itself, and Trino rewrites raw files: a commit of ours then changes only the tables that it has
 * files for. When one of them has moved on, the commit is planned again on what is there now; that the files it takes away
 * are still there is checked each time ('missing-file').
 */
import { strict as assert } from 'node:assert'
import { reasonOf } from '../runtime.ts'
import {
  type CatalogAccess,
  type OnStep,
  type Plans,
  removePlanned,
  type States,
  swapPointers,
  writePlans,
} from './commit.ts'
import { type CommitPlan, type Expiry, planCommit, planExpiry } from './commit-plan.ts'
import { TABLE_KEYS, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { OWN_KEY_PREFIX, SUMMARY_KEYS } from './keys.ts'
import type { FileChange, Summary } from './snapshot.ts'
import type { Storage } from './storage.ts'

/** One commit: files in and out of both tables, and the keys that both snapshots' summaries shall carry. */
export type Change = Readonly<{
  events?: FileChange
  metrics?: FileChange
  /** Keys begin with `campaign-metrics.`; those not named keep their last value. */
  summary: Summary
  commitId: string
}>

export type CommitterParts = Readonly<{
  states: States
  access: CatalogAccess
  storage: Storage
  /** The states as they are now; those given are used where they still stand. */
  reload: (states: States) => Promise<States>
  expiry: Expiry
  /** Before a commit: takes the writer's lock again where its connection was lost. */
  keepLock: () => Promise<void>
  /** A commit waits for a catalog that is locked or does not answer: why; null when it no longer does. */
  onWait: (reason: string | null) => void
  nowUs: () => number
  newUuid: () => string
  onStep: OnStep
}>

const NO_CHANGE: FileChange = { add: [], remove: [] }
const REMOVALS_AT_ONCE = 16
/** Commits of another writer that come between, one after the other. */
const CONFLICTS_MAX = 10
const CONFLICT_PAUSE_MS = 200

export class Committer {
  readonly #parts: CommitterParts
  #states: States
  #cleaning: Promise<void> = Promise.resolve()
  /** Set once the outcome of a commit stayed unknown: nothing is written any more. */
  #lost: TableError | null = null
  #doubtful = false
  #goesOn = true

  constructor(parts: CommitterParts) {
    this.#parts = parts
    this.#states = parts.states
  }

  get states(): States {
    return this.#states
  }

  /** The outcome of a commit was unknown, and may not be settled: nothing may be removed on the word of our states. */
  get isDoubtful(): boolean {
    return this.#doubtful
  }

  async commit(change: Change): Promise<void> {
    await this.#retrying(() => this.#apply(this.#plan(change), change.commitId))
  }

  /** Lets snapshots expire without a commit of files. Returns how many went. */
  expire(): Promise<number> {
    return this.#retrying(() => this.#expire())
  }

  async reload(): Promise<void> {
    this.#states = await this.#parts.reload(this.#states)
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (let start = 0; start < paths.length; start += REMOVALS_AT_ONCE) {
      const some = paths.slice(start, start + REMOVALS_AT_ONCE)
      await Promise.all(some.map((path) => this.#parts.storage.remove(path).catch(() => {})))
    }
  }

  /** From now on a commit whose outcome is unknown does not wait long for the catalog. */
  stopWaiting(): void {
    this.#goesOn = false
  }

  /** Waits until what the last commit left over is removed. */
  async close(): Promise<void> {
    await this.#cleaning
  }

  /** Where another program writes as well, on what it has left; again where it was quicker. */
  async #retrying<T>(act: () => Promise<T>): Promise<T> {
    if (this.#lost !== null) throw this.#lost
    await this.#parts.keepLock()
    const { isShared } = this.#parts.expiry
    for (let attempt = 1; ; attempt++) {
      if (isShared) await this.reload()
      try {
        return await act()
      } catch (error) {
        const isConflict = error instanceof TableError && error.code === 'commit-conflict'
        if (!isShared || !isConflict || attempt === CONFLICTS_MAX) throw error
      }
      await this.#parts.access.pause(CONFLICT_PAUSE_MS * attempt)
    }
  }

  async #apply(plans: Plans, commitId: string): Promise<void> {
    const { storage, access, onStep, onWait, newUuid } = this.#parts
    const next = await writePlans(storage, this.#states, plans, uuidBytes(newUuid()), onStep)
    const base = Object.fromEntries(
      Object.keys(plans).map((key) => [key, this.#states[key as TableKey]]),
    )
    let isDoubtful = false
    const onDoubt = (): void => {
      isDoubtful = true
      this.#doubtful = true
    }
    try {
      const watch = { onStep, onDoubt, onWait, goesOn: () => this.#goesOn }
      const outcome = await swapPointers(access, storage, base, next, commitId, watch)
      const landed = { ...this.#states, ...next }
      this.#states = outcome === 'landed' ? landed : await this.#overtaken(landed, commitId)
      this.#doubtful &&= !access.settles
    } catch (error) {
      if (error instanceof TableError && error.code === 'outcome-unknown') this.#lost = error
      else if (!isDoubtful) await removePlanned(storage, plans)
      throw error
    }
    await this.#cleaning
    // A file that stays behind costs space only, and the orphan sweep finds it: the commit has succeeded all the same.
    this.#cleaning = this.#clean(plans).catch(() => {})
  }

  /** The commit has landed: a failure to read what another writer made of it must not look like one to commit. */
  async #overtaken(landed: States, commitId: string): Promise<States> {
    const { access, reload } = this.#parts
    try {
      return await reload(landed)
    } catch (error) {
      const facts = { catalog: access.name, commitId, attempts: 1, reason: reasonOf(error) }
      throw new TableError('outcome-unknown', facts, error)
    }
  }

  #plan(change: Change): Plans {
    const { newUuid, expiry } = this.#parts
    const keys = Object.keys(change.summary)
    assert(
      keys.every((key) => key.startsWith(OWN_KEY_PREFIX)),
      `summary keys: ${keys.join(', ')}`,
    )
    const own = { ...change.summary, [SUMMARY_KEYS.commitId]: change.commitId }
    return plansOf(TABLE_KEYS, (key) => {
      const ofTable = change[key]
      if (ofTable === undefined && expiry.isShared) return null
      const uuid = newUuid()
      const names = { uuid, snapshotId: snapshotIdOf(uuid) }
      const files = ofTable ?? NO_CHANGE
      return planCommit(this.#states[key], files, own, names, this.#nowMs(), expiry)
    })
  }

  async #expire(): Promise<number> {
    const { newUuid, expiry } = this.#parts
    const before = this.#states
    const plans = plansOf(TABLE_KEYS, (key) =>
      planExpiry(before[key], newUuid(), this.#nowMs(), expiry),
    )
    if (Object.keys(plans).length === 0) return 0
    await this.#apply(plans, `expiry-${newUuid()}`)
    const snapshots = (states: States): number =>
      TABLE_KEYS.reduce((sum, key) => sum + states[key].metadata.snapshots.length, 0)
    return snapshots(before) - snapshots(this.#states)
  }

  #nowMs(): number {
    return Math.floor(this.#parts.nowUs() / 1000)
  }

  /** Runs beside what follows; the next commit waits for it. */
  async #clean(plans: Plans): Promise<void> {
    await this.remove(Object.values(plans).flatMap(({ free }) => free))
    this.#parts.onStep('cleaned')
  }
}

/** The plans of the tables that have one. */
function plansOf(keys: readonly TableKey[], plan: (key: TableKey) => CommitPlan | null): Plans {
  const planned = keys.flatMap((key) => {
    const made = plan(key)
    return made === null ? [] : [[key, made]]
  })
  return Object.fromEntries(planned)
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}

/** A positive 63-bit number from a random UUID, as Java makes it. */
function snapshotIdOf(uuid: string): bigint {
  const bytes = uuidBytes(uuid)
  return (bytes.readBigUInt64BE(0) ^ bytes.readBigUInt64BE(8)) & 0x7fff_ffff_ffff_ffffn
}
