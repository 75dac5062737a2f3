/**
 * A catalog for the compatibility kit, whose tests create tables of their own. Requests are
 * answered by the product's REST catalog, with the kit's namespaces and tables as its directory;
 * requirements and updates of commits are held against them by the product as well. What the product refuses, because
 * its catalog has two tables and no others, is supplied here: namespaces and tables are created,
 * dropped, renamed and registered. The rules of the two tables (`client-commit/fit.ts`) do not
 * apply to tables of the kit.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { stringifyExact } from '../../src/runtime.ts'
import {
  applyChange,
  type Fields,
  type MetadataFields,
  parseFields,
} from '../../src/table/client-commit.ts'
import type { TableKey } from '../../src/table/definition.ts'
import { locationOf, pathOf } from '../../src/table/location.ts'
import { type Directory, LEVEL_SEPARATOR } from '../../src/table/rest-catalog/directory.ts'
import { tableBody } from '../../src/table/rest-catalog/table-answer.ts'
import { openDiskStorage } from '../../src/table/storage/disk.ts'
import {
  answerRestCatalog,
  type ClientAnswer,
  type LakeReader,
  type LakeWriter,
  type RestAnswer,
  type RestRequest,
} from '../../src/table.ts'
import { type Created, createFromUpdates, createMetadata } from './created-table.ts'

type Namespace = {
  properties: Record<string, string>
  /** Where the current metadata of each is. */
  readonly tables: Map<string, string>
}

type Call = Readonly<{ namespace: string; name: string; json: Fields; query: URLSearchParams }>
type Supply = (call: Call) => RestAnswer | null

const NAMESPACE = 'v1/namespaces/{namespace}'
const TABLE = `${NAMESPACE}/tables/{name}`
/** The table that a request names; the others of its namespace are only listed. */
const ASKED: TableKey = 'events'
const LISTED: TableKey = 'metrics'

