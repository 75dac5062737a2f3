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
 * A slow first answer of Trino may be older than the few metadata files that a table lists; the
 * next answers are quick.
 */
const ATTEMPTS_MAX = 3

/** Throws QueryError `trino-other-tables`. */
export async function checkSameTables(
  client: TrinoClient,
  place: TrinoPlace,
  readOwn: () => Promise<OwnTables>,
): Promise<void> {
  for (const key of ['events', 'metrics'] as const) {
    await checkTable(client, place, key, async () => (await readOwn())[key].metadataLocations)
  }
}

/**
 * Ours are read after Trino was asked: what it sees then is either current or in our log of
 * metadata files.
 */
async function checkTable(
  client: TrinoClient,
  { url }: TrinoPlace,
  key: keyof OwnTables,
  readOwn: () => Promise<readonly string[]>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const seen = await newestMetadata(client, key)
    const own = await readOwn()
    if (seen !== null && own.includes(seen)) return
    if (attempt < ATTEMPTS_MAX) continue
    const facts = { url, table: TABLES[key], seen: seen ?? 'missing', own: own[0] ?? '' }
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
