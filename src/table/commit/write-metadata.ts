/**
 * Writes what `plan.ts` decided for each table: manifests, manifest list and metadata, the tables
 * side by side. Every file and every name is on the disk when this is done; the catalog points to
 * none of them yet.
 */
import { allOf } from '../../runtime.ts'
import { TABLE_KEYS, type TableKey } from '../definition.ts'
import type { SomeStates, States, TableState } from '../load-table.ts'
import { manifestFormat, STATUS } from '../manifest.ts'
import { encodeManifestList, type LoadedManifest, manifestFileOf } from '../manifest-list.ts'
import type { Storage } from '../storage.ts'
import { serializeMetadata } from '../table-metadata.ts'
import { type CommitPlan, plannedPaths } from './plan.ts'

/** The steps of a commit in their order, for tests that stop the process at one of them. */
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
type OwnStep = (typeof COMMIT_STEPS)[number]

/** Those of a client's commit, which come between the same steps of ours. */
export const CLIENT_COMMIT_STEPS = [
  'client-checked',
  'client-windows-followed',
  'client-manifest-written',
  'client-manifest-list-written',
  'client-metadata-written',
  'client-folders-synced',
  'client-transaction-begun',
  'client-pointers-swapped',
  'client-committed',
] as const
export type CommitStep = OwnStep | (typeof CLIENT_COMMIT_STEPS)[number]
export type OnStep = (step: CommitStep) => void

/** Of the tables that a commit changes. */
export type Plans = Readonly<Partial<Record<TableKey, CommitPlan>>>

/** The plans of the tables that have one. */
export function plansOf(plan: (key: TableKey) => CommitPlan | null): Plans {
  const planned = TABLE_KEYS.flatMap((key) => {
    const made = plan(key)
    return made === null ? [] : [[key, made]]
  })
  return Object.fromEntries(planned)
}

/** On failure, the files that were written are removed, and nothing has changed. */
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
    const written = await allOf(planned, planned.length, async ({ key, plan }) => [
      key,
      await writePlan(storage, base[key], plan, sync, onStep),
    ])
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

type PlannedFile = Readonly<{ path: string; bytes: Uint8Array; step: CommitStep }>

async function writePlan(
  storage: Storage,
  { table }: TableState,
  plan: CommitPlan,
  sync: Uint8Array,
  onStep: OnStep,
): Promise<TableState> {
  const format = manifestFormat(table)
  const encoded = await Promise.all(plan.written.map(({ entries }) => format.encode(entries, sync)))
  const { list } = plan
  const written: LoadedManifest[] = plan.written.map(({ path, entries }, index) => ({
    file: manifestFileOf(path, encoded[index]!.byteLength, entries, list!.owner),
    live: entries.filter((entry) => entry.status !== STATUS.deleted),
  }))
  const manifests = [...written, ...plan.carried]
  const lines = manifests.map(({ file }) => file)
  const files: PlannedFile[] = plan.written.map(({ path }, index) => ({
    path,
    bytes: encoded[index]!,
    step: 'manifest-written',
  }))
  if (list !== null) {
    const bytes = await encodeManifestList(lines, list.owner, sync)
    files.push({ path: list.path, bytes, step: 'manifest-list-written' })
  }
  const metadata = Buffer.from(serializeMetadata(plan.metadata))
  files.push({ path: plan.metadataPath, bytes: metadata, step: 'metadata-written' })
  // Waits for all of them, also when one fails: a file still being written must not be removed.
  await allOf(files, files.length, async ({ path, bytes, step }) => {
    await storage.write(path, [bytes])
    onStep(step)
  })
  const { metadataPath, retired } = plan
  return { table, metadata: plan.metadata, metadataPath, manifests, retired }
}
