/** What the command `query` says: the other side of every number on the page. */
import assert from 'node:assert/strict'
import {
  columnOf,
  MEASURE_IDS,
  type MeasureId,
} from '../../../src/dashboard-definition/definition.ts'
import type { Folder } from '../../support/folder.ts'
import { runCommand } from '../../support/product.ts'

export type Row = Readonly<Record<string, string | number | null>>
export type Figures = Readonly<Record<MeasureId, number | null>>

export async function query(folder: Folder, sql: string): Promise<readonly Row[]> {
  const run = await runCommand(folder, ['query', sql, '--json'])
  assert.equal(run.exit.code, 0, `${sql}\n${run.stderr}`)
  return JSON.parse(run.stdout) as Row[]
}

/** The measures of a row; SQL adds numbers up to other types, and nothing to NULL. */
export function figuresOf(row: Row | undefined): Figures {
  assert.ok(row, 'the query has no row')
  const pairs = MEASURE_IDS.map((id) => {
    const value = row[columnOf(id)]
    assert.notEqual(value, undefined, `${columnOf(id)} is missing in ${JSON.stringify(row)}`)
    return [id, value === null || value === undefined ? null : Number(value)] as const
  })
  return Object.fromEntries(pairs) as Figures
}

/**
 * Written by hand, over the raw events: what the figures of the events are that a condition holds
 * for.
 */
export function figuresSql(condition: string): string {
  return `SELECT CAST(i AS DOUBLE) AS impressions, CAST(c AS DOUBLE) AS clicks,
      100.0 * c / NULLIF(i, 0) AS ctr_percent, CAST(v AS DOUBLE) AS conversions,
      100.0 * v / NULLIF(c, 0) AS cvr_percent, r AS revenue, r / NULLIF(c, 0) AS revenue_per_click
    FROM (SELECT COUNT(*) FILTER (event_type = 'impression') AS i,
        COUNT(*) FILTER (event_type = 'click') AS c,
        COUNT(*) FILTER (event_type = 'conversion') AS v, COALESCE(SUM(revenue), 0) AS r
      FROM campaign_events WHERE ${condition})`
}

/** Of many conditions by one command, since each start of it takes its time. */
export async function figuresWhere(
  folder: Folder,
  conditions: readonly string[],
): Promise<readonly Figures[]> {
  const parts = conditions.map((where, nr) => `SELECT ${nr} AS nr, * FROM (${figuresSql(where)})`)
  const rows = await query(folder, `${parts.join(' UNION ALL ')} ORDER BY nr`)
  return rows.map(figuresOf)
}

/** A moment as a literal of the tables, which have no zone: UTC. */
export function sqlMoment(atMs: number): string {
  return `TIMESTAMP '${new Date(atMs).toISOString().replace('T', ' ').slice(0, 19)}'`
}

/** Equal but for the last digits of a double, which the order of adding decides. */
export function isSame(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a === b
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
}

export function expectFigures(found: Figures, expected: Figures, where: string): void {
  const faults = MEASURE_IDS.filter((id) => !isSame(found[id], expected[id])).map(
    (id) => `${id} is ${found[id]}, expected ${expected[id]}`,
  )
  assert.deepEqual(faults, [], where)
}
