/** The query room over a catalog: what the job and the commands open. */
import { tmpdir } from 'node:os'
import { type LakePlaces, type LocalFiles, openLocalFiles, readLake } from '../table.ts'
import { type LakeFiles, openLakeQuery } from './duckdb/lake-query.ts'
import type { QueryResult } from './duckdb/run-sql.ts'
import { type Verification, type VerifyOptions, verifyLake } from './verify.ts'

export type QueryOptions = LakePlaces &
  Readonly<{
    nowMs: () => number
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
  close(): Promise<void>
}>

const MEMORY_MAX_BYTES = 256 * 2 ** 20
const TEMPORARY_MAX_BYTES = 16 * 2 ** 30

/** Opens on the tables' current state. Throws TableError where there are no tables. */
export async function openQuery(options: QueryOptions): Promise<Query> {
  const local = await openLocalFiles(options, options.nowMs)
  try {
    return await openWith(local, options)
  } catch (error) {
    local.close()
    throw error
  }
}

async function openWith(local: LocalFiles, options: QueryOptions): Promise<Query> {
  const lake = await openLakeQuery({
    readFiles: () => lakeFiles(options, local),
    memoryMaxBytes: options.memoryMaxBytes ?? MEMORY_MAX_BYTES,
    threads: options.threads ?? 1,
    timezone: options.timezone ?? 'UTC',
    temporaryPath: options.temporaryPath ?? tmpdir(),
    temporaryMaxBytes: options.temporaryMaxBytes ?? TEMPORARY_MAX_BYTES,
  })
  return {
    refresh: lake.refresh,
    runSql: lake.runSql,
    verify: (asked) => lake.onCurrent(() => verifyLake(lake.duck, lake.files(), asked)),
    async close() {
      await lake.close()
      local.close()
    },
  }
}

/** Both tables' files, of one moment, on this machine. */
async function lakeFiles(places: LakePlaces, local: LocalFiles): Promise<LakeFiles> {
  const { events, metrics } = await readLake(places)
  const files = [...events.files, ...metrics.files].map(({ path }) => path)
  const { paths, release } = await local.hold(files)
  return {
    version: `${events.metadataLocation} ${metrics.metadataLocation}`,
    events: paths.slice(0, events.files.length),
    metrics: paths.slice(events.files.length),
    folders: [local.folder],
    release,
  }
}
