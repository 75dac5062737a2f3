/** One SQL text of a user's through Trino, as cells, streamed. */

import type { QueryResult } from '../duckdb/run-sql.ts'
import { QueryError, TABLES_HINT } from '../error.ts'
import { resultColumns, type TrinoColumn, trinoCell } from './cell.ts'
import type { TrinoClient, TrinoResult } from './client.ts'
import { readingStatement } from './statement.ts'

/** Throws QueryError: `not-a-query`, `sql-refused`, `files-expired`, `trino-…`. */
export async function runSql(client: TrinoClient, sql: string): Promise<QueryResult> {
  const result = await client.start(readingStatement(sql)).catch((error) => {
    throw withTables(error)
  })
  return {
    columns: resultColumns(result.columns),
    batches: batchesOf(result, result.columns),
    // Nobody waits for the end of a statement that is not wanted any more.
    close: () => void result.close(),
  }
}

/** Trino's names of the errors of a statement that names a table, schema or catalog in vain. */
const NO_SUCH_TABLE = /^(?:TABLE|SCHEMA|CATALOG)_NOT_FOUND$/

function withTables(error: unknown): unknown {
  if (!(error instanceof QueryError) || error.code !== 'sql-refused') return error
  const { errorName = '' } = error.cause as Readonly<{ errorName?: string }>
  if (!NO_SUCH_TABLE.test(errorName)) return error
  return new QueryError('sql-refused', { reason: `${error.facts.reason}. ${TABLES_HINT}` }, error)
}

async function* batchesOf(result: TrinoResult, columns: readonly TrinoColumn[]) {
  for await (const page of result.pages) {
    yield page.map((row) =>
      columns.map(({ typeSignature }, index) => trinoCell(row[index] ?? null, typeSignature)),
    )
  }
}
