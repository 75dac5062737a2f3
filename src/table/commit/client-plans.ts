/**
 * What a client's commit adds to the plans of ours that goes on top of it: which rows count as
 * settled, and what is let go.
 */
import type { Proposals } from '../client-commit.ts'
import { forBothTables, TABLE_KEYS, type TableKey } from '../definition.ts'
import type { States } from '../load-table.ts'
import { adoptedSummary, changesByOthers } from '../other-writers.ts'
import type { Summary } from '../snapshot.ts'
import { CLIENT_COMMIT_STEPS, type OnStep, type Plans, plansOf } from './write-metadata.ts'

/** A client's change of rows counts as adopted, unless an earlier one of others was not. */
export function settledBy(before: States, proposed: States): Summary {
  const isSettled = (key: TableKey): boolean =>
    changesByOthers(key, before[key].metadata).unsettled === null
  if (!TABLE_KEYS.every(isSettled)) return {}
  const numbers = (key: TableKey) => ({
    sequenceNumber: proposed[key].metadata.lastSequenceNumber,
  })
  return adoptedSummary(forBothTables(numbers))
}

/** The plans, which also let go of what the client's change no longer refers to. */
export function withDropped(plans: Plans, proposals: Proposals, nowMs: number): Plans {
  return plansOf((key) => {
    const plan = plans[key] ?? null
    const dropped = proposals[key]?.dropped ?? []
    return (
      plan && { ...plan, free: [...plan.free, ...dropped.map((p) => ({ path: p, leftMs: nowMs }))] }
    )
  })
}

/** The steps of ours under the names that they have in a client's commit. */
export function namedForClients(onStep: OnStep): OnStep {
  return (step) => {
    const named = CLIENT_COMMIT_STEPS.find((each) => each === `client-${step}`)
    if (named !== undefined) onStep(named)
  }
}
