/**
 * Carries out a commit: writes what `commit-plan.ts` decided, and moves the pointers of the tables in one transaction.
 *
 *   manifests ─ manifest list ─ metadata, durable     the tables side by side
 *   folders synced                                    every name is on the disk before anything points to it
 *   BEGIN · the pointers, compare-and-swap · COMMIT   the commit point
 *   what nothing refers to any more is removed        only after the commit is known
 *
 * Before COMMIT a failure is known: what was written is removed. From then on it is not. A COMMIT that throws may have
 * landed, so the pointers are read back over a new connection, for good (`readSettled`): at the new place the commit is done, at
 * the old place the same files are tried again, anywhere else another writer was here. Nothing is deleted on a guess (F1, F3).
 */

import { reasonOf } from '../runtime.ts'
import type { Catalog, Pointers, SomePointers } from './catalog.ts'
import { type CommitPlan, plannedPaths, type TableState } from './commit-plan.ts'
import { TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { locationOf, pathOf } from './location.ts'
import { manifestFormat, STATUS } from './manifest.ts'
import { encodeManifestList, manifestFileOf } from './manifest-list.ts'
import type { LoadedManifest } from './manifest-plan.ts'
import { sayingWait } from './saying-wait.ts'
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

/** Of the tables that a commit changes. */
export type Plans = Readonly<Partial<Record<TableKey, CommitPlan>>>
export type States = Readonly<Record<TableKey, TableState>>
export type SomeStates = Readonly<Partial<States>>

/** Writes everything but the pointers. On failure what was written is removed, and nothing has changed. */
export async function writePlans(
  storage: Storage,
  base: States,
  plans: Plans,
  sync: Uint8Array,
  onStep: OnStep,
): Promise<SomeStates> {
  try {
    const planned = TABLE_KEYS.flatMap((key) => {
      const plan = plans[key]
      return plan === undefined ? [] : [{ key, plan }]
    })
    const written = await allSettled(
      planned.map(async ({ key, plan }) => [
        key,
        await writePlan(storage, base[key], plan, sync, onStep),
      ]),
    )
    await storage.syncFolders()
    onStep('folders-synced')
    return Object.fromEntries(written) as SomeStates
  } catch (error) {
    await removePlanned(storage, plans)
    throw error
  }
}

/** Only where it is known that no pointer leads to them. */
export async function removePlanned(storage: Storage, plans: Plans): Promise<void> {
  const paths = Object.values(plans).flatMap(plannedPaths)
  await Promise.all(paths.map((path) => storage.remove(path).catch(() => {})))
}

async function writePlan(
  storage: Storage,
  { table }: TableState,
  plan: CommitPlan,
  sync: Uint8Array,
  onStep: OnStep,
): Promise<TableState> {
  const format = manifestFormat(table)
  const encoded = await Promise.all(plan.written.map(({ entries }) => format.encode(entries, sync)))
  const write = async (path: string, bytes: Uint8Array, step: CommitStep): Promise<void> => {
    await storage.write(path, [bytes])
    onStep(step)
  }
  const { list } = plan
  const written: LoadedManifest[] = plan.written.map(({ path, entries }, index) => ({
    file: manifestFileOf(path, encoded[index]!.byteLength, entries, list!.owner),
    live: entries.filter((entry) => entry.status !== STATUS.deleted),
  }))
  const manifests = [...written, ...plan.carried]
  const lines = manifests.map(({ file }) => file)
  const listBytes = list === null ? null : await encodeManifestList(lines, list.owner, sync)
  const metadata = Buffer.from(serializeMetadata(plan.metadata))
  await allSettled([
    ...plan.written.map(({ path }, index) => write(path, encoded[index]!, 'manifest-written')),
    ...(list === null || listBytes === null
      ? []
      : [write(list.path, listBytes, 'manifest-list-written')]),
    write(plan.metadataPath, metadata, 'metadata-written'),
  ])
  const { metadataPath, retired } = plan
  return { table, metadata: plan.metadata, metadataPath, manifests, retired }
}

/** Access to the catalog that survives a lost connection. */
export type CatalogAccess = Readonly<{
  /** For messages. */
  name: string
  /** See Catalog. */
  settles: boolean
  current(): Promise<Catalog>
  /** Closes the connection, whatever state it is in, and opens a new one. */
  reopen(): Promise<Catalog>
  pause(durationMs: number): Promise<void>
}>

/** `landed` and at the new place; `overtaken`: landed, and another writer has committed on top of it. */
export type SwapOutcome = 'landed' | 'overtaken'

export type SwapWatch = Readonly<{
  onStep: OnStep
  /** The outcome is unknown for now. */
  onDoubt: () => void
  /** The catalog keeps a commit waiting: why; null when it no longer does. */
  onWait: (reason: string | null) => void
  /** Whether to go on waiting for a catalog that cannot be asked. */
  goesOn: () => boolean
}>

const ATTEMPTS_MAX = 5
/** Some ten minutes: a database that is restarted or moved is back by then. */
const READ_BACKS_MAX = 130
const FIRST_PAUSE_MS = 100
const PAUSE_MS_MAX = 5_000

/** Moves the pointers, and says so while the catalog keeps it waiting. */
export async function swapPointers(
  access: CatalogAccess,
  storage: Storage,
  base: SomeStates,
  next: SomeStates,
  commitId: string,
  watch: SwapWatch,
): Promise<SwapOutcome> {
  return await sayingWait(access.name, watch.onWait, (onWait) =>
    trySwaps(access, storage, base, next, commitId, { ...watch, onWait }),
  )
}

async function trySwaps(
  access: CatalogAccess,
  storage: Storage,
  base: SomeStates,
  next: SomeStates,
  commitId: string,
  watch: SwapWatch,
): Promise<SwapOutcome> {
  const from = pointersOf(base)
  const to = pointersOf(next)
  let error: unknown
  let locks = 0
  for (let failures = 0; failures < ATTEMPTS_MAX; ) {
    if (failures > 0) await access.pause(FIRST_PAUSE_MS * 2 ** (failures - 1))
    try {
      const catalog = failures === 0 ? await access.current() : await access.reopen()
      await catalog.swap(from, to, watch.onStep)
      return 'landed'
    } catch (caught) {
      error = caught
    }
    if (error instanceof TableError) {
      // Known: nothing has changed. Anything but a conflict or a lock may have been the connection.
      if (error.code === 'commit-conflict') throw error
      const isLocked = error.code === 'catalog-locked'
      if (isLocked && (++locks < ATTEMPTS_MAX || watch.goesOn())) continue
      if (isLocked) throw error
      failures++
      continue
    }
    failures++
    watch.onDoubt()
    const found = await readBack(access, commitId, error, watch)
    if (samePointers(found, to)) return 'landed'
    if (!samePointers(found, from)) {
      if (await isInHistory(storage, found, base, next, commitId)) return 'overtaken'
      throw conflict(from, found, error)
    }
  }
  const reason = `${reasonOf(error instanceof TableError ? error.cause : error)}; ${ATTEMPTS_MAX} tries`
  throw new TableError('catalog-failed', { catalog: access.name, reason }, error)
}

async function readBack(
  access: CatalogAccess,
  commitId: string,
  cause: unknown,
  { onWait, goesOn }: SwapWatch,
): Promise<Pointers> {
  let error: unknown = cause
  let attempts = 0
  while (attempts < ATTEMPTS_MAX || (attempts < READ_BACKS_MAX && goesOn())) {
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
 * Whether a table that another writer moved on was moved on from our metadata: it is in the log of the metadata that is current
 * now, or our snapshot is in it. What cannot be read is no answer.
 */
async function isInHistory(
  storage: Storage,
  found: Pointers,
  base: SomeStates,
  next: SomeStates,
  commitId: string,
): Promise<boolean> {
  const key = TABLE_KEYS.find((each) => next[each] !== undefined) ?? 'events'
  const ours = next[key]
  const id = ours?.metadata.current?.id
  const isNew = id !== base[key]?.metadata.current?.id
  try {
    const bytes = await storage.read(pathOf(found[key]))
    const { snapshots, metadataLog } = parseMetadata(TABLES[key], bytes.toString())
    const isLogged = metadataLog.some(({ path }) => path === ours?.metadataPath)
    return isLogged || (isNew && snapshots.some((snapshot) => snapshot.id === id))
  } catch (error) {
    const facts = { catalog: found[key], commitId, attempts: 1, reason: reasonOf(error) }
    throw new TableError('outcome-unknown', facts, error)
  }
}

function conflict(base: SomePointers, found: Pointers, cause: unknown): TableError {
  const key = TABLE_KEYS.find((each) => base[each] !== undefined && base[each] !== found[each])
  const facts = {
    table: TABLES[key ?? 'events'].name,
    base: base[key ?? 'events'] ?? 'nothing',
    current: found[key ?? 'events'],
  }
  return new TableError('commit-conflict', facts, cause)
}

export function pointersOf(states: SomeStates): SomePointers {
  const pointers = TABLE_KEYS.flatMap((key) => {
    const state = states[key]
    return state === undefined ? [] : [[key, locationOf(state.metadataPath)]]
  })
  return Object.fromEntries(pointers)
}

/** Of the tables that the commit changes; nobody's business are the others. */
function samePointers(found: Pointers, ours: SomePointers): boolean {
  return TABLE_KEYS.every((key) => ours[key] === undefined || found[key] === ours[key])
}

/** Like Promise.all, but waits for all of them: a file still being written must not be removed meanwhile. */
async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
