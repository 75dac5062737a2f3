/** Runs SQL on one connection of DuckDB, for the questions that are the same in every engine. */
import type { SqlParameters, SqlPort, SqlRow, SqlValue } from '../dialect.ts'
import { queryErrorOf } from './error.ts'
import { type Duck, DuckDBListValue, type DuckDBValue, listValue } from './instance.ts'

/** The connection is closed when `act` has ended. */
export async function withPort<T>(duck: Duck, act: (port: SqlPort) => Promise<T>): Promise<T> {
  const connection = await duck.connect()

  async function rows(sql: string): Promise<readonly SqlRow[]> {
    try {
      return rowsOf(await (await connection.run(sql)).getRows())
    } catch (error) {
      throw queryErrorOf(error, duck)
    }
  }

  async function* pages(sql: string, parameters: SqlParameters): AsyncGenerator<readonly SqlRow[]> {
    const lists = Object.entries(parameters).map(([name, list]) => [name, listValue(list)] as const)
    try {
      const result = await connection.stream(sql, Object.fromEntries(lists))
      for await (const rows of result.yieldRows()) yield rowsOf(rows)
    } catch (error) {
      throw queryErrorOf(error, duck)
    }
  }

  try {
    return await act({ rows, pages })
  } finally {
    connection.closeSync()
  }
}

function rowsOf(rows: readonly (readonly DuckDBValue[])[]): readonly SqlRow[] {
  return rows.map((row) => row.map(sqlValueOf))
}

/** Whole numbers, doubles, texts and lists are all that these questions ask for. */
function sqlValueOf(value: DuckDBValue): SqlValue {
  if (value === null || typeof value !== 'object') return value
  return value instanceof DuckDBListValue ? value.items.map(sqlValueOf) : String(value)
}
