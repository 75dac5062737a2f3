/** A file of campaign_events as the engine and the table write it, with several pages a column. */
import { strict as assert } from 'node:assert'
import { encodeParquet } from '../../src/table/parquet/write-file.ts'
import { EVENTS_SCHEMA } from '../../src/table/schema.ts'
import { openBlockBatch, type Row } from '../engine/block.ts'
import { manyRows, NOON, WINDOW_US } from '../engine/rows-model.ts'

export const PAGE_ROWS = 32_768
/** The last character of Unicode: no text of so many characters is above it. */
export const LAST = '\u{10ffff}'

export async function eventsFile(rows: readonly Row[]): Promise<Buffer> {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  batch.addRows(rows, 1)
  const [day, ...others] = batch.take().days
  assert.ok(day !== undefined && others.length === 0)
  const { chunks } = await encodeParquet(EVENTS_SCHEMA, day.rows, day.columns, {}, 1)
  return Buffer.concat(chunks)
}

/** Of three pages: in order of time and campaign, with ids that are long or end the alphabet. */
export const rows: readonly Row[] = manyRows(80_000, (i) => ({
  type: i % 3,
  timestampUs: NOON + BigInt(i),
  revenue: i < PAGE_ROWS ? 0 : -((i * 31) % 1_000) / 100 + 0,
  millionths: 0n,
  strings: [
    `${(i * 7_919) % 80_000}-${'long'.repeat(i % 12)}`,
    i % 2 === 0 ? `${LAST.repeat(20)}${i}` : `user-${i % 50_000}`,
    `campaign-${Math.floor(i / 10_000)}${LAST}`,
    Math.floor(i / PAGE_ROWS) === 1 ? null : `p${i}`,
    i === 40_000 ? '' : null,
    `${'d'.repeat(60)}${i % 9}`,
  ],
}))
