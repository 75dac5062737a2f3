/** One SQL text of a user's through Trino, as cells, streamed. */
import type { QueryResult } from '../run-sql.ts'
import { resultColumns, type TrinoColumn, trinoCell } from './cell.ts'
import type { TrinoClient, TrinoResult } from './client.ts'
import { readingStatement } from './statement.ts'

/** Throws QueryError: `not-a-query`, `sql-refused`, `files-expired`, `trino-…`. */
export async function runSql(client: TrinoClient, sql: string): Promise<QueryResult> {
  const result = await client.start(readingStatement(sql))
  return {
    columns: resultColumns(result.columns),
    batches: batchesOf(result, result.columns),
    // Nobody waits for the end of a statement that is not wanted any more.
    close: () => void result.close(),
  }
}

async function* batchesOf(result: TrinoResult, columns: readonly TrinoColumn[]) {
  for await (const page of result.pages) {
    yield page.map((row) =>
      columns.map(({ typeSignature }, index) => trinoCell(row[index] ?? null, typeSignature)),
    )
  }
}
