/**
 * What the product refuses because its catalog has two tables and no others, for the compatibility
 * kit: namespaces and tables are created, dropped, renamed and registered.
 */
import { readFileSync } from 'node:fs'
import { stringifyExact } from '../../src/runtime.ts'
import type { Fields, Update } from '../../src/table/client-commit.ts'
import { pathOf } from '../../src/table/location.ts'
import { LEVEL_SEPARATOR } from '../../src/table/rest-catalog/directory.ts'
import { tableBody } from '../../src/table/rest-catalog/table-answer.ts'
import type { RestAnswer } from '../../src/table.ts'
import { createFromUpdates, createMetadata } from './created-table.ts'
import { type Identifier, type ScratchTables, shown, shownNamespace } from './scratch-tables.ts'

export type Supplied = Readonly<{
  method: string
  /** As in the tables of `rest-catalog.ts`. */
  path: string
  /** Null: it is for the product to answer. */
  answer(tables: ScratchTables, call: SuppliedCall): RestAnswer | null
}>

export type SuppliedCall = Identifier & Readonly<{ json: Fields }>

export const NAMESPACE_PATH = 'v1/namespaces/{namespace}'
const TABLE_PATH = `${NAMESPACE_PATH}/tables/{name}`

export const SUPPLIED: readonly Supplied[] = [
  { method: 'POST', path: 'v1/namespaces', answer: createNamespace },
  { method: 'DELETE', path: NAMESPACE_PATH, answer: dropNamespace },
  { method: 'POST', path: `${NAMESPACE_PATH}/properties`, answer: setProperties },
  { method: 'POST', path: `${NAMESPACE_PATH}/tables`, answer: createTable },
  { method: 'POST', path: TABLE_PATH, answer: createByCommit },
  { method: 'DELETE', path: TABLE_PATH, answer: dropTable },
  { method: 'POST', path: 'v1/tables/rename', answer: renameTable },
  { method: 'POST', path: `${NAMESPACE_PATH}/register`, answer: registerTable },
]

function createNamespace({ namespaces }: ScratchTables, { json }: SuppliedCall): RestAnswer {
  const namespace = (json.namespace as string[]).join(LEVEL_SEPARATOR)
  if (namespaces.has(namespace)) {
    return alreadyExists(`Namespace already exists: ${shownNamespace(namespace)}`)
  }
  const properties = { ...(json.properties as Record<string, string>) }
  namespaces.set(namespace, { properties, tables: new Map() })
  return ok({ namespace: json.namespace, properties })
}

function dropNamespace({ namespaces }: ScratchTables, { namespace }: SuppliedCall): RestAnswer {
  const found = namespaces.get(namespace)
  if (found === undefined) return noNamespace(namespace)
  if (found.tables.size > 0) {
    const message = `Namespace ${shownNamespace(namespace)} is not empty`
    return refuse(409, 'NamespaceNotEmptyException', message)
  }
  namespaces.delete(namespace)
  return NO_CONTENT
}

function setProperties(tables: ScratchTables, { namespace, json }: SuppliedCall): RestAnswer {
  const found = tables.namespaces.get(namespace)
  if (found === undefined) return noNamespace(namespace)
  const { properties } = found
  const { removals = [], updates = {} } = json as {
    removals?: string[]
    updates?: Record<string, string>
  }
  const removed = removals.filter((name) => Object.hasOwn(properties, name))
  for (const name of removed) delete properties[name]
  Object.assign(properties, updates)
  const missing = removals.filter((name) => !removed.includes(name))
  return ok({ updated: Object.keys(updates), removed, missing })
}

function createTable(tables: ScratchTables, { namespace, json }: SuppliedCall): RestAnswer {
  const table = { namespace, name: String(json.name) }
  const fault = newTableFault(tables, table)
  if (fault !== null) return fault
  const location = json.location ?? tables.newLocation(table)
  const metadata = createMetadata(json, String(location))
  if (json['stage-create'] === true) {
    return { status: 200, body: `{"metadata":${stringifyExact(metadata)},"config":{}}` }
  }
  return loaded(tables, table, tables.save(table, metadata))
}

/** The commit of a transaction that creates a table. */
function createByCommit(tables: ScratchTables, call: SuppliedCall): RestAnswer | null {
  const { requirements, updates } = call.json as { requirements: Fields[]; updates: Update[] }
  const isCreating = requirements.some(({ type }) => type === 'assert-create')
  if (!isCreating || tables.pointerOf(call) !== undefined) return null
  const fault = newTableFault(tables, call)
  if (fault !== null) return fault
  const metadata = createFromUpdates(updates, tables.newLocation(call), Date.now())
  if (typeof metadata === 'string') return refuse(400, 'BadRequestException', metadata)
  return loaded(tables, call, tables.save(call, metadata))
}

function dropTable({ namespaces }: ScratchTables, call: SuppliedCall): RestAnswer {
  const isDropped = namespaces.get(call.namespace)?.tables.delete(call.name) ?? false
  return isDropped ? NO_CONTENT : noTable(call)
}

function renameTable(tables: ScratchTables, { json }: SuppliedCall): RestAnswer {
  const [from, to] = [identifierOf(json.source), identifierOf(json.destination)]
  const pointer = tables.pointerOf(from)
  if (pointer === undefined) return noTable(from)
  const fault = newTableFault(tables, to)
  if (fault !== null) return fault
  tables.namespaces.get(from.namespace)?.tables.delete(from.name)
  tables.namespaces.get(to.namespace)?.tables.set(to.name, pointer)
  return NO_CONTENT
}

function registerTable(tables: ScratchTables, { namespace, json }: SuppliedCall): RestAnswer {
  const table = { namespace, name: String(json.name) }
  const fault = newTableFault(tables, table)
  if (fault !== null) return fault
  const metadataLocation = String(json['metadata-location'])
  const metadata = readFileSync(pathOf(metadataLocation), 'utf8')
  tables.namespaces.get(namespace)?.tables.set(table.name, metadataLocation)
  return loaded(tables, table, { metadataLocation, metadata })
}

function identifierOf(json: unknown): Identifier {
  const { namespace, name } = json as { namespace: string[]; name: string }
  return { namespace: namespace.join(LEVEL_SEPARATOR), name }
}

/** Why there cannot be a new table of this name; null where there can. */
function newTableFault({ namespaces }: ScratchTables, table: Identifier): RestAnswer | null {
  const found = namespaces.get(table.namespace)
  if (found === undefined) return noNamespace(table.namespace)
  return found.tables.has(table.name)
    ? alreadyExists(`Table already exists: ${shown(table)}`)
    : null
}

function loaded(
  tables: ScratchTables,
  table: Identifier,
  text: Parameters<typeof tableBody>[0],
): RestAnswer {
  return { status: 200, body: tableBody(text, tables.reader(table), 'all') }
}

function alreadyExists(message: string): RestAnswer {
  return refuse(409, 'AlreadyExistsException', message)
}

function noNamespace(namespace: string): RestAnswer {
  const message = `Namespace does not exist: ${shownNamespace(namespace)}`
  return refuse(404, 'NoSuchNamespaceException', message)
}

function noTable(table: Identifier): RestAnswer {
  return refuse(404, 'NoSuchTableException', `Table does not exist: ${shown(table)}`)
}

function refuse(code: number, type: string, message: string): RestAnswer {
  return { status: code, body: JSON.stringify({ error: { message, type, code } }) }
}

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) }
}

const NO_CONTENT: RestAnswer = { status: 204, body: null }
