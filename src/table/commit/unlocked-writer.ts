/**
 * Commits of clients of the REST catalog beside Flink, by compare-and-swap alone: what they ask for
 * is judged against the tables as they are, written as new metadata, and swapped in where nobody has
 * committed meanwhile. It needs no writer's lock, so any process that collects can do it. The
 * windows of changed rows follow later: which, is noted in the same commit (client-rows.ts).
 */
import { randomUUID } from 'node:crypto'
import { RoomError, reasonOf } from '../../runtime.ts'
import { uuidBytes } from '../avro.ts'
import { type CatalogAccess, type CatalogAccessOptions, openCatalogAccess } from '../catalog.ts'
import {
  type ClientChange,
  judge,
  type Proposal,
  type Proposals,
  withRowChange,
} from '../client-commit.ts'
import { TABLE_KEYS, TABLES } from '../definition.ts'
import { TableError } from '../error.ts'
import { PROPERTY_KEYS } from '../keys.ts'
import {
  type Load,
  openLoading,
  type SomeStates,
  type States,
  type TableState,
} from '../load-table.ts'
import { type LakePlaces, locationOf } from '../location.ts'
import type { ClientAnswer, LakeWriter } from '../rest-catalog.ts'
import { openStorage, type Storage } from '../storage.ts'
import { serializeMetadata } from '../table-metadata.ts'
import { type Expiry, planMetadata } from './plan.ts'
import { swapPointers } from './swap-pointers.ts'
import { type Plans, plansOf, removePlanned, writePlans } from './write-metadata.ts'

export type UnlockedWriterOptions = Pick<LakePlaces, 'catalog' | 'warehouse'> &
  Readonly<{
    nowUs: () => number
    storage?: Storage
    openCatalog?: CatalogAccessOptions['open']
    pause?: CatalogAccessOptions['pause']
  }>

export type UnlockedWriter = LakeWriter &
  Readonly<{
    /** Waits for the commits under way. */
    close(): Promise<void>
  }>

type Opened = Readonly<{ storage: Storage; load: Load }>

const US_PER_MS = 1000
/** The leader lets snapshots expire. */
const KEEP_ALL: Expiry['policy'] = {
  allMs: Number.POSITIVE_INFINITY,
  stepMs: 1,
  minutelyMs: Number.POSITIVE_INFINITY,
  snapshotsMax: Number.POSITIVE_INFINITY,
}

/** Opens nothing before the first commit. */
export function openUnlockedWriter(options: UnlockedWriterOptions): UnlockedWriter {
  const { catalog, warehouse, nowUs, pause } = options
  let opened: Opened | null = null
  let queue: Promise<unknown> = Promise.resolve()

  async function open(): Promise<Opened> {
    if (opened !== null) return opened
    const storage = options.storage ?? (await openStorage(warehouse))
    opened = { storage, load: openLoading(storage, true) }
    return opened
  }

  async function commitNow(changes: readonly ClientChange[]): Promise<ClientAnswer> {
    const access = await openCatalogAccess(catalog, { open: options.openCatalog, pause })
    try {
      return await commitThrough(access, await open(), changes, Math.floor(nowUs() / US_PER_MS))
    } finally {
      await access.close()
    }
  }

  return {
    // Nothing of ours is held back: Flink commits once a checkpoint, and others fit in between.
    expect: async () => {},
    commit(changes) {
      const done = queue.then(() => commitNow(changes)).catch(failureOf)
      queue = done
      return done
    },
    async close() {
      await queue
    },
  }
}

async function commitThrough(
  access: CatalogAccess,
  { storage, load }: Opened,
  changes: readonly ClientChange[],
  nowMs: number,
): Promise<ClientAnswer> {
  const pointers = await (await access.current()).read()
  if (pointers === null) throw new TableError('catalog-missing', { catalog: access.name })
  const base = await load(pointers, null)
  requireFlink(base)
  const judged = await judge(storage, base, changes, { nowMs, isShared: true })
  if (judged.kind === 'landed') return committed(changes, base)
  if (judged.kind !== 'proposed') return judged
  const plans = planned(judged.proposals, nowMs)
  const sync = uuidBytes(randomUUID())
  const next = await writePlans(storage, base, plans, sync, () => {})
  await swap(access, storage, { base, plans, next })
  return committed(changes, { ...base, ...next })
}

/** An answer is waited for: what is not known soon is answered as unknown. */
async function swap(
  access: CatalogAccess,
  storage: Storage,
  { base, plans, next }: Readonly<{ base: States; plans: Plans; next: SomeStates }>,
): Promise<void> {
  const changed = Object.fromEntries(
    TABLE_KEYS.flatMap((key) => (plans[key] === undefined ? [] : [[key, base[key]]])),
  )
  let wasUnknown = false
  const onUnknown = (): void => {
    wasUnknown = true
  }
  const hooks = { onStep() {}, onUnknown, onWait() {}, keepsWaiting: () => false }
  const commitId = `client-${randomUUID()}`
  try {
    await swapPointers({ access, storage, base: changed, next, commitId }, hooks)
  } catch (error) {
    if (!wasUnknown) await removePlanned(storage, plans)
    throw error
  }
}

function planned(proposals: Proposals, nowMs: number): Plans {
  const times: Expiry['times'] = { nowMs, bornMs: ({ timestampMs }) => timestampMs }
  const expiry: Expiry = { policy: KEEP_ALL, isShared: true, times }
  return plansOf((key) => {
    const proposal = proposals[key]
    if (proposal === undefined) return null
    return planMetadata(withNotes(proposal, nowMs), randomUUID(), nowMs, expiry)
  })
}

/** Rows of campaign_metrics do not change through a client. */
function withNotes({ state, rows }: Proposal, nowMs: number): TableState {
  const { metadata } = state
  const made = { sequence: metadata.lastSequenceNumber, nowMs }
  const properties = withRowChange(metadata.properties, rows, made)
  return { ...state, metadata: { ...metadata, properties } }
}

/** Where another engine fills the tables now, its own process has to commit. */
function requireFlink(states: States): void {
  for (const key of TABLE_KEYS) {
    const found = states[key].metadata.properties[PROPERTY_KEYS.writer] ?? 'none'
    if (found === 'flink') continue
    throw new TableError('other-writer', { table: TABLES[key].name, found, wanted: 'flink' })
  }
}

function committed(changes: readonly ClientChange[], states: States): ClientAnswer {
  const tables = changes.map(({ key }) => {
    const { metadata, metadataPath } = states[key]
    const text = serializeMetadata(metadata)
    return [key, { metadataLocation: locationOf(metadataPath), metadata: text }]
  })
  return { kind: 'committed', tables: Object.fromEntries(tables) }
}

/** Of an error whose cause is not known, it is not known either whether it came before the commit. */
function failureOf(error: unknown): ClientAnswer {
  const message = reasonOf(error)
  const code = error instanceof TableError ? error.code : null
  if (code === 'commit-conflict') return { kind: 'conflict', message }
  if (code === 'outcome-unknown' || !(error instanceof RoomError))
    return { kind: 'unknown', message }
  return { kind: 'unavailable', message }
}
