/**
 * The Iceberg REST catalog: its answer to a request, made from what the lake reader gives it. The
 * endpoints are those of Iceberg's `rest-catalog-open-api.yaml` (1.11), in the tables below. Clients
 * with a key for it commit to the two tables through the lake writer, where there is one; tables,
 * views and namespaces are neither made nor dropped. The collector answers
 * `POST /v1/oauth/tokens`, since it has the keys, and checks them before a request comes here.
 */

import { strict as assert } from 'node:assert'
import type { ClientChange } from './client-commit.ts'
import { CATALOG_NAME } from './definition.ts'
import { TableError } from './error.ts'
import { locationOf } from './location.ts'
import { type BadBody, readTableCommit, readTransaction } from './rest-catalog/commit-body.ts'
import { type Directory, keyIn, LEVEL_SEPARATOR, TWO_TABLES } from './rest-catalog/directory.ts'
import type { LakeReader } from './rest-catalog/lake-reader.ts'
import type { ClientAnswer, LakeWriter, NoWriter } from './rest-catalog/lake-writer.ts'
import { pageOf } from './rest-catalog/listing.ts'
import { type RestErrorType, restError, statusOf } from './rest-catalog/rest-error.ts'
import {
  committedBody,
  isAmongTags,
  snapshotModeOf,
  tableBody,
  tagOf,
} from './rest-catalog/table-answer.ts'

export type { LakeReader } from './rest-catalog/lake-reader.ts'
export type { ClientAnswer, LakeWriter, NoWriter } from './rest-catalog/lake-writer.ts'
export { restErrorBody } from './rest-catalog/rest-error.ts'

export type RestRequest = Readonly<{
  method: string
  /** Below the mount point and undecoded: `/v1/namespaces/campaigns/tables`. */
  path: string
  query: URLSearchParams
  /** By names in lower case. */
  headers?: Readonly<Record<string, string | string[] | undefined>>
  /** Of a commit. */
  body?: Uint8Array
  /** Whoever asks may commit. */
  mayChangeTables?: boolean
}>

/** The body is JSON text, or null for none. */
export type RestAnswer = Readonly<{
  status: number
  headers?: Readonly<Record<string, string>>
  body: string | null
}>

type Call = Readonly<{
  request: RestRequest
  lake: LakeReader
  writer: LakeWriter | null
  directory: Directory
  /** Decoded; empty where the route has no such segment. */
  namespace: string
  name: string
}>

type CommitCall = Readonly<{
  request: RestRequest
  writer: LakeWriter
  directory: Directory
  namespace: string
  name: string
}>

type CommitRoute = Readonly<{
  method: string
  path: string
  answer(call: CommitCall): Promise<RestAnswer>
}>

type Route = Readonly<{
  method: string
  /** `{namespace}` and `{name}` stand for any segment. */
  path: string
  answer(call: Call): RestAnswer | Promise<RestAnswer>
}>

const NAMESPACE_PATH = 'v1/namespaces/{namespace}'
const TABLE_PATH = `${NAMESPACE_PATH}/tables/{name}`
const VIEW_PATH = `${NAMESPACE_PATH}/views/{name}`

/** HEAD is answered like GET where it is not listed, and always without a body. */
const ROUTES: readonly Route[] = [
  { method: 'GET', path: 'v1/config', answer: config },
  { method: 'GET', path: 'v1/namespaces', answer: listNamespaces },
  { method: 'GET', path: NAMESPACE_PATH, answer: loadNamespace },
  { method: 'HEAD', path: NAMESPACE_PATH, answer: namespaceExists },
  { method: 'GET', path: `${NAMESPACE_PATH}/tables`, answer: listTables },
  { method: 'GET', path: TABLE_PATH, answer: loadTable },
  { method: 'HEAD', path: TABLE_PATH, answer: tableExists },
  { method: 'POST', path: `${TABLE_PATH}/metrics`, answer: reportMetrics },
  { method: 'GET', path: `${NAMESPACE_PATH}/views`, answer: listViews },
  { method: 'GET', path: VIEW_PATH, answer: noView },
  { method: 'HEAD', path: VIEW_PATH, answer: noView },
]

/** Where there is a lake writer. */
const WRITE_ROUTES: readonly CommitRoute[] = [
  { method: 'POST', path: TABLE_PATH, answer: commitTable },
  { method: 'POST', path: 'v1/transactions/commit', answer: commitTransaction },
]

const NO_OTHERS =
  `the catalog ${CATALOG_NAME} has the two tables of campaign-metrics and no others: copy them into ` +
  'a catalog of your own to make more of them'
const NOT_OFFERED = 'this catalog does not offer it; GET /v1/config lists what it does'

