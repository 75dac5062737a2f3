/** The endpoints of the REST catalog: those that are answered, and those of the spec that would change something. */

/** As `GET /v1/config` lists them: clients ask for nothing else. */
export const ENDPOINTS: readonly string[] = [
  'GET /v1/{prefix}/namespaces',
  'GET /v1/{prefix}/namespaces/{namespace}',
  'HEAD /v1/{prefix}/namespaces/{namespace}',
  'GET /v1/{prefix}/namespaces/{namespace}/tables',
  'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}',
]

/** Endpoints of the spec that create, commit, rename or delete, `*` being any segment. */
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

/** Whether the spec has such an endpoint, so that the answer can say why it is refused. */
export function isKnownEndpoint(method: string, segments: readonly string[]): boolean {
  return CHANGES.some(([changing, path]) => {
    const pattern = path.split('/')
    const fits = (part: string, index: number): boolean => part === '*' || part === segments[index]
    return changing === method && pattern.length === segments.length && pattern.every(fits)
  })
}
