/**
 * Carries out a commit: writes what `commit-plan.ts` decided, and moves both tables' pointers in one transaction.
 *
 *   manifests ─ manifest list ─ metadata, synced      both tables side by side
 *   folders synced                                    every name is on the disk before anything points to it
 *   BEGIN · both pointers, compare-and-swap · COMMIT  the commit point
 *   what nothing refers to any more is removed        only after the commit is known
 *
 * Before the transaction a failure is known: what was written is removed. From then on it is not. A COMMIT that throws
 * may have landed, so the pointers are read back over a new connection: at the new place the commit is done, at the old
 * place the same files are tried again, anywhere else another writer was here. Nothing is deleted on a guess (F1, F3).
 */
import type { Catalog, Pointers } from './catalog.ts'
import { type CommitPlan, plannedPaths, type TableState } from './commit-plan.ts'
import { forBothTables, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { reasonOf, TableError } from './error.ts'
import { locationOf, pathOf } from './location.ts'
import { manifestFormat, STATUS } from './manifest.ts'
import { encodeManifestList, manifestFileOf } from './manifest-list.ts'
import type { LoadedManifest } from './manifest-plan.ts'
import type { Storage } from './storage.ts'
import { parseMetadata, serializeMetadata } from './table-metadata.ts'

export const COMMIT_STEPS = [
  'data-file-written',
  'data-file-synced',
  'manifest-written',
  'manifest-list-written',
  'metadata-written',
  'folders-synced',
  'transaction-begun',
  'pointers-swapped',
  'committed',
  'cleaned',
] as const
export type CommitStep = (typeof COMMIT_STEPS)[number]
export type OnStep = (step: CommitStep) => void

export type Plans = Readonly<Record<TableKey, CommitPlan>>
export type States = Readonly<Record<TableKey, TableState>>

/** Writes everything but the pointers. On failure what was written is removed, and nothing has changed. */
export async function writePlans(
  storage: Storage,
  base: States,
  plans: Plans,
  sync: Uint8Array,
  onStep: OnStep,
): Promise<States> {
  try {
    const [events, metrics] = await allSettled(
      TABLE_KEYS.map((key) => writePlan(storage, base[key], plans[key], sync, onStep)),
    )
    await storage.syncFolders()
    onStep('folders-synced')
    return { events: events!, metrics: metrics! }
  } catch (error) {
    const paths = TABLE_KEYS.flatMap((key) => plannedPaths(plans[key]))
    await Promise.all(paths.map((path) => storage.remove(path).catch(() => {})))
    throw error
  }
}

async function writePlan(
  storage: Storage,
  state: TableState,
  plan: CommitPlan,
  sync: Uint8Array,
  onStep: OnStep,
): Promise<TableState> {
  const { table } = state
  const format = manifestFormat(table)
  const encoded = await Promise.all(plan.written.map(({ entries }) => format.encode(entries, sync)))
  const written: LoadedManifest[] = plan.written.map(({ path, entries }, index) => ({
    file: manifestFileOf(path, encoded[index]!.byteLength, entries, plan.owner),
    live: entries.filter((entry) => entry.status !== STATUS.deleted),
  }))
  const manifests = [...written, ...plan.carried]
  const lines = manifests.map(({ file }) => file)
  const list = await encodeManifestList(lines, plan.owner, sync)
  const metadata = Buffer.from(serializeMetadata(table, plan.metadata))
  const write = async (path: string, bytes: Uint8Array, step: CommitStep): Promise<void> => {
    await storage.write(path, [bytes])
    onStep(step)
  }
  await allSettled([
    ...plan.written.map(({ path }, index) => write(path, encoded[index]!, 'manifest-written')),
    write(plan.manifestListPath, list, 'manifest-list-written'),
    write(plan.metadataPath, metadata, 'metadata-written'),
  ])
  const { metadataPath, retired } = plan
  return { table, metadata: plan.metadata, metadataPath, manifests, retired }
}

/** Access to the catalog that survives a lost connection. */
export type CatalogAccess = Readonly<{
  path: string
  current(): Catalog
  /** Closes the connection, whatever state it is in, and opens a new one. */
  reopen(): Catalog
  pause(durationMs: number): Promise<void>
}>

/** `landed` and at the new place; `overtaken`: landed, and another writer has committed on top of it. */
export type SwapOutcome = 'landed' | 'overtaken'

const ATTEMPTS_MAX = 5
const FIRST_PAUSE_MS = 100

export async function swapPointers(
  access: CatalogAccess,
  storage: Storage,
  base: States,
  next: States,
  commitId: string,
  { onStep, onDoubt }: Readonly<{ onStep: OnStep; onDoubt: () => void }>,
): Promise<SwapOutcome> {
  const from = pointersOf(base)
  const to = pointersOf(next)
  let error: unknown
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    try {
      access.current().swap(from, to, onStep)
      return 'landed'
    } catch (caught) {
      error = caught
      if (!(caught instanceof TableError)) onDoubt()
    }
    if (attempt > 1) await access.pause(FIRST_PAUSE_MS * 2 ** (attempt - 2))
    const found = await readBack(access, commitId, error)
    if (samePointers(found, to)) return 'landed'
    if (!samePointers(found, from)) {
      if (await isInHistory(storage, found, next)) return 'overtaken'
      throw conflict(from, found, error)
    }
  }
  const reason = `${reasonOf(error)}; ${ATTEMPTS_MAX} tries`
  throw new TableError('catalog-failed', { catalog: access.path, reason }, error)
}

async function readBack(
  access: CatalogAccess,
  commitId: string,
  cause: unknown,
): Promise<Pointers> {
  let error: unknown = cause
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    try {
      const found = access.reopen().read()
      if (found !== null) return found
      error = new Error('the tables are no longer in the catalog')
    } catch (caught) {
      error = caught
    }
    await access.pause(FIRST_PAUSE_MS * 2 ** (attempt - 1))
  }
  const facts = { catalog: access.path, commitId, attempts: ATTEMPTS_MAX, reason: reasonOf(error) }
  throw new TableError('outcome-unknown', facts, error)
}

/** Whether the table that another writer moved on still has our snapshot in its history. */
async function isInHistory(storage: Storage, found: Pointers, next: States): Promise<boolean> {
  const ours = next.events.metadata.current
  try {
    const bytes = await storage.read(pathOf(found.events))
    const { snapshots } = parseMetadata(TABLES.events, bytes.toString())
    return snapshots.some((snapshot) => snapshot.id === ours?.id)
  } catch {
    return false
  }
}

function conflict(base: Pointers, found: Pointers, cause: unknown): TableError {
  const key = TABLE_KEYS.find((each) => base[each] !== found[each]) ?? 'events'
  const facts = { table: TABLES[key].name, base: base[key], current: found[key] }
  return new TableError('commit-conflict', facts, cause)
}

export function pointersOf(states: States): Pointers {
  return forBothTables((key) => locationOf(states[key].metadataPath))
}

function samePointers(a: Pointers, b: Pointers): boolean {
  return TABLE_KEYS.every((key) => a[key] === b[key])
}

/** Like Promise.all, but waits for all of them: a file still being written must not be removed meanwhile. */
async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
