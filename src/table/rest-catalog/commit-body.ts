/**
 * The bodies of commits (spec: `CommitTableRequest`, `CommitTransactionRequest`):
 *
 *     {"identifier": {"namespace": […], "name": …}, "requirements": […], "updates": […]}
 *     {"table-changes": [the above, each with its identifier]}
 */
import {
  type ClientChange,
  type Fields,
  parseFields,
  type Requirement,
  type Update,
} from '../client-commit.ts'
import { TABLES, type TableKey } from '../definition.ts'
import { type Directory, keyIn, LEVEL_SEPARATOR } from './directory.ts'

/** `table`: one that a commit names and that there is not. */
export type BadBody = Readonly<{ fault: string } | { table: string }>

/** Of the table that the path names. */
export function readTableCommit(
  directory: Directory,
  key: TableKey,
  body: Uint8Array,
): ClientChange | BadBody {
  const json = parse(body)
  if (json === null) return NO_JSON
  const named = json.identifier === undefined ? key : keyOf(directory, json.identifier)
  if (named !== key) return { fault: 'the identifier in the body is not that of the path' }
  return changeOf(key, json)
}

export function readTransaction(
  directory: Directory,
  body: Uint8Array,
): readonly ClientChange[] | BadBody {
  const json = parse(body)
  if (json === null) return NO_JSON
  const listed = json['table-changes']
  if (!Array.isArray(listed) || listed.length === 0) return { fault: 'it has no table-changes' }
  const changes: ClientChange[] = []
  for (const each of listed) {
    if (!isFields(each)) return NO_JSON
    const key = keyOf(directory, each.identifier)
    if (key === null) return { table: nameOf(each.identifier) }
    if (changes.some((change) => change.key === key)) {
      return { fault: `${TABLES[key].name} stands in it twice` }
    }
    const change = changeOf(key, each)
    if ('fault' in change || 'table' in change) return change
    changes.push(change)
  }
  return changes
}

const NO_JSON: BadBody = { fault: 'the body is not the JSON of a commit' }

function parse(body: Uint8Array): Fields | null {
  try {
    const json = parseFields(Buffer.from(body).toString())
    return isFields(json) ? json : null
  } catch {
    return null
  }
}

function changeOf(key: TableKey, { requirements = [], updates }: Fields): ClientChange | BadBody {
  if (!isListOf<Requirement>(requirements, 'type')) {
    return { fault: 'requirements is a list of objects with a type' }
  }
  if (!isListOf<Update>(updates, 'action')) {
    return { fault: 'updates is a list of objects with an action' }
  }
  return { key, requirements, updates }
}

function keyOf(directory: Directory, identifier: unknown): TableKey | null {
  const { namespace, name } = Object(identifier)
  if (!Array.isArray(namespace)) return null
  return keyIn(directory, namespace.join(LEVEL_SEPARATOR), name)
}

function nameOf(identifier: unknown): string {
  const { namespace, name } = Object(identifier)
  return [...(Array.isArray(namespace) ? namespace : []), name].join('.')
}

function isListOf<T extends Fields>(value: unknown, name: string): value is readonly T[] {
  return (
    Array.isArray(value) && value.every((each) => isFields(each) && typeof each[name] === 'string')
  )
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