export function openScratchCatalog(
  folder: string,
): Readonly<{ answer(request: RestRequest): Promise<RestAnswer> }> {
  const storage = openDiskStorage()
  const namespaces = new Map<string, Namespace>()

  const pointerOf = (namespace: string, name: string): string | undefined =>
    namespaces.get(namespace)?.tables.get(name)

  /** Writes the metadata file that follows, and makes it the current one. */
  function save(
    namespace: string,
    name: string,
    table: MetadataFields & Record<string, unknown>,
  ): { metadataLocation: string; metadata: string } {
    const previous = pointerOf(namespace, name)
    const number = previous === undefined ? 0 : Number.parseInt(basename(previous), 10) + 1
    const file = `${String(number).padStart(5, '0')}-${randomUUID()}.metadata.json`
    const metadataLocation = `${table.location}/metadata/${file}`
    const metadata = stringifyExact(table)
    mkdirSync(dirname(pathOf(metadataLocation)), { recursive: true })
    writeFileSync(pathOf(metadataLocation), metadata)
    namespaces.get(namespace)?.tables.set(name, metadataLocation)
    return { metadataLocation, metadata }
  }

  function loaded(metadataLocation: string, metadata: string): RestAnswer {
    return { status: 200, body: tableBody({ metadataLocation, metadata }, LAKE, 'all') }
  }

  const LAKE: LakeReader = {
    warehouse: locationOf(folder),
    locate: async () => Promise.reject(new Error('no table')),
    loadMetadata: async () => Promise.reject(new Error('no table')),
  }

  const defaultLocation = (namespace: string, name: string): string =>
    locationOf(`${folder}/${namespace}/${name}-${randomUUID()}`)

  const SUPPLIED: readonly (readonly [method: string, path: string, supply: Supply])[] = [
    [
      'POST',
      'v1/namespaces',
      ({ json }) => {
        const name = (json.namespace as string[]).join(LEVEL_SEPARATOR)
        if (namespaces.has(name)) return exists(`Namespace already exists: ${shown(name)}`)
        const properties = { ...(json.properties as Record<string, string>) }
        namespaces.set(name, { properties, tables: new Map() })
        return ok({ namespace: json.namespace, properties })
      },
    ],
    [
      'DELETE',
      NAMESPACE,
      ({ namespace }) => {
        const found = namespaces.get(namespace)
        if (found === undefined) return noNamespace(namespace)
        if (found.tables.size > 0) {
          const message = `Namespace ${shown(namespace)} is not empty`
          return refuse(409, 'NamespaceNotEmptyException', message)
        }
        namespaces.delete(namespace)
        return DONE
      },
    ],
    [
      'POST',
      `${NAMESPACE}/properties`,
      ({ namespace, json }) => {
        const found = namespaces.get(namespace)
        if (found === undefined) return noNamespace(namespace)
        const removals = (json.removals ?? []) as string[]
        const updates = (json.updates ?? {}) as Record<string, string>
        const removed = removals.filter((name) => Object.hasOwn(found.properties, name))
        for (const name of removed) delete found.properties[name]
        Object.assign(found.properties, updates)
        const missing = removals.filter((name) => !removed.includes(name))
        return ok({ updated: Object.keys(updates), removed, missing })
      },
    ],
    [
      'POST',
      `${NAMESPACE}/tables`,
      ({ namespace, json }) => {
        const name = String(json.name)
        if (!namespaces.has(namespace)) return noNamespace(namespace)
        if (pointerOf(namespace, name) !== undefined) return tableExists(namespace, name)
        const location = (json.location ?? defaultLocation(namespace, name)) as string
        const table = createMetadata(json, location)
        if (json['stage-create'] !== true) {
          const { metadataLocation, metadata } = save(namespace, name, table)
          return loaded(metadataLocation, metadata)
        }
        return { status: 200, body: `{"metadata":${stringifyExact(table)},"config":{}}` }
      },
    ],
    [
      'POST',
      TABLE,
      ({ namespace, name, json }) => {
        const requirements = (json.requirements ?? []) as Fields[]
        const isCreating = requirements.some(({ type }) => type === 'assert-create')
        if (!isCreating || pointerOf(namespace, name) !== undefined) return null
        if (!namespaces.has(namespace)) return noNamespace(namespace)
        const location = defaultLocation(namespace, name)
        const table = createFromUpdates(json.updates as never, location, Date.now())
        if (typeof table === 'string') return refuse(400, 'BadRequestException', table)
        const { metadataLocation, metadata } = save(namespace, name, table)
        return loaded(metadataLocation, metadata)
      },
    ],
    [
      'DELETE',
      TABLE,
      ({ namespace, name }) =>
        namespaces.get(namespace)?.tables.delete(name) ? DONE : noTable(namespace, name),
    ],
    [
      'POST',
      'v1/tables/rename',
      ({ json }) => {
        const [from, to] = [placeOf(json.source), placeOf(json.destination)]
        const pointer = pointerOf(from.namespace, from.name)
        if (pointer === undefined) return noTable(from.namespace, from.name)
        const target = namespaces.get(to.namespace)
        if (target === undefined) return noNamespace(to.namespace)
        if (target.tables.has(to.name)) return tableExists(to.namespace, to.name)
        namespaces.get(from.namespace)?.tables.delete(from.name)
        target.tables.set(to.name, pointer)
        return DONE
      },
    ],
    [
      'POST',
      `${NAMESPACE}/register`,
      ({ namespace, json }) => {
        const [name, location] = [String(json.name), String(json['metadata-location'])]
        const found = namespaces.get(namespace)
        if (found === undefined) return noNamespace(namespace)
        if (found.tables.has(name)) return tableExists(namespace, name)
        found.tables.set(name, location)
        return loaded(location, readFileSync(pathOf(location), 'utf8'))
      },
    ],
  ]

  function supply({ method, path, query, body }: RestRequest): RestAnswer | null {
    const segments = segmentsOf(path)
    const [, , namespace = '', , name = ''] = segments
    const found = SUPPLIED.find(([each, place]) => each === method && fits(place, segments))
    if (found === undefined) return null
    const text = Buffer.from(body ?? []).toString()
    const json = text === '' ? {} : (parseFields(text) as Fields)
    return found[2]({ namespace, name, json, query })
  }

  function directoryFor(namespace: string, name: string): Directory {
    const keyOf = (of: string, each: string): TableKey =>
      of === namespace && each === name ? ASKED : LISTED
    return new Map(
      [...namespaces].map(([of, { tables }]) => [
        of,
        new Map([...tables.keys()].map((each) => [each, keyOf(of, each)])),
      ]),
    )
  }

  function commit(namespace: string, name: string): LakeWriter['commit'] {
    return async ([change]): Promise<ClientAnswer> => {
      const base = pointerOf(namespace, name)
      if (base === undefined || change === undefined) throw new Error('nothing to commit to')
      const table = parseFields(readFileSync(pathOf(base), 'utf8')) as Created
      const log = {
        'timestamp-ms': table['last-updated-ms'],
        'metadata-file': base,
      }
      const refusal = applyChange(`${shown(namespace)}.${name}`, table, change, Date.now())
      if (refusal !== null) return refusal
      table['metadata-log'] = [...(table['metadata-log'] as unknown[]), log]
      return { kind: 'committed', tables: { [ASKED]: save(namespace, name, table) } }
    }
  }

  return {
    async answer(request) {
      const supplied = supply(request)
      if (supplied !== null) return supplied
      const segments = segmentsOf(request.path)
      const [, , namespace = '', , name = ''] = segments
      const located = (): string => pointerOf(namespace, name) ?? ''
      const lake: LakeReader = {
        ...LAKE,
        locate: async () => located(),
        async loadMetadata() {
          const metadata = await storage.read(pathOf(located()))
          return { metadataLocation: located(), metadata: metadata.toString('utf8') }
        },
      }
      const writer = { expect: async () => {}, commit: commit(namespace, name) }
      const directory = directoryFor(namespace, name)
      const answer = await answerRestCatalog(request, lake, writer, directory)
      return { ...answer, body: completed(answer, request.method, segments) }
    },
  }

  /** Endpoints that are supplied here are listed as well, and so are properties of namespaces. */
  function completed(
    { status, body }: RestAnswer,
    method: string,
    segments: readonly string[],
  ): string | null {
    if (method !== 'GET' || status !== 200 || body === null) return body
    if (fits('v1/config', segments)) {
      const { endpoints, ...others } = JSON.parse(body)
      const more = SUPPLIED.map(([each, place]) => `${each} /${specPath(place)}`)
      return JSON.stringify({ ...others, endpoints: [...new Set([...endpoints, ...more])] })
    }
    if (!fits(NAMESPACE, segments)) return body
    const { properties } = namespaces.get(segments[2] ?? '') as Namespace
    return JSON.stringify({ ...JSON.parse(body), properties })
  }
}

