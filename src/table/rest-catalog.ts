/**
 * The Iceberg REST catalog, read-only: its answer to a request, made from what the lake reader
 * gives it. The endpoints are those of Iceberg's `rest-catalog-open-api.yaml` (1.10); everything
 * that would change a table is refused.
 *
 *   GET /v1/config                            defaults, overrides, the endpoints below
 *   GET /v1/namespaces                        HEAD /v1/namespaces/{namespace}, GET the same
 *   GET /v1/namespaces/{namespace}/tables
 *   GET, HEAD /v1/namespaces/{namespace}/tables/{table}
 *
 * Table metadata is passed on as the text of its file: snapshot ids have 63 bits, which JSON.parse
 * would round.
 */
import { CATALOG_NAME, NAMESPACE, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'

export type RestRequest = Readonly<{
  method: string
  /** Below the mount point and undecoded: `/v1/namespaces/campaigns/tables`. */
  path: string
  query: URLSearchParams
}>

/** The body is JSON text, or null for none. */
export type RestAnswer = Readonly<{ status: number; body: string | null }>

/** A table's pointer and the text of the metadata file it points to. */
export type TableMetadataText = Readonly<{ metadataLocation: string; metadata: string }>

export type LakeReader = Readonly<{
  /** How clients reach the tables' files; sent with every table. */
  settings?: Readonly<Record<string, string>>
  /** The current metadata of a table; throws where the catalog cannot be read. */
  loadMetadata(key: TableKey): Promise<TableMetadataText>
}>

/** As `GET /v1/config` lists them: clients ask for nothing else. */
const ENDPOINTS: readonly string[] = [
  'GET /v1/{prefix}/namespaces',
  'GET /v1/{prefix}/namespaces/{namespace}',
  'HEAD /v1/{prefix}/namespaces/{namespace}',
  'GET /v1/{prefix}/namespaces/{namespace}/tables',
  'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}',
]

/** Endpoints of the spec that create, commit, rename or delete; `*` stands for any segment. */
const CHANGES: readonly (readonly [method: string, path: string])[] = [
  ['POST', 'v1/namespaces'],
  ['DELETE', 'v1/namespaces/*'],
  ['POST', 'v1/namespaces/*/properties'],
  ['POST', 'v1/namespaces/*/tables'],
  ['POST', 'v1/namespaces/*/tables/*'],
  ['DELETE', 'v1/namespaces/*/tables/*'],
  ['POST', 'v1/namespaces/*/tables/*/metrics'],
  ['POST', 'v1/namespaces/*/tables/*/plan'],
  ['DELETE', 'v1/namespaces/*/tables/*/plan/*'],
  ['POST', 'v1/namespaces/*/tables/*/tasks'],
  ['POST', 'v1/namespaces/*/register'],
  ['POST', 'v1/namespaces/*/views'],
  ['POST', 'v1/namespaces/*/views/*'],
  ['DELETE', 'v1/namespaces/*/views/*'],
  ['POST', 'v1/namespaces/*/register-view'],
  ['POST', 'v1/tables/rename'],
  ['POST', 'v1/views/rename'],
  ['POST', 'v1/transactions/commit'],
  ['POST', 'v1/oauth/tokens'],
]

/** Iceberg's ErrorModel, with the class names that its Java client knows. */
const STATUS = {
  BadRequestException: 400,
  NoSuchNamespaceException: 404,
  NoSuchTableException: 404,
  NotFoundException: 404,
  UnsupportedOperationException: 405,
  ServiceUnavailableException: 503,
} as const
type RestErrorType = keyof typeof STATUS

/** The spec joins namespaces of several levels by this character. */
const LEVEL_SEPARATOR = '\u001f'

export async function answerRestCatalog(
  request: RestRequest,
  lake: LakeReader,
): Promise<RestAnswer> {
  const isHead = request.method === 'HEAD'
  const answer = await answerOrFailure(request, lake)
  // Existence is answered without a body.
  return isHead ? { status: answer.status === 200 ? 204 : answer.status, body: null } : answer
}

/** A catalog that cannot be read, now or before the first start, is a 503: clients try again. */
async function answerOrFailure(request: RestRequest, lake: LakeReader): Promise<RestAnswer> {
  try {
    return await route(request, lake)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    return refuse('ServiceUnavailableException', error.message)
  }
}

async function route({ method, path, query }: RestRequest, lake: LakeReader): Promise<RestAnswer> {
  const segments = segmentsOf(path)
  if (segments === null) return refuse('BadRequestException', `${path} is not validly encoded`)
  if (method !== 'GET' && method !== 'HEAD') return refuseChange(method, segments)
  const [version, kind, namespace, what, table, ...rest] = segments
  if (version !== 'v1' || rest.length > 0) return unknown(method, path)
  if (kind === 'config' && segments.length === 2)
    return method === 'GET' ? config() : unknown(method, path)
  if (kind !== 'namespaces') return unknown(method, path)
  if (namespace === undefined) {
    return method === 'GET' ? namespaces(query.get('parent')) : unknown(method, path)
  }
  if (what !== undefined && what !== 'tables') return unknown(method, path)
  if (namespace !== NAMESPACE) return noNamespace(namespace)
  if (what === undefined) return ok({ namespace: [NAMESPACE], properties: {} })
  if (table === undefined) return method === 'GET' ? tables() : unknown(method, path)
  return await loadTable(table, lake)
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

function config(): RestAnswer {
  return ok({ defaults: {}, overrides: {}, endpoints: ENDPOINTS })
}

function namespaces(parent: string | null): RestAnswer {
  if (parent === null || parent === '')
    return ok({ namespaces: [[NAMESPACE]], 'next-page-token': null })
  if (parent !== NAMESPACE) return noNamespace(parent)
  return ok({ namespaces: [], 'next-page-token': null })
}

function tables(): RestAnswer {
  const identifiers = TABLE_KEYS.map((key) => ({ namespace: [NAMESPACE], name: TABLES[key].name }))
  return ok({ identifiers, 'next-page-token': null })
}

async function loadTable(name: string, lake: LakeReader): Promise<RestAnswer> {
  const key = TABLE_KEYS.find((each) => TABLES[each].name === name)
  if (key === undefined) {
    return refuse('NoSuchTableException', `Table does not exist: ${NAMESPACE}.${name}`)
  }
  const { metadataLocation, metadata } = await lake.loadMetadata(key)
  const location = JSON.stringify(metadataLocation)
  const settings = JSON.stringify(lake.settings ?? {})
  return {
    status: 200,
    body: `{"metadata-location":${location},"metadata":${metadata},"config":${settings}}`,
  }
}

function refuseChange(method: string, segments: readonly string[]): RestAnswer {
  const path = `/${segments.join('/')}`
  if (!isChange(method, segments)) return unknown(method, path)
  return refuse(
    'UnsupportedOperationException',
    `${method} ${path}: the catalog ${CATALOG_NAME} is read-only. campaign-metrics alone writes ` +
      'its tables: send events to POST /v1/events, or copy the table into a catalog of your own ' +
      'to change it',
  )
}

/** Whether the spec has such an endpoint, so that the answer can say why it is refused. */
function isChange(method: string, segments: readonly string[]): boolean {
  return CHANGES.some(([changing, path]) => {
    const pattern = path.split('/')
    const fits = (part: string, index: number): boolean => part === '*' || part === segments[index]
    return changing === method && pattern.length === segments.length && pattern.every(fits)
  })
}

function noNamespace(namespace: string): RestAnswer {
  const shown = namespace.replaceAll(LEVEL_SEPARATOR, '.')
  return refuse('NoSuchNamespaceException', `Namespace does not exist: ${shown}`)
}

function unknown(method: string, path: string): RestAnswer {
  return refuse(
    'NotFoundException',
    `${method} ${path}: no such endpoint; GET /v1/config lists those there are`,
  )
}

function refuse(type: RestErrorType, message: string): RestAnswer {
  const status = STATUS[type]
  return { status, body: JSON.stringify({ error: { message, type, code: status } }) }
}

function ok(body: object): RestAnswer {
  return { status: 200, body: JSON.stringify(body) }
}
