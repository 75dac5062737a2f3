/**
 * A place of its own for one product under test: a temporary folder that holds the configuration
 * file and everything the product writes, laid out as a user's would be (`./data/...`).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Folder = Readonly<{
  path: string
  configPath: string
  logPath: string
  warehousePath: string
  catalogPath: string
  /** Where PyIceberg finds the tables: the URI of its SQL catalog, and its properties. */
  reader: Readonly<{ uri: string; properties: Readonly<Record<string, string>> }>
  /** Writes the configuration; the fields given replace the harness's own. */
  configure(fields: Readonly<Record<string, unknown>>): Promise<void>
  close(): Promise<void>
}>

/** Port 0: the product chooses and prints it. A fifth of a second keeps the tests short. */
const QUICK = { listen: '127.0.0.1:0', commitInterval: '200ms' }

export async function openFolder(
  fields: Readonly<Record<string, unknown>> = {},
  parent: string = tmpdir(),
): Promise<Folder> {
  const path = await mkdtemp(join(parent, 'campaign-metrics-'))
  const configPath = join(path, 'campaign-metrics.yaml')
  const configure = async (more: Readonly<Record<string, unknown>>): Promise<void> => {
    // JSON is YAML, so the harness needs no YAML writer.
    const config = {
      ...QUICK,
      log: './data/log',
      warehouse: './data/warehouse',
      catalog: './data/catalog.db',
      ...more,
    }
    await writeFile(configPath, `${JSON.stringify(config, null, 2)}\n`)
  }
  await configure(fields)
  return {
    path,
    configPath,
    logPath: join(path, 'data/log'),
    warehousePath: join(path, 'data/warehouse'),
    catalogPath: join(path, 'data/catalog.db'),
    reader: readerOf(join(path, 'data/catalog.db'), fields),
    configure,
    close: () => rm(path, { recursive: true, force: true }),
  }
}

/** Of a configuration with the tables on S3 and their catalog in PostgreSQL; else of the file. */
function readerOf(
  file: string,
  { catalog, s3 }: Readonly<Record<string, unknown>>,
): Folder['reader'] {
  const uri =
    typeof catalog === 'string' && catalog.startsWith('postgresql://')
      ? catalog.replace('postgresql://', 'postgresql+psycopg2://')
      : `sqlite:///${file}`
  if (typeof s3 !== 'object' || s3 === null) return { uri, properties: {} }
  const { AWS_ACCESS_KEY_ID: key = '', AWS_SECRET_ACCESS_KEY: secret = '' } = process.env
  const endpoint = 'endpoint' in s3 ? String(s3.endpoint) : ''
  const properties = {
    's3.endpoint': endpoint,
    's3.access-key-id': key,
    's3.secret-access-key': secret,
    's3.region': 'us-east-1',
  }
  return { uri, properties }
}
