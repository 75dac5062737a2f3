/** Results of queries, whole. */
import { type Cell, openQuery, type QueryResult } from '../../src/query.ts'
import type { LakePlaces } from '../../src/table.ts'

/** Of the tables, as our own query reads them. */
export async function queryRows(places: LakePlaces, sql: string): Promise<(readonly Cell[])[]> {
  const query = await openQuery({ ...places, nowMs: () => Date.now() })
  try {
    return await rowsOf(await query.runSql(sql))
  } finally {
    await query.close()
  }
}

export async function rowsOf(result: QueryResult): Promise<(readonly Cell[])[]> {
  const rows: (readonly Cell[])[] = []
  for await (const batch of result.batches) rows.push(...batch)
  return rows
}

/** What is written down of a result, in one piece. */
export async function textOf(parts: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const part of parts) text += part
  return text
}
