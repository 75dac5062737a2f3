/**
 * The commit point: moves the pointers of the tables in one transaction of the catalog
 * (compare-and-swap), and finds out what became of it.
 *
 * Before COMMIT a failure is known. From then on it is not: a COMMIT that throws may have landed.
 * So the pointers are read back over a new connection, with a final answer (`readSettled`). At the
 * new place, the commit is done. At the old place, the same files are tried again. Anywhere else,
 * another writer has committed. Nothing is deleted on a guess (F1, F3).
 */
import { reasonOf } from '../../runtime.ts'
import {
  type CatalogAccess,
  type OnWait,
  type Pointers,
  reportWait,
  type SomePointers,
} from '../catalog.ts'
import { TABLE_KEYS, TABLES, type TableKey } from '../definition.ts'
import { TableError } from '../error.ts'
import type { SomeStates } from '../load-table.ts'
import { locationOf, pathOf } from '../location.ts'
import type { Storage } from '../storage.ts'
import { parseMetadata } from '../table-metadata.ts'
import type { OnStep } from './write-metadata.ts'

/**
 * `landed`: the pointers are at the new place. `overtaken`: it landed, and another writer has
 * committed on top of it.
 */
export type SwapOutcome = 'landed' | 'overtaken'

export type Swap = Readonly<{
  access: CatalogAccess
  storage: Storage
  /** The states that the commit was built on, and those that it makes. */
  base: SomeStates
  next: SomeStates
  commitId: string
}>

export type SwapHooks = Readonly<{
  onStep: OnStep
  /** The outcome is unknown for now. */
  onUnknown: () => void
  onWait: OnWait
  /** Whether to go on waiting for a catalog that does not answer. */
  keepsWaiting: () => boolean
}>

const ATTEMPTS_MAX = 5
/** Some ten minutes: a database that is restarted or moved is back by then. */
const READ_BACKS_MAX = 130
const FIRST_PAUSE_MS = 100
const PAUSE_MS_MAX = 5_000

/** Reports while the catalog keeps it waiting. */
export function swapPointers(swap: Swap, hooks: SwapHooks): Promise<SwapOutcome> {
  return reportWait(swap.access.name, hooks.onWait, (onWait) =>
    trySwaps(swap, { ...hooks, onWait }),
  )
}

async function trySwaps(swap: Swap, hooks: SwapHooks): Promise<SwapOutcome> {
  const { access } = swap
  const from = pointersOf(swap.base)
  const to = pointersOf(swap.next)
  let error: unknown
  let locks = 0
  for (let failures = 0; failures < ATTEMPTS_MAX; ) {
    if (failures > 0) await access.pause(FIRST_PAUSE_MS * 2 ** (failures - 1))
    try {
      const catalog = failures === 0 ? await access.current() : await access.reopen()
      await catalog.swap(from, to, hooks.onStep)
      return 'landed'
    } catch (caught) {
      error = caught
    }
    if (error instanceof TableError) {
      // Nothing has changed. Anything but a conflict or a lock may have been the connection.
      if (error.code === 'commit-conflict' || error.code === 'misplaced') throw error
      const isLocked = error.code === 'catalog-locked'
      if (isLocked && (++locks < ATTEMPTS_MAX || hooks.keepsWaiting())) continue
      if (isLocked) throw error
      failures++
      continue
    }
    failures++
    hooks.onUnknown()
    const found = await readBack(swap, error, hooks)
    if (samePointers(found, to)) return 'landed'
    if (!samePointers(found, from)) {
      if (await isInHistory(swap, found)) return 'overtaken'
      throw conflict(from, found, error)
    }
  }
  const cause = error instanceof TableError ? (error.cause ?? error) : error
  const reason = `${reasonOf(cause)}; ${ATTEMPTS_MAX} tries`
  throw new TableError('catalog-failed', { catalog: access.name, reason }, error)
}

async function readBack(
  { access, commitId }: Swap,
  cause: unknown,
  { onWait, keepsWaiting }: SwapHooks,
): Promise<Pointers> {
  let error: unknown = cause
  let attempts = 0
  while (attempts < ATTEMPTS_MAX || (attempts < READ_BACKS_MAX && keepsWaiting())) {
    attempts++
    try {
      const catalog = await access.reopen()
      const found = await catalog.readSettled()
      if (found !== null) return found
      error = new Error('the tables are no longer in the catalog')
    } catch (caught) {
      error = caught
    }
    if (attempts === ATTEMPTS_MAX) {
      const reason = reasonOf(error)
      onWait(`whether commit ${commitId} reached the catalog is asked until it answers: ${reason}`)
    }
    await access.pause(Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), PAUSE_MS_MAX))
  }
  const facts = { catalog: access.name, commitId, attempts, reason: reasonOf(error) }
  throw new TableError('outcome-unknown', facts, error)
}

/**
 * Whether another writer committed on top of our metadata: the metadata that is current now has
 * ours in its log, or has our snapshot. Metadata that cannot be read leaves the outcome unknown.
 */
async function isInHistory(
  { storage, base, next, commitId }: Swap,
  found: Pointers,
): Promise<boolean> {
  const key = TABLE_KEYS.find((each) => next[each] !== undefined) ?? 'events'
  const ours = next[key]
  const id = ours?.metadata.current?.id
  const isNew = id !== base[key]?.metadata.current?.id
  try {
    const file = pathOf(found[key])
    const text = (await storage.read(file)).toString()
    const { snapshots, metadataLog } = parseMetadata(TABLES[key], file, text)
    const isLogged = metadataLog.some(({ path }) => path === ours?.metadataPath)
    return isLogged || (isNew && snapshots.some((snapshot) => snapshot.id === id))
  } catch (error) {
    const facts = { catalog: found[key], commitId, attempts: 1, reason: reasonOf(error) }
    throw new TableError('outcome-unknown', facts, error)
  }
}

function conflict(base: SomePointers, found: Pointers, cause: unknown): TableError {
  const isChanged = (key: TableKey) => base[key] !== undefined && base[key] !== found[key]
  const key = TABLE_KEYS.find(isChanged) ?? 'events'
  const facts = { table: TABLES[key].name, base: base[key] ?? 'nothing', current: found[key] }
  return new TableError('commit-conflict', facts, cause)
}

function pointersOf(states: SomeStates): SomePointers {
  const pointers = TABLE_KEYS.flatMap((key) => {
    const state = states[key]
    return state === undefined ? [] : [[key, locationOf(state.metadataPath)]]
  })
  return Object.fromEntries(pointers)
}

/** Compares the tables that the commit changes; other tables are ignored. */
function samePointers(found: Pointers, ours: SomePointers): boolean {
  return TABLE_KEYS.every((key) => ours[key] === undefined || found[key] === ours[key])
}
