/**
 * The views campaign_events and campaign_metrics over one state of the two tables, and SQL on them.
 * The views stay on that state until `refresh` finds that a pointer moved; both views change
 * together.
 */
import { type LakePlaces, type LocalFiles, openLocalFiles, readLake } from '../../table.ts'
import type { Cell, QueryResult } from '../cell.ts'
import { nameSql, type TableName } from '../dialect.ts'
import { QueryError } from '../error.ts'
import { type Verification, type VerifyOptions, verifyTables } from '../verify.ts'
import { DUCKDB } from './dialect.ts'
import { queryErrorOf } from './error.ts'
import { type Duck, type DuckOptions, openDuck } from './instance.ts'
import { withPort } from './port.ts'
import { runSql } from './run-sql.ts'

export type QueryOptions = LakePlaces &
  Omit<DuckOptions, 'folders'> &
  Readonly<{ nowMs: () => number }>

export type Query = Readonly<{
  /** Points both views at the tables' current state; returns whether it had moved. */
  refresh(): Promise<boolean>
  /**
   * Streams the result of one reading statement over the views. Files that expired before the first
   * row are answered with a refresh and one more try; later than that the error is `files-expired`.
   * Throws QueryError.
   */
  runSql(sql: string): Promise<QueryResult>
  /**
   * Compares both tables as of the last refresh, or as of now where its files have expired.
   */
  verify(options: VerifyOptions): Promise<Verification>
  close(): Promise<void>
}>

/** Opens on the tables' current state. Throws TableError where there are no tables. */
export async function openQuery(options: QueryOptions): Promise<Query> {
  const { warehouse, catalog, cache, nowMs, ...limits } = options
  const places: LakePlaces = { warehouse, catalog, cache }
  const local = await openLocalFiles(places, nowMs)
  try {
    const query = await openFilesQuery(() => lakeFiles(places, local), limits)
    return {
      ...query,
      async close() {
        await query.close()
        local.close()
      },
    }
  } catch (error) {
    local.close()
    throw error
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

/** The files of one state of both tables, and what tells it from another. */
export type LakeFiles = Readonly<{
  /** Equal for equal states: the metadata locations of both tables. */
  version: string
  events: readonly string[]
  metrics: readonly string[]
  /** Folders that hold all files of this state and of later ones. */
  folders: readonly string[]
  /** They may go; where they are copies. */
  release?: () => void
}>

export async function openFilesQuery(
  readFiles: () => LakeFiles | Promise<LakeFiles>,
  options: Omit<DuckOptions, 'folders'>,
): Promise<Query> {
  let files = await readFiles()
  const duck = await openDuck({ ...options, folders: files.folders })
  try {
    await onCurrent(() => pointViews(duck, files))
  } catch (error) {
    await duck.close()
    files.release?.()
    throw error
  }

  /** Once more where files had expired. Throws `file-lost` where they are simply gone. */
  async function onCurrent<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof QueryError && error.code === 'files-expired')) throw error
      if (!(await refresh())) throw new QueryError('file-lost', error.facts, error)
      return await act()
    }
  }

  async function refresh(): Promise<boolean> {
    const current = await readFiles()
    if (current.version === files.version) {
      current.release?.()
      return false
    }
    await pointViews(duck, current)
    files.release?.()
    files = current
    return true
  }

  return {
    refresh,
    runSql: (sql) => onCurrent(() => runStarted(duck, sql)),
    verify: (asked) =>
      onCurrent(() =>
        withPort(duck, (port) =>
          verifyTables(port, DUCKDB, files, { ...asked, untilUs: null, arrivalOf: () => null }),
        ),
      ),
    async close() {
      await duck.close()
      files.release?.()
    },
  }
}

async function pointViews(duck: Duck, files: LakeFiles): Promise<void> {
  const connection = await duck.connect()
  try {
    await connection.run('BEGIN')
    await connection.run(viewSql('campaign_events', files.events))
    await connection.run(viewSql('campaign_metrics', files.metrics))
    await connection.run('COMMIT')
  } catch (error) {
    throw queryErrorOf(error, duck)
  } finally {
    connection.closeSync()
  }
}

function viewSql(name: TableName, files: readonly string[]): string {
  return `CREATE OR REPLACE VIEW ${nameSql(name)} AS SELECT * FROM ${DUCKDB.table(name, files)}`
}

/** Runs up to the first batch, so that what fails at the start fails here. */
async function runStarted(duck: Duck, sql: string): Promise<QueryResult> {
  const result = await runSql(duck, sql)
  const rest = result.batches[Symbol.asyncIterator]()
  const first = await rest.next()
  return { ...result, batches: startedBatches(first, rest) }
}

type Batch = readonly (readonly Cell[])[]

async function* startedBatches(
  first: IteratorResult<Batch>,
  rest: AsyncIterator<Batch>,
): AsyncIterable<Batch> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