/** Endpoints of the spec that are refused, and why. */
const REFUSED: readonly (readonly [method: string, path: string, reason: string])[] = [
  ['POST', 'v1/namespaces', NO_OTHERS],
  ['DELETE', NAMESPACE_PATH, NO_OTHERS],
  ['POST', `${NAMESPACE_PATH}/properties`, NO_OTHERS],
  ['POST', `${NAMESPACE_PATH}/tables`, NO_OTHERS],
  ['DELETE', TABLE_PATH, NO_OTHERS],
  ['POST', `${TABLE_PATH}/unregister`, NO_OTHERS],
  ['POST', `${NAMESPACE_PATH}/register`, NO_OTHERS],
  ['POST', `${NAMESPACE_PATH}/views`, NO_OTHERS],
  ['POST', VIEW_PATH, NO_OTHERS],
  ['DELETE', VIEW_PATH, NO_OTHERS],
  ['POST', `${NAMESPACE_PATH}/register-view`, NO_OTHERS],
  ['POST', 'v1/tables/rename', NO_OTHERS],
  ['POST', 'v1/views/rename', NO_OTHERS],
  ['POST', `${TABLE_PATH}/plan`, NOT_OFFERED],
  ['GET', `${TABLE_PATH}/plan/{id}`, NOT_OFFERED],
  ['DELETE', `${TABLE_PATH}/plan/{id}`, NOT_OFFERED],
  ['POST', `${TABLE_PATH}/tasks`, NOT_OFFERED],
  ['GET', `${TABLE_PATH}/credentials`, NOT_OFFERED],
  ['POST', `${TABLE_PATH}/sign`, NOT_OFFERED],
  ['GET', `${NAMESPACE_PATH}/functions`, NOT_OFFERED],
  ['GET', `${NAMESPACE_PATH}/functions/{name}`, NOT_OFFERED],
]

/** As `GET /v1/config` lists them: clients ask for nothing else. */
function endpointsOf(routes: readonly Omit<Route, 'answer'>[]): readonly string[] {
  return routes
    .filter(({ path }) => path !== 'v1/config')
    .map(
      ({ method, path }) =>
        `${method} /${path
          .replace('v1/', 'v1/{prefix}/')
          .replace('tables/{name}', 'tables/{table}')
          .replace('views/{name}', 'views/{view}')}`,
    )
}

const RETRY_SECONDS = '1'

/** Keys allow commits, but `writer` may not be able to make them: then its reason is the answer. */
export async function answerRestCatalog(
  request: RestRequest,
  lake: LakeReader,
  writer: LakeWriter | NoWriter,
  directory: Directory = TWO_TABLES,
): Promise<RestAnswer> {
  const answer = await answerOrFailure(request, lake, writer, directory)
  return request.method === 'HEAD' ? { ...answer, body: null } : answer
}

/**
 * A catalog that cannot be read, now or before the first start, is a 503: clients try again. A lost
 * file does not come back by itself, and is the 404 of Iceberg's own catalogs, in their words.
 */
async function answerOrFailure(
  request: RestRequest,
  lake: LakeReader,
  writer: LakeWriter | NoWriter,
  directory: Directory,
): Promise<RestAnswer> {
  try {
    return await route(request, lake, writer, directory)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    if (error.code !== 'file-lost') return unavailable(error.message)
    const location = locationOf(String(error.facts.path))
    const lost = `Failed to open input stream for file: ${location}: ${error.message}`
    return refuse('NotFoundException', lost)
  }
}

async function route(
  request: RestRequest,
  lake: LakeReader,
  writer: LakeWriter | NoWriter,
  directory: Directory,
): Promise<RestAnswer> {
  const { method, path } = request
  const segments = segmentsOf(path)
  if (segments === null) return refuse('BadRequestException', `${path} is not validly encoded`)
  const [, , namespace = '', , name = ''] = segments
  const commit = WRITE_ROUTES.find((each) => each.method === method && fits(each.path, segments))
  if (commit !== undefined && 'commit' in writer) {
    if (request.mayChangeTables !== true) return refuse('ForbiddenException', KEY_NEEDED)
    return await commit.answer({ request, writer, directory, namespace, name })
  }
  const here = ROUTES.filter((each) => fits(each.path, segments))
  const found =
    here.find((each) => each.method === method) ??
    here.find((each) => method === 'HEAD' && each.method === 'GET')
  if (found === undefined) return refuseRoute(method, segments, here, writer)
  const committing = 'commit' in writer ? writer : null
  return await found.answer({ request, lake, writer: committing, directory, namespace, name })
}

const KEY_NEEDED =
  'committing to the tables needs one of `keys.tables` as the key; others may read them'

