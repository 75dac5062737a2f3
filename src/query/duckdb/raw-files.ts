/**
 * Merges raw files into one, sorted by campaign and time (or not, in a third of the time). The rows go through DuckDB,
 * which spills what does not fit its memory; columns, types and field ids are those of the table. The output is the
 * caller's to import, sync or delete; a failed merge removes it.
 */
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { EVENT_COLUMNS } from '../columns.ts'
import { QueryError, reasonOf } from '../error.ts'
import { nameSql, textSql } from '../sql-text.ts'
import { type Duck, openDuck } from './instance.ts'
import { tableSql } from './tables.ts'

export type MergeOptions = Readonly<{
  /** The key-value pairs of the output's footer. */
  footer: Readonly<Record<string, string>>
  isSorted: boolean
  /** Breaks the merge off: it rejects, and nothing is left of it. */
  signal?: AbortSignal
  /** Default 256 MiB; what a sort needs beyond is spilled. */
  memoryMaxBytes?: number
  /** Default 1: the other processors are the pipeline's. */
  threads?: number
  /** Where spilled rows go. Default the system's folder for temporary files. */
  temporaryPath?: string
  /** Default 16 GiB. */
  temporaryMaxBytes?: number
}>

const MEMORY_MAX_BYTES = 256 * 2 ** 20
const TEMPORARY_MAX_BYTES = 16 * 2 ** 30

/** Rows a row group: what a reader must decode at least, and what the writer holds. */
const ROW_GROUP_ROWS = 122_880

/** Throws QueryError `merge-failed`. Returns the rows written. */
export async function mergeEventFiles(
  inputs: readonly string[],
  output: string,
  options: MergeOptions,
): Promise<number> {
  const folders = new Set([...inputs, output].map((file) => path.dirname(file)))
  try {
    // An instance for each merge: merges are minutes apart, and between them no memory is held.
    const duck = await openDuck({
      memoryMaxBytes: options.memoryMaxBytes ?? MEMORY_MAX_BYTES,
      threads: options.threads ?? 1,
      temporaryPath: options.temporaryPath ?? tmpdir(),
      temporaryMaxBytes: options.temporaryMaxBytes ?? TEMPORARY_MAX_BYTES,
      folders: [...folders],
      timezone: 'UTC',
      keepsOrder: false,
    })
    try {
      return await copy(duck, copySql(inputs, output, options), options.signal)
    } finally {
      await duck.close()
    }
  } catch (error) {
    await rm(output, { force: true })
    const facts = { files: inputs.length, output, reason: reasonOf(error) }
    throw new QueryError('merge-failed', facts, error)
  }
}

async function copy(duck: Duck, sql: string, signal: AbortSignal | undefined): Promise<number> {
  signal?.throwIfAborted()
  const connection = await duck.connect()
  const interrupt = (): void => connection.interrupt()
  signal?.addEventListener('abort', interrupt)
  try {
    const [row = []] = await (await connection.run(sql)).getRows()
    return Number(row[0])
  } finally {
    signal?.removeEventListener('abort', interrupt)
    connection.closeSync()
  }
}

function copySql(inputs: readonly string[], output: string, options: MergeOptions): string {
  const fieldIds = EVENT_COLUMNS.map(({ id, name }) => `${nameSql(name)}: ${id}`)
  const keyValues = Object.entries(options.footer).map((pair) => pair.map(textSql).join(': '))
  const order = options.isSorted ? ' ORDER BY campaign_id, "timestamp"' : ''
  return `COPY (SELECT * FROM ${tableSql(EVENT_COLUMNS, inputs)}${order})
    TO ${textSql(output)} (
      FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}, USE_TMP_FILE false,
      FIELD_IDS {${fieldIds.join(', ')}},
      KV_METADATA {${keyValues.join(', ')}}
    )`
}
