/**
 * The requirements of a commit (spec: `TableRequirement`), checked against the table as it is. What
 * does not hold is said in the words of Iceberg's own catalogs: programs and its compatibility kit
 * look for them.
 */
import type { ClientRefusal, MetadataFields, Requirement } from './change.ts'

type Check = (table: MetadataFields, requirement: Requirement) => string | null

/** Why a requirement does not hold; null where it does. */
const CHECKS: Readonly<Record<string, Check>> = {
  'assert-create': () => 'table already exists',
  'assert-table-uuid': uuidFault,
  'assert-ref-snapshot-id': refFault,
  'assert-last-assigned-field-id': (table, requirement) =>
    differs(
      'last assigned field id',
      requirement['last-assigned-field-id'],
      table['last-column-id'],
    ),
  'assert-current-schema-id': (table, requirement) =>
    differs('current schema', requirement['current-schema-id'], table['current-schema-id']),
  'assert-last-assigned-partition-id': (table, requirement) =>
    differs(
      'last assigned partition id',
      requirement['last-assigned-partition-id'],
      table['last-partition-id'],
    ),
  'assert-default-spec-id': (table, requirement) =>
    differs('default partition spec', requirement['default-spec-id'], table['default-spec-id']),
  'assert-default-sort-order-id': (table, requirement) =>
    differs(
      'default sort order',
      requirement['default-sort-order-id'],
      table['default-sort-order-id'],
    ),
}

/** The first that does not hold; nothing is ever rebased for a client. */
export function failedRequirement(
  table: MetadataFields,
  requirements: readonly Requirement[],
): ClientRefusal | null {
  for (const requirement of requirements) {
    const { type } = requirement
    const check = Object.hasOwn(CHECKS, type) ? CHECKS[type] : undefined
    if (check === undefined) {
      return { kind: 'refused', message: `there is no requirement of the type ${type}` }
    }
    const fault = check(table, requirement)
    if (fault !== null) return { kind: 'conflict', message: `Requirement failed: ${fault}` }
  }
  return null
}

function refFault({ refs }: MetadataFields, requirement: Requirement): string | null {
  const name = String(requirement.ref)
  const ref = Object.hasOwn(refs, name) ? refs[name] : undefined
  const found = ref?.['snapshot-id'] ?? null
  const expected = requirement['snapshot-id'] ?? null
  if (found === expected) return null
  const what = ref?.type ?? 'branch or tag'
  if (expected === null) return `${what} ${name} was created concurrently`
  if (found === null) return `${what} ${name} is missing, expected ${expected}`
  return `${what} ${name} has changed: expected id ${expected} != ${found}`
}

function uuidFault(table: MetadataFields, requirement: Requirement): string | null {
  const [expected, found] = [String(requirement.uuid), table['table-uuid']]
  if (expected.toLowerCase() === found.toLowerCase()) return null
  return `UUID does not match: expected ${expected} != ${found}`
}

function differs(what: string, expected: unknown, found: number): string | null {
  return expected === found ? null : `${what} changed: expected id ${expected} != ${found}`
}
