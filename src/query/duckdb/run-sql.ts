/**
 * One SQL text of a user's, run on a connection of its own and streamed: a batch of rows is made when it is asked for,
 * so a result larger than memory flows through.
 */
import { type Cell, cellOf, columnsOf, type ResultColumn } from '../cell.ts'
import { isDamagedFile, isMissingFile, isOutOfMemory, QueryError, reasonOf } from '../error.ts'
import { checkStatement } from '../statement.ts'
import type { Duck, DuckConnection, DuckDBResult } from './instance.ts'

export type QueryResult = Readonly<{
  columns: readonly ResultColumn[]
  /** Can be gone through once; ends the query when it is left early. Errors come as QueryError. */
  batches: AsyncIterable<readonly (readonly Cell[])[]>
  /** Ends a query whose batches are not wanted any more; needless after the last batch. */
  close(): void
}>

/** Throws QueryError: `sql-refused`, `not-a-query`, `files-expired`, `out-of-memory`. */
export async function runSql(duck: Duck, sql: string): Promise<QueryResult> {
  const connection = await duck.connect()
  try {
    await checkStatement(connection, sql)
    const result = await connection.stream(sql)
    return {
      columns: columnsOf(result),
      batches: batchesOf(duck, connection, result),
      close: () => connection.closeSync(),
    }
  } catch (error) {
    connection.closeSync()
    throw queryErrorOf(error, duck)
  }
}

async function* batchesOf(duck: Duck, connection: DuckConnection, result: DuckDBResult) {
  const { timezone } = duck.options
  try {
    for await (const rows of result.yieldRows()) {
      yield rows.map((row) => row.map((value) => cellOf(value, timezone)))
    }
  } catch (error) {
    throw queryErrorOf(error, duck)
  } finally {
    connection.closeSync()
  }
}

export function queryErrorOf(error: unknown, duck: Duck): QueryError {
  if (error instanceof QueryError) {
    const isMissing = error.code === 'sql-refused' && isMissingFile(error.cause)
    return isMissing ? new QueryError('files-expired', error.facts, error.cause) : error
  }
  const reason = reasonOf(error)
  // Where in a statement of ours the file stands is of no use to anybody.
  const [inShort = reason] = reason.split('\n')
  if (isMissingFile(error)) return new QueryError('files-expired', { reason: inShort }, error)
  if (isDamagedFile(error)) return new QueryError('file-damaged', { reason: inShort }, error)
  if (!isOutOfMemory(error)) return new QueryError('sql-refused', { reason }, error)
  const facts = {
    memory: `${Math.round(duck.options.memoryMaxBytes / 2 ** 20)} MiB`,
    temporary: duck.options.temporaryPath,
    reason,
  }
  return new QueryError('out-of-memory', facts, error)
}
