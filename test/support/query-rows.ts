/** The tables as our own query reads them. */

import type { Cell } from '../../src/query.ts'
import { openQuery } from '../../src/query.ts'
import type { LakePlaces } from '../../src/table.ts'

export async function queryRows(places: LakePlaces, sql: string): Promise<(readonly Cell[])[]> {
  const query = await openQuery({ ...places, nowMs: () => Date.now() })
  try {
    const rows: (readonly Cell[])[] = []
    for await (const batch of (await query.runSql(sql)).batches) rows.push(...batch)
    return rows
  } finally {
    await query.close()
  }
}
