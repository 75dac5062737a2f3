/**
 * Sums by campaign and step of time over some of the tables' files, for the dashboard: from the metrics files, or from the
 * raw files where a filter needs columns that only those have. The caller names the files, so that every answer is of
 * the state that it knows; a file that has gone meanwhile is the error `files-expired`.
 */

import { tmpdir } from 'node:os'
import type { TimeSpan } from '../event.ts'
import { type LakePlaces, openLocalFiles, TableError } from '../table.ts'
import { type DuckConnection, type DuckDBBlobValue, openDuck } from './duck.ts'
import { QueryError } from './query-error.ts'
import { queryErrorOf } from './run-sql.ts'
import { readSumRows, type SumRows, textOf } from './sum-rows.ts'
import {
  type EventFilter,
  eventSumsSql,
  filterValues,
  metricsSumsSql,
  VALUE_COLUMNS,
  valuesSql,
} from './sums-sql.ts'

export type { EventFilter, SumRows }

export type SumsOptions = Pick<LakePlaces, 'warehouse' | 'cache'> &
  Readonly<{
    nowMs: () => number
    /** What DuckDB may hold in memory; past it rows are spilled. Default 256 MiB. */
    memoryMaxBytes?: number
    /** Default 1. */
    threads?: number
    /** Where spilled rows go. Default the system's folder for temporary files. */
    temporaryPath?: string
  }>

export type FilterValues = Readonly<{ platform: string[]; country: string[]; device: string[] }>

/** Calls wait for each other: one runs at a time. All throw QueryError, and TableError where files cannot be fetched. */
export type SumsQuery = {
  /**
   * Sums over metrics files of the windows that begin in `[fromUs, toUs)`, one entry for each campaign and step. About
   * 0.1 s of processor time a million rows. Row groups outside the span are skipped.
   */
  sumMetrics(files: readonly string[], span: TimeSpan, stepUs: number): Promise<SumRows>
  /** The same over raw files, of the events in the span that fit the filter. About 0.06 s a million rows. */
  sumEvents(
    files: readonly string[],
    span: TimeSpan,
    stepUs: number,
    filter: EventFilter,
  ): Promise<SumRows>
  /**
   * The values that events have, most frequent first, 200 of each at most; '' stands for NULL. Reads three columns of
   * every row of these files: the caller bounds the cost by giving few of them.
   */
  listValues(files: readonly string[]): Promise<FilterValues>
  /** Breaks off the call under way and those that wait (QueryError `closed`), and frees the memory. */
  close(): Promise<void>
}

const MEMORY_MAX_BYTES = 256 * 2 ** 20
const TEMPORARY_MAX_BYTES = 16 * 2 ** 30

export async function openSums(options: SumsOptions): Promise<SumsQuery> {
  const local = await openLocalFiles(options, options.nowMs)
  const duck = await openDuck({
    memoryMaxBytes: options.memoryMaxBytes ?? MEMORY_MAX_BYTES,
    threads: options.threads ?? 1,
    temporaryPath: options.temporaryPath ?? tmpdir(),
    temporaryMaxBytes: TEMPORARY_MAX_BYTES,
    folders: [local.folder],
    timezone: 'UTC',
    keepsOrder: false,
  })
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
    const held = await local.hold(files).catch(asExpired)
    try {
      return await runOn(held.paths, act)
    } finally {
      held.release()
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
        readSumRows(await connection.stream(metricsSumsSql(local, span, stepUs)), goesOn),
      ),
    sumEvents: (files, span, stepUs, filter) =>
      enqueue(files, async (connection, local) => {
        const sql = eventSumsSql(local, span, stepUs, filter)
        return readSumRows(await connection.stream(sql, filterValues(filter)), goesOn)
      }),
    listValues: (files) => enqueue(files, readValues),
    async close() {
      isClosed = true
      running?.interrupt()
      await queue
      await duck.close()
      local.close()
    },
  }

  /** An interrupt only reaches a query that runs: between two chunks it is asked for here. */
  function goesOn(): void {
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
  const of = (column: (typeof VALUE_COLUMNS)[number]): string[] =>
    rows.filter(([name]) => name === column).map(([, value]) => textOf(value as DuckDBBlobValue))
  const [platform, country, device] = VALUE_COLUMNS.map(of)
  return { platform: platform ?? [], country: country ?? [], device: device ?? [] }
}
