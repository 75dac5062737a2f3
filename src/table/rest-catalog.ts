/**
 * The Iceberg REST catalog, read-only: its answer to a request, made from what the lake reader
 * gives it. The endpoints are those of Iceberg's `rest-catalog-open-api.yaml` (1.11), in the tables
 * ROUTES and REFUSED below. All that would change a table is refused. The collector answers
 * `POST /v1/oauth/tokens`, since it has the keys, and checks them before a request comes here.
 */
import { CATALOG_NAME, NAMESPACE, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import type { LakeReader } from './rest-catalog/lake-reader.ts'
import { pageOf } from './rest-catalog/listing.ts'
import { type RestErrorType, restError, statusOf } from './rest-catalog/rest-error.ts'
import { isAmongTags, snapshotModeOf, tableBody, tagOf } from './rest-catalog/table-answer.ts'

export type { LakeReader } from './rest-catalog/lake-reader.ts'
export { restErrorBody } from './rest-catalog/rest-error.ts'

export type RestRequest = Readonly<{
  method: string
  /** Below the mount point and undecoded: `/v1/namespaces/campaigns/tables`. */
  path: string
  query: URLSearchParams
  /** By names in lower case. */
  headers?: Readonly<Record<string, string | string[] | undefined>>
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
  /** Decoded; empty where the route has no such segment. */
  namespace: string
  name: string
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

const READ_ONLY =
  `the catalog ${CATALOG_NAME} is read-only. campaign-metrics alone writes its tables: send ` +
  'events to POST /v1/events, or copy the table into a catalog of your own to change it'
const NOT_OFFERED = 'this catalog does not offer it; GET /v1/config lists what it does'

/** Endpoints of the spec that are refused, and why. */
const REFUSED: readonly (readonly [method: string, path: string, reason: string])[] = [
  ['POST', 'v1/namespaces', READ_ONLY],
  ['DELETE', NAMESPACE_PATH, READ_ONLY],
  ['POST', `${NAMESPACE_PATH}/properties`, READ_ONLY],
  ['POST', `${NAMESPACE_PATH}/tables`, READ_ONLY],
  ['POST', TABLE_PATH, READ_ONLY],
  ['DELETE', TABLE_PATH, READ_ONLY],
  ['POST', `${TABLE_PATH}/unregister`, READ_ONLY],
  ['POST', `${NAMESPACE_PATH}/register`, READ_ONLY],
  ['POST', `${NAMESPACE_PATH}/views`, READ_ONLY],
  ['POST', VIEW_PATH, READ_ONLY],
  ['DELETE', VIEW_PATH, READ_ONLY],
  ['POST', `${NAMESPACE_PATH}/register-view`, READ_ONLY],
  ['POST', 'v1/tables/rename', READ_ONLY],
  ['POST', 'v1/views/rename', READ_ONLY],
  ['POST', 'v1/transactions/commit', READ_ONLY],
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
const ENDPOINTS: readonly string[] = ROUTES.filter(({ path }) => path !== 'v1/config').map(
  ({ method, path }) =>
    `${method} /${path
      .replace('v1/', 'v1/{prefix}/')
      .replace('tables/{name}', 'tables/{table}')
      .replace('views/{name}', 'views/{view}')}`,
)

/** The spec joins namespaces of several levels by this character. */
const LEVEL_SEPARATOR = '\u001f'
const RETRY_SECONDS = '1'

export async function answerRestCatalog(
  request: RestRequest,
  lake: LakeReader,
): Promise<RestAnswer> {
  const answer = await answerOrFailure(request, lake)
  return request.method === 'HEAD' ? { ...answer, body: null } : answer
}

/** A catalog that cannot be read, now or before the first start, is a 503: clients try again. */
async function answerOrFailure(request: RestRequest, lake: LakeReader): Promise<RestAnswer> {
  try {
    return await route(request, lake)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    const headers = { 'retry-after': RETRY_SECONDS }
    return { ...refuse('ServiceUnavailableException', error.message), headers }
  }
}

async function route(request: RestRequest, lake: LakeReader): Promise<RestAnswer> {
  const { method, path } = request
  const segments = segmentsOf(path)
  if (segments === null) return refuse('BadRequestException', `${path} is not validly encoded`)
  const here = ROUTES.filter((each) => fits(each.path, segments))
  const found =
    here.find((each) => each.method === method) ??
    here.find((each) => method === 'HEAD' && each.method === 'GET')
  if (found === undefined) return refuseRoute(method, segments, here)
  const [, , namespace = '', , name = ''] = segments
  return await found.answer({ request, lake, namespace, name })
}

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
): RestAnswer {
  const shown = `${method} /${segments.join('/').replaceAll(LEVEL_SEPARATOR, '.')}`
  const there = REFUSED.filter(([, path]) => fits(path, segments))
  if (here.length === 0 && there.length === 0) {
    const message = `${shown}: no such endpoint; GET /v1/config lists those there are`
    return refuse('NotFoundException', message)
  }
  const [, , reason = NOT_OFFERED] = there.find(([refused]) => refused === method) ?? []
  const allowed = new Set(here.flatMap((each) => [each.method, ...headOf(each.method)]))
  return {
    ...refuse('UnsupportedOperationException', `${shown}: ${reason}`),
    headers: { allow: [...allowed].join(', ') },
  }
}

function headOf(method: string): readonly string[] {
  return method === 'GET' ? ['HEAD'] : []
}

/** Clients name the warehouse by the name of the catalog, or by where it is. */
function config({ request, lake }: Call): RestAnswer {
  const asked = request.query.get('warehouse') ?? ''
  if (asked !== '' && asked !== CATALOG_NAME && placeOf(asked) !== placeOf(lake.warehouse)) {
    return refuse(
      'NoSuchWarehouseException',
      `Warehouse does not exist: ${asked}. The one that is served here is ${CATALOG_NAME}; ` +
        `set warehouse=${CATALOG_NAME}, or leave it out`,
    )
  }
  return ok({ defaults: {}, overrides: {}, endpoints: ENDPOINTS })
}

/** `file:///lake/`, `file:/lake` and `/lake` are one place, and so are `s3a://b` and `s3://b`. */
function placeOf(location: string): string {
  return location
    .replace(/^file:(?:\/\/)?(?=\/)/i, '')
    .replace(/^s3[an]:/i, 's3:')
    .replace(/\/+$/, '')
}

function listNamespaces({ request: { query } }: Call): RestAnswer {
  const parent = query.get('parent') ?? ''
  if (parent !== '' && parent !== NAMESPACE) return noNamespace(parent)
  return list('namespaces', parent === '' ? [[NAMESPACE]] : [], (levels) => levels.join(), query)
}

function loadNamespace({ namespace }: Call): RestAnswer {
  if (namespace !== NAMESPACE) return noNamespace(namespace)
  return ok({ namespace: [NAMESPACE], properties: {} })
}

function namespaceExists({ namespace }: Call): RestAnswer {
  return namespace === NAMESPACE ? NO_CONTENT : noNamespace(namespace)
}

function listTables({ namespace, request: { query } }: Call): RestAnswer {
  if (namespace !== NAMESPACE) return noNamespace(namespace)
  const identifiers = TABLE_KEYS.map((key) => ({ namespace: [NAMESPACE], name: TABLES[key].name }))
  return list('identifiers', identifiers, ({ name }) => name, query)
}

async function loadTable({ namespace, name, request, lake }: Call): Promise<RestAnswer> {
  const key = keyOf(namespace, name)
  if (key === null) return noTable(namespace, name)
  const mode = snapshotModeOf(request.query)
  if (mode === null) return refuse('BadRequestException', 'snapshots is either all or refs')
  const known = request.headers?.['if-none-match']
  if (known !== undefined) {
    const tag = tagOf(await lake.locate(key), lake, mode)
    if (isAmongTags(tag, known)) return { status: 304, headers: { etag: tag }, body: null }
  }
  const table = await lake.loadMetadata(key)
  const etag = tagOf(table.metadataLocation, lake, mode)
  return { status: 200, headers: { etag }, body: tableBody(table, lake, mode) }
}

/** The catalog is asked, so that one that cannot be read is not taken for one without tables. */
async function tableExists({ namespace, name, lake }: Call): Promise<RestAnswer> {
  const key = keyOf(namespace, name)
  if (key === null) return noTable(namespace, name)
  await lake.locate(key)
  return NO_CONTENT
}

/** What a client's scan has read and how long it took: taken, and not kept. */
function reportMetrics({ namespace, name }: Call): RestAnswer {
  return keyOf(namespace, name) === null ? noTable(namespace, name) : NO_CONTENT
}

function listViews({ namespace, request: { query } }: Call): RestAnswer {
  if (namespace !== NAMESPACE) return noNamespace(namespace)
  return list('identifiers', [], () => '', query)
}

function noView({ namespace, name }: Call): RestAnswer {
  return refuse('NoSuchViewException', `View does not exist: ${identifier(namespace, name)}`)
}

function keyOf(namespace: string, name: string): TableKey | null {
  if (namespace !== NAMESPACE) return null
  return TABLE_KEYS.find((key) => TABLES[key].name === name) ?? null
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

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) }
}

const NO_CONTENT: RestAnswer = { status: 204, body: null }
