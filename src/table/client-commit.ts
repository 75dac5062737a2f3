/**
 * Commits of clients of the REST catalog, decided: requirements, updates, and whether the tables
 * would still be what the rest of this program goes on with. Nothing is written here.
 */
import type { ClientChange, ClientRefusal, MetadataFields } from './client-commit/change.ts'
import { fieldsOf, textOf } from './client-commit/change.ts'
import { type JudgedAt, type Proposal, propose } from './client-commit/fit.ts'
import { failedRequirement } from './client-commit/requirements.ts'
import { applyUpdates } from './client-commit/updates.ts'
import { TABLES, type TableKey } from './definition.ts'
import type { States } from './load-table.ts'
import { pathOf } from './location.ts'
import type { Storage } from './storage.ts'

export {
  type ClientChange,
  type ClientRefusal,
  type Fields,
  type MetadataFields,
  parseFields,
  type Requirement,
  type Update,
} from './client-commit/change.ts'
export {
  type ChangedSpan,
  type ComparedSpans,
  changedSpans,
  clientRemovedMs,
  clientRows,
  withoutCompared,
  withRowChange,
} from './client-commit/client-rows.ts'
export type { Proposal, RowChange } from './client-commit/fit.ts'

export type Proposals = Readonly<Partial<Record<TableKey, Proposal>>>

export type Judgement =
  | ClientRefusal
  | Readonly<{ kind: 'proposed'; proposals: Proposals }>
  /** All snapshots of it are in the tables: its answer was lost, and it was sent again. */
  | Readonly<{ kind: 'landed' }>

export async function judge(
  storage: Storage,
  states: States,
  changes: readonly ClientChange[],
  at: JudgedAt,
): Promise<Judgement> {
  if (changes.length > 0 && changes.every((change) => hasLanded(states, change))) {
    return { kind: 'landed' }
  }
  const proposals: Partial<Record<TableKey, Proposal>> = {}
  for (const change of changes) {
    const { key } = change
    const base = states[key]
    const { name } = TABLES[key]
    const fields = fieldsOf(base.metadata)
    const refusal = applyChange(name, fields, change, at.nowMs)
    if (refusal !== null) return refusal
    const proposal = await propose(storage, base, textOf(fields), at)
    if (typeof proposal === 'string') return { kind: 'refused', message: `${name}: ${proposal}` }
    proposals[key] = proposal
  }
  return { kind: 'proposed', proposals }
}

/** Changes `fields`, the metadata of the table `name`; returns why it may not be, else null. */
export function applyChange(
  name: string,
  fields: MetadataFields,
  { requirements, updates }: ClientChange,
  nowMs: number,
): ClientRefusal | null {
  const failed = failedRequirement(fields, requirements)
  // What clients look for is at the start.
  if (failed !== null) return { ...failed, message: `${failed.message} (${name})` }
  const unfit = applyUpdates(fields, updates, nowMs)
  return unfit && { ...unfit, message: `${name}: ${unfit.message}` }
}

/** Only snapshots have names by which they are known again. */
function hasLanded(states: States, { key, updates }: ClientChange): boolean {
  const known = new Map(
    states[key].metadata.snapshots.map(({ id, manifestListPath }) => [id, manifestListPath]),
  )
  const added = updates.filter(({ action }) => action === 'add-snapshot')
  const isKnown = (snapshot: unknown): boolean => {
    const { 'snapshot-id': id, 'manifest-list': list } = Object(snapshot)
    return typeof list === 'string' && known.get(id) === pathOf(list)
  }
  return added.length > 0 && added.every(({ snapshot }) => isKnown(snapshot))
}
