/**
 * One SQL text of a user's, run on a connection of its own and streamed: a batch of rows is made
 * when it is asked for, so a result larger than memory flows through.
 *
 * What may run is one statement that only reads. A SELECT in DuckDB cannot write (there are no
 * changing CTEs), EXPLAIN ANALYZE runs what it explains and so is looked into, and everything else
 * is refused.
 */
import type { QueryResult } from '../cell.ts'
import { QueryError } from '../error.ts'
import { cellOf, columnsOf } from './cell.ts'
import { duckdbReason, queryErrorOf } from './error.ts'
import { type Duck, type DuckConnection, type DuckDBResult, StatementType } from './instance.ts'

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

const EXPLAIN = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*explain\b\s*(?:\([^)]*\)|analyze\b)?/i

/**
 * Refuses what is not one reading statement; DuckDB's own complaints (syntax, unknown columns) come
 * as `sql-refused`.
 */
async function checkStatement(connection: DuckConnection, sql: string): Promise<void> {
  const found = await statementTypeOf(connection, sql)
  if (found === StatementType.SELECT) return
  if (found !== StatementType.EXPLAIN) {
    throw new QueryError('not-a-query', { found: `a statement of type ${StatementType[found]}` })
  }
  const inner = await statementTypeOf(connection, sql.replace(EXPLAIN, ''))
  if (inner !== StatementType.SELECT) {
    throw new QueryError('not-a-query', { found: `an EXPLAIN of ${StatementType[inner]}` })
  }
}

async function statementTypeOf(connection: DuckConnection, sql: string): Promise<StatementType> {
  const extracted = await extract(connection, sql)
  if (extracted.count !== 1) {
    throw new QueryError('not-a-query', { found: `${extracted.count} statements` })
  }
  try {
    const prepared = await extracted.prepare(0)
    const found = prepared.statementType
    prepared.destroySync()
    return found
  } catch (error) {
    throw new QueryError('sql-refused', { reason: duckdbReason(error) }, error)
  }
}

async function extract(connection: DuckConnection, sql: string) {
  // DuckDB reports a text without any statement as an error without words.
  if (sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|[\s;]/g, '') === '') {
    throw new QueryError('not-a-query', { found: 'an empty text' })
  }
  try {
    return await connection.extractStatements(sql)
  } catch (error) {
    throw new QueryError('sql-refused', { reason: duckdbReason(error) }, error)
  }
}