function specPath(path: string): string {
  return path.replace('v1/', 'v1/{prefix}/').replace('{name}', '{table}')
}

function segmentsOf(path: string): readonly string[] {
  const segments = path.replace(/^\/+/, '').replace(/\/+$/, '').split('/')
  return segments.map((segment) => decodeURIComponent(segment))
}

function fits(path: string, segments: readonly string[]): boolean {
  const parts = path.split('/')
  const matches = (part: string, index: number): boolean =>
    part.startsWith('{') || part === segments[index]
  return parts.length === segments.length && parts.every(matches)
}

function placeOf(identifier: unknown): { namespace: string; name: string } {
  const { namespace, name } = identifier as { namespace: string[]; name: string }
  return { namespace: namespace.join(LEVEL_SEPARATOR), name }
}

const DONE: RestAnswer = { status: 204, body: null }

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) }
}

function refuse(code: number, type: string, message: string): RestAnswer {
  return { status: code, body: JSON.stringify({ error: { message, type, code } }) }
}

function exists(message: string): RestAnswer {
  return refuse(409, 'AlreadyExistsException', message)
}

function tableExists(namespace: string, name: string): RestAnswer {
  return exists(`Table already exists: ${shown(namespace)}.${name}`)
}

function noNamespace(namespace: string): RestAnswer {
  const message = `Namespace does not exist: ${shown(namespace)}`
  return refuse(404, 'NoSuchNamespaceException', message)
}

function noTable(namespace: string, name: string): RestAnswer {
  const message = `Table does not exist: ${shown(namespace)}.${name}`
  return refuse(404, 'NoSuchTableException', message)
}

function shown(namespace: string): string {
  return namespace.replaceAll(LEVEL_SEPARATOR, '.')
}