/** The decoded segments of a path, or null where it is not encoded validly. */
function segmentsOf(path: string): readonly string[] | null {
  try {
    const segments = path.replace(/^\/+/, '').replace(/\/+$/, '').split('/')
    return segments.map((segment) => decodeURIComponent(segment))
  } catch {
    return null
  }
}

function fits(path: string, segments: readonly string[]): boolean {
  const parts = path.split('/')
  const matches = (part: string, index: number): boolean =>
    part.startsWith('{') || part === segments[index]
  return parts.length === segments.length && parts.every(matches)
}

/** An endpoint of the spec says why it is refused; other methods of a path are told by `Allow`. */
function refuseRoute(
  method: string,
  segments: readonly string[],
  here: readonly Route[],
  writer: LakeWriter | NoWriter,
): RestAnswer {
  const shown = `${method} /${segments.join('/').replaceAll(LEVEL_SEPARATOR, '.')}`
  const commits = WRITE_ROUTES.filter(({ path }) => fits(path, segments))
  const closed = 'reason' in writer ? writer.reason : NOT_OFFERED
  const there = [
    ...REFUSED.filter(([, path]) => fits(path, segments)),
    ...commits.map((each) => [each.method, each.path, closed] as const),
  ]
  if (here.length === 0 && there.length === 0) {
    const message = `${shown}: no such endpoint; GET /v1/config lists those there are`
    return refuse('NotFoundException', message)
  }
  const [, , reason = NOT_OFFERED] = there.find(([refused]) => refused === method) ?? []
  const open = 'commit' in writer ? [...here, ...commits] : here
  const allowed = new Set(open.flatMap((each) => [each.method, ...headOf(each.method)]))
  return {
    ...refuse('UnsupportedOperationException', `${shown}: ${reason}`),
    headers: { allow: [...allowed].join(', ') },
  }
}

function headOf(method: string): readonly string[] {
  return method === 'GET' ? ['HEAD'] : []
}

/** Clients name the warehouse by the name of the catalog, or by where it is. */
function config({ request, lake, writer }: Call): RestAnswer {
  const asked = request.query.get('warehouse') ?? ''
  if (asked !== '' && asked !== CATALOG_NAME && placeOf(asked) !== placeOf(lake.warehouse)) {
    return refuse(
      'NoSuchWarehouseException',
      `Warehouse does not exist: ${asked}. The one that is served here is ${CATALOG_NAME}; ` +
        `set warehouse=${CATALOG_NAME}, or leave it out`,
    )
  }
  const endpoints = endpointsOf(writer === null ? ROUTES : [...ROUTES, ...WRITE_ROUTES])
  return ok({ defaults: {}, overrides: {}, endpoints })
}

/** `file:///lake/`, `file:/lake` and `/lake` are one place, and so are `s3a://b` and `s3://b`. */
function placeOf(location: string): string {
  return location
    .replace(/^file:(?:\/\/)?(?=\/)/i, '')
    .replace(/^s3[an]:/i, 's3:')
    .replace(/\/+$/, '')
}

/** They are of one level; none is below another. */
function listNamespaces({ directory, request: { query } }: Call): RestAnswer {
  const parent = query.get('parent') ?? ''
  if (parent !== '' && !directory.has(parent)) return noNamespace(parent)
  const listed = parent === '' ? [...directory.keys()].map((name) => [name]) : []
  return list('namespaces', listed, (levels) => levels.join(), query)
}

function loadNamespace({ directory, namespace }: Call): RestAnswer {
  if (!directory.has(namespace)) return noNamespace(namespace)
  return ok({ namespace: [namespace], properties: {} })
}

function namespaceExists({ directory, namespace }: Call): RestAnswer {
  return directory.has(namespace) ? NO_CONTENT : noNamespace(namespace)
}

function listTables({ directory, namespace, request: { query } }: Call): RestAnswer {
  const tables = directory.get(namespace)
  if (tables === undefined) return noNamespace(namespace)
  const identifiers = [...tables.keys()].map((name) => ({ namespace: [namespace], name }))
  return list('identifiers', identifiers, ({ name }) => name, query)
}

async function loadTable(call: Call): Promise<RestAnswer> {
  const { directory, namespace, name, request, lake, writer } = call
  const key = keyIn(directory, namespace, name)
  if (key === null) return noTable(namespace, name)
  const mode = snapshotModeOf(request.query)
  if (mode === null) return refuse('BadRequestException', 'snapshots is either all or refs')
  if (request.method === 'GET' && request.mayChangeTables === true) await writer?.expect()
  const known = request.headers?.['if-none-match']
  if (known !== undefined) {
    const tag = tagOf(await lake.locate(key), lake, mode)
    if (isAmongTags(tag, known)) return { status: 304, headers: { etag: tag }, body: null }
  }
  const table = await lake.loadMetadata(key)
  const etag = tagOf(table.metadataLocation, lake, mode)
  return { status: 200, headers: { etag }, body: tableBody(table, lake, mode) }
}

