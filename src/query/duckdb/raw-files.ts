/**
 * What the embedded engine has DuckDB do with raw files, now and then: merge them, and recompute
 * windows from them. Each call opens an instance and closes it, so that no memory is held between
 * them.
 */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { WindowKey, WindowSums } from '../../event.ts'
import { type DataFile, dayOfUs, type LocalFiles } from '../../table.ts'
import { nameSql, textSql } from '../dialect.ts'
import { QueryError } from '../error.ts'
import { recomputeWindows } from '../window-sums.ts'
import { DUCKDB } from './dialect.ts'
import { duckdbReason } from './error.ts'
import { type Duck, type DuckLimits, openDuck } from './instance.ts'
import { withPort } from './port.ts'
import { EVENT_COLUMNS, filesSql } from './tables.ts'

export type MergeOptions = DuckLimits &
  Readonly<{
    /** The key-value pairs of the output's footer. */
    footer: Readonly<Record<string, string>>
    isSorted: boolean
    /** Breaks the merge off: it rejects, and nothing is left of it. */
    signal?: AbortSignal
  }>

/** Rows a row group: what a reader must decode at least, and what the writer holds. */
const ROW_GROUP_ROWS = 122_880

/**
 * Merges raw files into one, sorted by campaign and time (or not, in a third of the time). The rows
 * go through DuckDB, which spills what does not fit its memory; columns, types and field ids are
 * those of the table. The output is the caller's to import, sync or delete; a failed merge removes
 * it. Throws QueryError `merge-failed`. Returns the rows written.
 */
export async function mergeEventFiles(
  inputs: readonly string[],
  output: string,
  { footer, isSorted, signal, ...limits }: MergeOptions,
): Promise<number> {
  const folders = new Set([...inputs, output].map((file) => path.dirname(file)))
  try {
    const duck = await openDuck({ ...limits, folders: [...folders] })
    try {
      return await copy(duck, copySql(inputs, output, footer, isSorted), signal)
    } finally {
      await duck.close()
    }
  } catch (error) {
    await rm(output, { force: true })
    const facts = { files: inputs.length, output, reason: duckdbReason(error) }
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

function copySql(
  inputs: readonly string[],
  output: string,
  footer: MergeOptions['footer'],
  isSorted: boolean,
): string {
  const fieldIds = EVENT_COLUMNS.map(({ id, name }) => `${nameSql(name)}: ${id}`)
  const keyValues = Object.entries(footer).map((pair) => pair.map(textSql).join(': '))
  const order = isSorted ? ' ORDER BY campaign_id, "timestamp"' : ''
  return `COPY (SELECT * FROM ${filesSql(EVENT_COLUMNS, inputs)}${order})
    TO ${textSql(output)} (
      FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}, USE_TMP_FILE false,
      FIELD_IDS {${fieldIds.join(', ')}},
      KV_METADATA {${keyValues.join(', ')}}
    )`
}

/**
 * The exact sums of windows over those of the files that are of their days, in the order of the
 * keys. Throws QueryError, and TableError where files cannot be fetched.
 */
export async function recomputeFromFiles(
  local: LocalFiles,
  files: readonly DataFile[],
  keys: readonly WindowKey[],
  windowUs: number,
): Promise<readonly WindowSums[]> {
  const days = new Set(keys.map((key) => dayOfUs(key.windowStartUs)))
  const { paths, release } = await local.hold(
    files.filter(({ day }) => days.has(day)).map(({ path }) => path),
  )
  try {
    const duck = await openDuck({ folders: [local.folder] })
    try {
      return await withPort(duck, (port) => recomputeWindows(port, DUCKDB, paths, keys, windowUs))
    } finally {
      await duck.close()
    }
  } finally {
    release()
  }
}
