/**
 * The views campaign_events and campaign_metrics over one state of the two tables, and SQL on them. The views stay on
 * that state until `refresh` finds that a pointer moved; both views change together.
 */
import type { Cell } from '../cell.ts'
import { EVENT_COLUMNS, METRICS_COLUMNS } from '../columns.ts'
import { QueryError } from '../error.ts'
import { nameSql } from '../sql-text.ts'
import { type Duck, openDuck } from './instance.ts'
import { type QueryResult, queryErrorOf, runSql } from './run-sql.ts'
import { tableSql } from './tables.ts'

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

export type LakeQueryOptions = Readonly<{
  readFiles: () => LakeFiles | Promise<LakeFiles>
  memoryMaxBytes: number
  threads: number
  timezone: string
  temporaryPath: string
  temporaryMaxBytes: number
}>

export type LakeQuery = Readonly<{
  /** Points both views at the tables' current state; returns whether it had moved. */
  refresh(): Promise<boolean>
  /**
   * Streams the result of one reading statement. Files that were expired before the first row are answered with a
   * refresh and one more try; later than that the error is `files-expired`.
   */
  runSql(sql: string): Promise<QueryResult>
  /** Does something with the files, and once more where they had expired. Throws `file-lost` where they are simply gone. */
  onCurrent<T>(act: () => Promise<T>): Promise<T>
  /** The state on which the views stand. */
  files(): LakeFiles
  duck: Duck
  close(): Promise<void>
}>

export async function openLakeQuery(options: LakeQueryOptions): Promise<LakeQuery> {
  const { readFiles, ...limits } = options
  let files = await readFiles()
  const duck = await openDuck({ ...limits, folders: files.folders, keepsOrder: false })
  try {
    await onCurrent(() => pointViews(duck, files))
  } catch (error) {
    await duck.close()
    files.release?.()
    throw error
  }

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
    onCurrent,
    files: () => files,
    duck,
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
    await connection.run(viewSql('campaign_events', tableSql(EVENT_COLUMNS, files.events)))
    await connection.run(viewSql('campaign_metrics', tableSql(METRICS_COLUMNS, files.metrics)))
    await connection.run('COMMIT')
  } catch (error) {
    throw queryErrorOf(error, duck)
  } finally {
    connection.closeSync()
  }
}

function viewSql(name: string, from: string): string {
  return `CREATE OR REPLACE VIEW ${nameSql(name)} AS SELECT * FROM ${from}`
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