async function commitTable(call: CommitCall): Promise<RestAnswer> {
  const { directory, namespace, name, request, writer } = call
  const key = keyIn(directory, namespace, name)
  if (key === null) return noTable(namespace, name)
  const change = readTableCommit(directory, key, request.body ?? new Uint8Array())
  if (isBad(change)) return refuseBody(change)
  const answer = await writer.commit([change])
  if (answer.kind !== 'committed') return refuseCommit(answer)
  const committed = answer.tables[key]
  assert(committed !== undefined, 'the answer has the table that was committed')
  return { status: 200, body: committedBody(committed) }
}

async function commitTransaction({ directory, request, writer }: CommitCall): Promise<RestAnswer> {
  const changes = readTransaction(directory, request.body ?? new Uint8Array())
  if (isBad(changes)) return refuseBody(changes)
  const answer = await writer.commit(changes)
  return answer.kind === 'committed' ? NO_CONTENT : refuseCommit(answer)
}

function isBad(read: ClientChange | readonly ClientChange[] | BadBody): read is BadBody {
  return 'fault' in read || 'table' in read
}

function refuseBody(bad: BadBody): RestAnswer {
  if ('fault' in bad) return refuse('BadRequestException', bad.fault)
  return refuse('NoSuchTableException', `Table does not exist: ${bad.table}`)
}

function refuseCommit(answer: Exclude<ClientAnswer, { kind: 'committed' }>): RestAnswer {
  switch (answer.kind) {
    case 'conflict':
      return refuse('CommitFailedException', answer.message)
    case 'refused':
      return refuse('BadRequestException', answer.message)
    case 'unknown':
      return refuse('CommitStateUnknownException', answer.message)
    case 'unavailable':
      return unavailable(answer.message)
  }
}

/** The catalog is asked, so that one that cannot be read is not taken for one without tables. */
async function tableExists({ directory, namespace, name, lake }: Call): Promise<RestAnswer> {
  const key = keyIn(directory, namespace, name)
  if (key === null) return noTable(namespace, name)
  await lake.locate(key)
  return NO_CONTENT
}

/** What a client's scan has read and how long it took: taken, and not kept. */
function reportMetrics({ directory, namespace, name }: Call): RestAnswer {
  return keyIn(directory, namespace, name) === null ? noTable(namespace, name) : NO_CONTENT
}

function listViews({ directory, namespace, request: { query } }: Call): RestAnswer {
  if (!directory.has(namespace)) return noNamespace(namespace)
  return list('identifiers', [], () => '', query)
}

function noView({ namespace, name }: Call): RestAnswer {
  return refuse('NoSuchViewException', `View does not exist: ${identifier(namespace, name)}`)
}

/**
 * Also where there is no such namespace: clients read the metadata table `campaign_events.snapshots`
 * when the table `snapshots` in the namespace `campaigns.campaign_events` does not exist, and only
 * then.
 */
function noTable(namespace: string, name: string): RestAnswer {
  return refuse('NoSuchTableException', `Table does not exist: ${identifier(namespace, name)}`)
}

function noNamespace(namespace: string): RestAnswer {
  const shown = namespace.replaceAll(LEVEL_SEPARATOR, '.')
  return refuse('NoSuchNamespaceException', `Namespace does not exist: ${shown}`)
}

function identifier(namespace: string, name: string): string {
  return `${namespace.replaceAll(LEVEL_SEPARATOR, '.')}.${name}`
}

function list<T>(
  field: 'namespaces' | 'identifiers',
  entries: readonly T[],
  nameOf: (entry: T) => string,
  query: URLSearchParams,
): RestAnswer {
  const page = pageOf(entries, nameOf, query)
  if (page === null) {
    const message =
      'pageSize is a whole number from 1, and pageToken the next-page-token of the page before'
    return refuse('BadRequestException', message)
  }
  return ok({ [field]: page.entries, 'next-page-token': page['next-page-token'] })
}

function refuse(type: RestErrorType, message: string): RestAnswer {
  return { status: statusOf(type), body: restError(type, message) }
}

function unavailable(message: string): RestAnswer {
  const headers = { 'retry-after': RETRY_SECONDS }
  return { ...refuse('ServiceUnavailableException', message), headers }
}

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) }
}

const NO_CONTENT: RestAnswer = { status: 204, body: null }
