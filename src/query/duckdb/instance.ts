/**
 * DuckDB in memory, and the only place that imports it. An instance is locked before anything of a
 * user's runs: it reads the folders it was given and nothing else (no other file, no network, no
 * extension, no secret), keeps its memory limit, and spills into a temporary folder of its own. Its
 * configuration cannot be changed afterwards.
 *
 * The folders could be written to by a COPY; that no statement but a SELECT gets that far is the
 * work of `runSql`.
 */

import { tmpdir } from 'node:os'
import { DuckDBInstance } from '@duckdb/node-api'
import { textSql } from '../dialect.ts'
import { QueryError } from '../error.ts'
import { makeSpillFolder } from './spill-folder.ts'
import { listSql } from './tables.ts'

export type { DuckDBBlobValue, DuckDBDataChunk, DuckDBResult, DuckDBValue } from '@duckdb/node-api'
export {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  DuckDBUnionValue,
  DuckDBVariantValue,
  listValue,
  StatementType,
} from '@duckdb/node-api'

/** What an instance may take of the machine. */
export type DuckLimits = Readonly<{
  /** What it may hold in memory; past it rows are spilled. Default 256 MiB. */
  memoryMaxBytes?: number
  /** Default 1: the other processors are the pipeline's. */
  threads?: number
  /**
   * Folder in which a folder for spilled rows is made; removed by `close`. Default the system's
   * folder for temporary files.
   */
  temporaryPath?: string
  /** Spilled rows at most; a query that needs more fails with `out-of-memory`. Default 16 GiB. */
  temporaryMaxBytes?: number
}>

export type DuckOptions = DuckLimits &
  Readonly<{
    /** Where DuckDB may read (and, for merging, write) files. */
    folders: readonly string[]
    /**
     * IANA name for casts to TIMESTAMP WITH TIME ZONE; the tables' own timestamps are UTC. Default
     * UTC.
     */
    timezone?: string
  }>

export type Duck = Readonly<{
  options: Required<DuckOptions>
  connect(): Promise<DuckConnection>
  close(): Promise<void>
}>

export type DuckConnection = Awaited<ReturnType<DuckDBInstance['connect']>>

const MEMORY_MAX_BYTES = 256 * 2 ** 20
const TEMPORARY_MAX_BYTES = 16 * 2 ** 30

export async function openDuck(given: DuckOptions): Promise<Duck> {
  const options: Required<DuckOptions> = {
    memoryMaxBytes: MEMORY_MAX_BYTES,
    threads: 1,
    temporaryPath: tmpdir(),
    temporaryMaxBytes: TEMPORARY_MAX_BYTES,
    timezone: 'UTC',
    ...given,
  }
  const spill = makeSpillFolder(options.temporaryPath)
  let instance: DuckDBInstance | undefined
  try {
    instance = await DuckDBInstance.create(':memory:', { threads: String(options.threads) })
    const connection = await instance.connect()
    for (const setting of lockingSettings(options, spill.path)) await connection.run(setting)
    connection.closeSync()
  } catch (error) {
    instance?.closeSync()
    await spill.remove()
    throw error
  }
  let open: DuckDBInstance | undefined = instance
  return {
    options,
    connect: async () => {
      if (open === undefined) throw new QueryError('closed', {})
      return await open.connect()
    },
    close: async () => {
      open?.closeSync()
      open = undefined
      await spill.remove()
    },
  }
}

/**
 * In this order: external access can be narrowed only before it is switched off, and nothing after
 * the lock.
 */
function lockingSettings(options: Required<DuckOptions>, spill: string): readonly string[] {
  return [
    `SET memory_limit = ${textSql(`${options.memoryMaxBytes} B`)}`,
    `SET temp_directory = ${textSql(spill)}`,
    `SET max_temp_directory_size = ${textSql(`${options.temporaryMaxBytes} B`)}`,
    `SET GLOBAL TimeZone = ${textSql(options.timezone)}`,
    // Keeping the order of the files costs memory; a query that needs an order says ORDER BY.
    'SET preserve_insertion_order = false',
    'SET parquet_metadata_cache = true',
    // Files are local: the system caches them already, and DuckDB would fill its memory with them.
    'SET enable_external_file_cache = false',
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    'SET allow_community_extensions = false',
    'SET allow_persistent_secrets = false',
    `SET allowed_directories = ${listSql(options.folders.map((folder) => `${folder}/`))}`,
    'SET enable_external_access = false',
    'SET lock_configuration = true',
  ]
}
