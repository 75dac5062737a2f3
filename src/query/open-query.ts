/** The query room over a catalog: what the job and the commands open. */
import { tmpdir } from 'node:os'
import { type DataFile, readLake } from '../table.ts'
import { type LakeFiles, openLakeQuery } from './lake-query.ts'
import { QueryError } from './query-error.ts'
import { recomputeWindows, type WindowKey, type WindowSums } from './recompute.ts'
import type { QueryResult } from './run-sql.ts'
import { type Verification, type VerifyOptions, verifyLake } from './verify.ts'

export type QueryOptions = Readonly<{
  catalogPath: string
  windowUs: number
  /** What DuckDB may hold in memory; past it rows are spilled. Default 256 MiB. */
  memoryMaxBytes?: number
  /** Default 1. */
  threads?: number
  /** IANA name for TIMESTAMP WITH TIME ZONE; the tables' own timestamps are UTC. Default UTC. */
  timezone?: string
  /** Where spilled rows go. Default the system's folder for temporary files. */
  temporaryPath?: string
  /** Spilled rows at most. Default 16 GiB. */
  temporaryMaxBytes?: number
}>

export type Query = Readonly<{
  /** Points both views at the tables' current state; returns whether it had moved. */
  refresh(): Promise<boolean>
  /**
   * Streams the result of one reading statement over the views. Files that expired before the first row are answered
   * with a refresh and one more try. Throws QueryError.
   */
  runSql(sql: string): Promise<QueryResult>
  /** Holds both tables against each other, as of the last refresh, or as of now where its files have expired. */
  verify(options: VerifyOptions): Promise<Verification>
  /** The exact sums of windows over those of the files that are of their days, in the order of the keys. */
  recomputeWindows(
    files: readonly DataFile[],
    keys: readonly WindowKey[],
  ): Promise<readonly WindowSums[]>
  close(): Promise<void>
}>

const MEMORY_MAX_BYTES = 256 * 2 ** 20
const TEMPORARY_MAX_BYTES = 16 * 2 ** 30
const DAY_US = 86_400_000_000

/** Opens on the tables' current state. Throws TableError where there are no tables. */
export async function openQuery(options: QueryOptions): Promise<Query> {
  const { catalogPath, windowUs } = options
  const lake = await openLakeQuery({
    readFiles: () => lakeFiles(catalogPath),
    memoryMaxBytes: options.memoryMaxBytes ?? MEMORY_MAX_BYTES,
    threads: options.threads ?? 1,
    timezone: options.timezone ?? 'UTC',
    temporaryPath: options.temporaryPath ?? tmpdir(),
    temporaryMaxBytes: options.temporaryMaxBytes ?? TEMPORARY_MAX_BYTES,
  })
  return {
    refresh: lake.refresh,
    runSql: lake.runSql,
    async verify(asked) {
      try {
        return await verifyLake(lake.duck, lake.files(), asked)
      } catch (error) {
        if (!(error instanceof QueryError && error.code === 'files-expired')) throw error
        await lake.refresh()
        return await verifyLake(lake.duck, lake.files(), asked)
      }
    },
    recomputeWindows: (files, keys) => {
      const days = new Set(keys.map((key) => Math.floor(key.windowStartUs / DAY_US)))
      const paths = files.filter(({ day }) => days.has(day)).map(({ path }) => path)
      return recomputeWindows(lake.duck, paths, keys, windowUs)
    },
    close: lake.close,
  }
}

/** Both tables' files, of one moment. */
async function lakeFiles(catalogPath: string): Promise<LakeFiles> {
  const { events, metrics } = await readLake(catalogPath)
  return {
    version: `${events.metadataLocation} ${metrics.metadataLocation}`,
    events: events.files.map(({ path }) => path),
    metrics: metrics.files.map(({ path }) => path),
    folders: [events.folder, metrics.folder],
  }
}
