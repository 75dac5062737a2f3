/**
 * Whether Trino sees our tables: its catalog may lie in another database, and then everything it
 * answers is about other rows.
 */
import type { LakeSnapshot } from '../../table.ts'
import { QueryError } from '../error.ts'
import type { TrinoClient, TrinoPlace } from './client.ts'

/** Both tables as our catalog leads to them. */
export type OwnTables = Readonly<
  Record<'events' | 'metrics', Pick<LakeSnapshot['events'], 'metadataLocations'>>
>

const TABLES = { events: 'campaign_events', metrics: 'campaign_metrics' } as const
const NOT_FOUND = /^(TABLE|SCHEMA|CATALOG)_NOT_FOUND$/

/**
 * Throws QueryError `trino-other-tables`. Ours are read after Trino was asked: what it sees then is
 * either current or in our log of metadata files.
 */
export async function checkSameTables(
  client: TrinoClient,
  { url }: TrinoPlace,
  readOwn: () => Promise<OwnTables>,
): Promise<void> {
  const events = await newestMetadata(client, 'events')
  const metrics = await newestMetadata(client, 'metrics')
  const own = await readOwn()
  for (const [key, seen] of [
    ['events', events],
    ['metrics', metrics],
  ] as const) {
    const locations = own[key].metadataLocations
    if (seen !== null && locations.includes(seen)) continue
    const facts = { url, table: TABLES[key], seen: seen ?? 'missing', own: locations[0] ?? '' }
    throw new QueryError('trino-other-tables', facts)
  }
}

/** Null where Trino has no such table. */
async function newestMetadata(client: TrinoClient, key: keyof OwnTables): Promise<string | null> {
  const log = `"${TABLES[key]}$metadata_log_entries"`
  try {
    const sql = `SELECT file FROM ${log} ORDER BY "timestamp" DESC LIMIT 1`
    return String((await client.rows(sql))[0]?.[0])
  } catch (error) {
    if (error instanceof QueryError && isNotFound(error.cause)) return null
    throw error
  }
}

function isNotFound(cause: unknown): boolean {
  return NOT_FOUND.test(String((cause as { errorName?: string } | undefined)?.errorName))
}
