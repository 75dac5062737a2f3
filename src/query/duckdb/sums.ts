/**
 * Sums by campaign and step of time over some of the tables' files, for the dashboard: from the
 * metrics files, or from the raw files where a filter needs columns that only those have. The
 * caller names the files, so that every answer is of the state that it knows; a file that has gone
 * meanwhile is the error `files-expired`.
 */

import { mapEventFilters } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { type LakePlaces, openLocalFiles, TableError } from '../../table.ts'
import { QueryError } from '../error.ts'
import { queryErrorOf } from './error.ts'
import { type EventCells, readEventCells } from './event-cells.ts'
import { type DuckConnection, type DuckDBBlobValue, type DuckLimits, openDuck } from './instance.ts'
import { readSumRows, type SumRows, textOf } from './sum-rows.ts'
import {
  type EventFilter,
  type EventSelection,
  eventSumsSql,
  type FilterValues,
  metricsSumsSql,
  selectedValues,
  valuesSql,
} from './sums-sql.ts'

export type { EventCells, EventFilter, EventSelection, FilterValues, SumRows }

export type SumsOptions = Pick<LakePlaces, 'warehouse' | 'cache'> &
  Omit<DuckLimits, 'temporaryMaxBytes'> &
  Readonly<{ nowMs: () => number }>

/**
 * Calls wait for each other: one runs at a time. All throw QueryError, and TableError where files
 * cannot be fetched.
 */
export type SumsQuery = {
  /**
   * Sums over metrics files of the windows that begin in `[fromUs, toUs)`, one entry for each
   * campaign and step. About 0.1 s of processor time a million rows. Row groups outside the span
   * are skipped.
   */
  sumMetrics(files: readonly string[], span: TimeSpan, stepUs: number): Promise<SumRows>
  /**
   * The same over raw files, of the selected events in the span: one entry for each value of the
   * column they are added up by, '' standing for NULL. About 0.06 s a million rows.
   */
  sumEvents(
    files: readonly string[],
    span: TimeSpan,
    stepUs: number,
    selection: EventSelection,
  ): Promise<SumRows>
  /**
   * The values that events have, most frequent first, 200 of each at most; '' stands for NULL.
   * Reads the filter columns of every row of these files: the caller bounds the cost by giving few of
   * them.
   */
  listValues(files: readonly string[]): Promise<FilterValues>
  /**
   * The cells of a raw file; null if it has too many different values for them to be a gain.
   */
  readCells(file: string, windowUs: number): Promise<EventCells | null>
  /**
   * Breaks off the call under way and those that wait (QueryError `closed`), and frees the memory.
   */
  close(): Promise<void>
}

export async function openSums(options: SumsOptions): Promise<SumsQuery> {
  const { warehouse, cache, nowMs, ...limits } = options
  const local = await openLocalFiles({ warehouse, cache }, nowMs)
  const duck = await openDuck({ ...limits, folders: [local.folder] })
  let isClosed = false
  let running: DuckConnection | null = null
  let queue: Promise<unknown> = Promise.resolve()

  function enqueue<T>(files: readonly string[], act: Ask<T>): Promise<T> {
    const done = queue.then(() => run(files, act))
    queue = done.catch(() => {})
    return done
  }

  async function run<T>(files: readonly string[], act: Ask<T>): Promise<T> {
    if (isClosed) throw new QueryError('closed', {})
    const { paths, release } = await local.hold(files).catch(asExpired)
    try {
      return await runOn(paths, act)
    } finally {
      release()
    }
  }

  async function runOn<T>(files: readonly string[], act: Ask<T>): Promise<T> {
    const connection = await duck.connect()
    try {
      running = connection
      return await act(connection, files)
    } catch (error) {
      throw isClosed ? new QueryError('closed', {}, error) : queryErrorOf(error, duck)
    } finally {
      running = null
      connection.closeSync()
    }
  }

  return {
    sumMetrics: (files, span, stepUs) =>
      enqueue(files, async (connection, local) =>
        readSumRows(await connection.stream(metricsSumsSql(local, span, stepUs)), checkOpen),
      ),
    sumEvents: (files, span, stepUs, selection) =>
      enqueue(files, async (connection, local) => {
        const sql = eventSumsSql(local, span, stepUs, selection)
        return readSumRows(await connection.stream(sql, selectedValues(selection)), checkOpen)
      }),
    listValues: (files) => enqueue(files, readValues),
    readCells: (file, windowUs) =>
      enqueue([file], (connection, local) => readEventCells(connection, local, windowUs)),
    async close() {
      isClosed = true
      running?.interrupt()
      await queue
      await duck.close()
      local.close()
    },
  }

  /** An interrupt only reaches a query that runs: between two chunks it is asked for here. */
  function checkOpen(): void {
    if (isClosed) throw new QueryError('closed', {})
  }
}

type Ask<T> = (connection: DuckConnection, files: readonly string[]) => Promise<T>

/** A file that is gone where the table's files are was replaced meanwhile, as one on the disk. */
function asExpired(error: unknown): never {
  if (error instanceof TableError && error.code === 'file-lost') {
    throw new QueryError('files-expired', { reason: error.message }, error)
  }
  throw error
}

async function readValues(
  connection: DuckConnection,
  files: readonly string[],
): Promise<FilterValues> {
  const rows = await (await connection.run(valuesSql(files))).getRows()
  return mapEventFilters((id) =>
    rows.filter(([name]) => name === id).map(([, value]) => textOf(value as DuckDBBlobValue)),
  )
}
