/**
 * Which SQL of a user's may run: one statement that only reads. A SELECT in DuckDB cannot write (there are no changing
 * CTEs), EXPLAIN ANALYZE runs what it explains and so is looked into, and everything else is refused.
 */
import { type DuckConnection, StatementType } from './duckdb/instance.ts'
import { QueryError, reasonOf } from './error.ts'

const EXPLAIN = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*explain\b\s*(?:\([^)]*\)|analyze\b)?/i

/**
 * Refuses what is not one reading statement; DuckDB's own complaints (syntax, unknown columns) come as `sql-refused`.
 */
export async function checkStatement(connection: DuckConnection, sql: string): Promise<void> {
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
    throw new QueryError('sql-refused', { reason: reasonOf(error) }, error)
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
    throw new QueryError('sql-refused', { reason: reasonOf(error) }, error)
  }
}
