/**
 * The database of the dashboard in Superset: Trino, at the address at which Superset reaches it.
 */
import { assetUuid } from './uuid.ts'

export type SupersetDatabase = Readonly<{
  /** Trino's address for Superset, such as `http://trino:8080`. */
  trinoUrl: string
  user: string
  password: string | null
  /** The catalog's name in Trino; null means `lake`. */
  catalog: string | null
}>

export const DATABASE_NAME = 'Campaign Metrics'
export const DATABASE_UUID: string = assetUuid('database', 'lake')
export const DATABASE_FILE = 'databases/campaign_metrics.yaml'

/** Superset's placeholder for a password; an import replaces it with the one passed beside it. */
const PASSWORD_MASK = 'XXXXXXXXXX'
const DEFAULT_CATALOG = 'lake'
export const SCHEMA = 'campaigns'

export function catalogOf({ catalog }: SupersetDatabase): string {
  return catalog ?? DEFAULT_CATALOG
}

/** Without the password, which is passed beside the bundle. */
export function databaseAsset(database: SupersetDatabase): Readonly<Record<string, unknown>> {
  return {
    database_name: DATABASE_NAME,
    sqlalchemy_uri: sqlalchemyUri(database),
    cache_timeout: null,
    expose_in_sqllab: true,
    allow_run_async: false,
    allow_ctas: false,
    allow_cvas: false,
    allow_dml: false,
    allow_csv_upload: false,
    impersonate_user: false,
    extra: {
      allows_virtual_table_explore: true,
      engine_params: { connect_args: connectArguments(database) },
      metadata_params: {},
    },
    uuid: DATABASE_UUID,
    version: '1.0.0',
  }
}

function sqlalchemyUri(database: SupersetDatabase): string {
  const { hostname, port, protocol } = new URL(database.trinoUrl)
  const password = database.password === null ? '' : `:${PASSWORD_MASK}`
  const defaultPort = protocol === 'https:' ? 443 : 80
  const address = `${hostname}:${port === '' ? defaultPort : port}`
  const user = encodeURIComponent(database.user)
  return `trino://${user}${password}@${address}/${catalogOf(database)}/${SCHEMA}`
}

function connectArguments({ trinoUrl }: SupersetDatabase): Readonly<Record<string, unknown>> {
  const scheme = new URL(trinoUrl).protocol.replace(':', '')
  return { source: 'superset', http_scheme: scheme, timezone: 'UTC' }
}
