/**
 * The SQL that Trino is asked, word for word, and what is made of its answers. Trino itself runs in
 * test/stack only: a change of these texts must be run there.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SqlPort, SqlRow } from '../../../src/query/dialect.ts'
import { differingWindows } from '../../../src/query/differing-windows.ts'
import { TRINO } from '../../../src/query/trino/dialect.ts'
import { type VerifyOptions, verifyTables } from '../../../src/query/verify.ts'
import { recomputeWindows } from '../../../src/query/window-sums.ts'

const WINDOW_US = 300_000_000
const TEN_US = Date.UTC(2026, 10, 22, 10) * 1000
const TABLES = { events: 11n, metrics: 22n }
const OPTIONS = { windowUs: WINDOW_US, horizonUs: 3_600_000_000, fromUs: null, differencesMax: 20 }

/** Answers one statement after the other, and remembers what was asked, with single spaces. */
function answering(answers: readonly (readonly SqlRow[])[]) {
  const asked: string[] = []
  const answer = (sql: string): readonly SqlRow[] => {
    asked.push(squeezed(sql))
    return answers[asked.length - 1] ?? []
  }
  const port: SqlPort = {
    rows: async (sql) => answer(sql),
    async *pages(sql, parameters) {
      assert.deepEqual(parameters, {})
      for (const row of answer(sql)) yield [row]
    },
  }
  return { asked, port }
}

function squeezed(sql: string): string {
  return sql.replaceAll(/\s+/g, ' ')
}

async function verified(
  answers: readonly (readonly SqlRow[])[],
  options: Partial<VerifyOptions> & Readonly<{ untilUs?: number }> = {},
) {
  const { asked, port } = answering(answers)
  const arrivals = new Map([
    ['a', { minUs: 0, maxUs: 1 }],
    ['b', { minUs: 3_599_999_999, maxUs: 3_599_999_999 }],
    ['c', { minUs: 3_600_000_000, maxUs: 3_600_000_000 }],
    ['d', { minUs: 7_200_000_000, maxUs: 7_200_000_000 }],
  ])
  const arrivalOf = (path: string) => arrivals.get(path) ?? null
  const all = { ...OPTIONS, untilUs: null, arrivalOf, ...options }
  return { asked, found: await verifyTables(port, TRINO, TABLES, all) }
}

const SUMS = (where: string): string => `
  SELECT campaign_id, start_us, count(*) AS events,
    count_if(event_type = 'impression') AS impressions,
    count_if(event_type = 'click') AS clicks,
    count_if(event_type = 'conversion') AS conversions,
    CAST(CAST(coalesce(sum(rounded), DECIMAL '0.000000') AS DECIMAL(32,6)) * 1000000
      AS DECIMAL(38,0)) AS millionths
  FROM ( SELECT campaign_id, event_type,
      (date_diff('millisecond', TIMESTAMP '0001-01-01 00:00:00.000000', "timestamp") / 300000)
        * 300000000 + (-62135596800000000) AS start_us,
      TRY_CAST(coalesce(revenue, 0e0) AS DECIMAL(18,6)) AS rounded
    FROM campaign_events FOR VERSION AS OF 11${where}
  ) GROUP BY campaign_id, start_us`

const EPOCH_US = (timestamp: string): string => `
  date_diff('second', TIMESTAMP '0001-01-01 00:00:00.000000', ${timestamp}) * 1000000
  + CAST(substr(CAST(${timestamp} AS VARCHAR), -6) AS BIGINT) + (-62135596800000000)`

const COMPARED = (eventsWhere = '', metricsWhere = ''): string => `WITH expected AS (
  ${SUMS(eventsWhere)}
), found AS (
  SELECT campaign_id, ${EPOCH_US('window_start')} AS start_us, count(*) AS found_rows,
    any_value(${EPOCH_US('processed_at').trim()}) AS found_processed_at,
    any_value(${EPOCH_US('window_end').trim()}) AS found_window_end,
    any_value(impressions) AS found_impressions, any_value(clicks) AS found_clicks,
    any_value(conversions) AS found_conversions, any_value(revenue) AS found_revenue,
    any_value(ctr_percent) AS found_ctr_percent, any_value(cvr_percent) AS found_cvr_percent
  FROM campaign_metrics FOR VERSION AS OF 22${metricsWhere}
  GROUP BY campaign_id, ${EPOCH_US('window_start')}
), paired AS (
  SELECT coalesce(e.campaign_id, f.campaign_id) AS campaign_id,
    coalesce(e.start_us, f.start_us) AS start_us, coalesce(e.events, 0) AS events,
    coalesce(e.impressions, 0) AS impressions, coalesce(e.clicks, 0) AS clicks,
    coalesce(e.conversions, 0) AS conversions, f.found_rows, f.found_processed_at,
    e.start_us + 300000000 AS expected_window_end, f.found_window_end,
    e.impressions AS expected_impressions, f.found_impressions,
    e.clicks AS expected_clicks, f.found_clicks,
    e.conversions AS expected_conversions, f.found_conversions,
    CAST(e.millionths AS DOUBLE) / 1e6 AS expected_revenue, f.found_revenue,
    CASE WHEN e.impressions > 0
      THEN CAST(e.clicks AS DOUBLE) * 100e0 / CAST(e.impressions AS DOUBLE) END
      AS expected_ctr_percent, f.found_ctr_percent,
    CASE WHEN e.clicks > 0
      THEN CAST(e.conversions AS DOUBLE) * 100e0 / CAST(e.clicks AS DOUBLE) END
      AS expected_cvr_percent, f.found_cvr_percent, e.millionths,
    coalesce(abs(e.millionths) >= DECIMAL '9000000000000000', false) AS is_large
  FROM expected e FULL JOIN found f
    ON coalesce(e.campaign_id, '') = coalesce(f.campaign_id, '')
    AND (e.campaign_id IS NULL) = (f.campaign_id IS NULL)
    AND coalesce(e.start_us, -1) = coalesce(f.start_us, -1)
    AND (e.start_us IS NULL) = (f.start_us IS NULL)
), compared AS (
  SELECT *, found_rows IS DISTINCT FROM 1 OR events = 0 OR found_processed_at IS NULL
    OR expected_window_end IS DISTINCT FROM found_window_end
    OR expected_impressions IS DISTINCT FROM found_impressions
    OR expected_clicks IS DISTINCT FROM found_clicks
    OR expected_conversions IS DISTINCT FROM found_conversions
    OR (NOT is_large AND expected_revenue IS DISTINCT FROM found_revenue)
    OR expected_ctr_percent IS DISTINCT FROM found_ctr_percent
    OR expected_cvr_percent IS DISTINCT FROM found_cvr_percent AS is_different
  FROM paired
)`

const COUNTED = `SELECT count(*), coalesce(sum(events), 0), count_if(is_different),
  count_if(is_large AND NOT is_different) FROM compared`
const COMPARED_COLUMNS = `campaign_id, start_us, events, found_rows, found_processed_at, millionths,
  expected_window_end, found_window_end, expected_impressions, found_impressions,
  expected_clicks, found_clicks, expected_conversions, found_conversions,
  expected_revenue, found_revenue, expected_ctr_percent, found_ctr_percent,
  expected_cvr_percent, found_cvr_percent`
const SUSPECTS = `SELECT from_big_endian_64(xxhash64(to_utf8(event_id))) AS suspect
  FROM campaign_events FOR VERSION AS OF 11
  WHERE event_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1`
const REPEATED = `WITH repeated AS (
    SELECT event_id, array_sort(array_agg("$path")) AS paths
    FROM campaign_events FOR VERSION AS OF 11
    WHERE from_big_endian_64(xxhash64(to_utf8(event_id))) IN (${SUSPECTS})
    GROUP BY event_id HAVING count(*) > 1
  )
  SELECT paths, count(*), min(event_id, 20) FROM repeated
  GROUP BY paths ORDER BY count(*) DESC, paths`
const UNFIT = `SELECT count(*) FROM campaign_events FOR VERSION AS OF 11 WHERE event_id IS NULL
  OR campaign_id IS NULL OR "timestamp" IS NULL OR event_type IS NULL
  OR event_type NOT IN ('impression', 'click', 'conversion')
  OR revenue IS NULL OR NOT abs(revenue) <= 1e9`

test('verify of equal tables asks for counts, repeated ids and unfit rows', async () => {
  const { asked, found } = await verified([[[2, 9, 0, 0]], [], [[0]]])
  assert.deepEqual(asked, [`${COMPARED()} ${COUNTED}`, `${SUSPECTS} LIMIT 1`, UNFIT].map(squeezed))
  assert.deepEqual(found, {
    isEqual: true,
    windows: 2,
    events: 9,
    differing: 0,
    differences: [],
    repeatedIds: { withinHorizon: 0, unplaced: 0, examples: [] },
    unfitEvents: 0,
    withoutEvents: null,
    openWindows: null,
  })
})

test('verify of a span compares its whole windows, and counts those before it and the events after it', async () => {
  const untilUs = TEN_US + 3_600_000_001
  const { asked, found } = await verified([[[0, 0, 0, 0]], [], [[0]], [[7]], [[5]]], {
    fromUs: TEN_US,
    untilUs,
  })
  const between = (column: string): string =>
    ` WHERE ((${column} >= TIMESTAMP '2026-11-22 10:00:00.000000'
      AND ${column} < TIMESTAMP '2026-11-22 11:00:00.000000'))`
  const compared = COMPARED(between('"timestamp"'), between('window_start'))
  assert.equal(asked[0], squeezed(`${compared} ${COUNTED}`))
  assert.equal(
    asked[3],
    'SELECT count(*) FROM campaign_metrics FOR VERSION AS OF 22 WHERE window_start < TIMESTAMP ' +
      "'2026-11-22 10:00:00.000000'",
  )
  assert.deepEqual(found.withoutEvents, { windows: 7, beforeUs: TEN_US })
  assert.equal(
    asked[4],
    'SELECT count(*) FROM campaign_events FOR VERSION AS OF 11 WHERE "timestamp" >= TIMESTAMP ' +
      "'2026-11-22 11:00:00.000000'",
  )
  assert.deepEqual(found.openWindows, { events: 5, fromUs: TEN_US + 3_600_000_000 })
})

/** A row of COMPARED_COLUMNS as Trino writes it: decimals are texts, and so is NaN. */
const compared = (startUs: number, millionths: string, expected: number, found: unknown): SqlRow =>
  [
    ...['spring', startUs, 1, 1, startUs, millionths, startUs + WINDOW_US, startUs + WINDOW_US],
    ...[0, 0, 0, 0, 1, 1, expected, found, null, null, null, null],
  ] as SqlRow

test('Trino writes decimals and NaN as texts; past 9.0e9 the revenue is divided here', async () => {
  const { asked, found } = await verified([
    [[4, 4, 1, 2]],
    [compared(TEN_US, '300000', 0.3, 'NaN')],
    [
      // 10,000,000,000,000,001 millionths are no double; Trino's DECIMAL -> DOUBLE gives another
      // one.
      compared(TEN_US + WINDOW_US, '10000000000000001', 10000000000.000002, 10000000000),
      compared(TEN_US - WINDOW_US, '10000000000000005', 10000000000.000006, 10000000000),
    ],
    [],
    [[0]],
  ])
  assert.deepEqual(
    asked.slice(1, 3),
    [
      `${COMPARED()} SELECT ${COMPARED_COLUMNS} FROM compared
        WHERE is_different ORDER BY start_us, campaign_id LIMIT 20`,
      `${COMPARED()} SELECT ${COMPARED_COLUMNS} FROM compared WHERE is_large AND NOT is_different`,
    ].map(squeezed),
  )
  assert.equal(found.differing, 2)
  assert.deepEqual(
    found.differences.map(({ windowStartUs, kind, fields }) => [windowStartUs, kind, fields]),
    [
      [
        TEN_US - WINDOW_US,
        'different',
        [{ name: 'revenue', expected: '10000000000.000004', found: '10000000000' }],
      ],
      [TEN_US, 'different', [{ name: 'revenue', expected: '0.3', found: 'NaN' }]],
    ],
  )
})

test('repeated ids are placed by their files: a fault only where that is sure', async () => {
  const { asked, found } = await verified([
    [[9, 9, 0, 0]],
    [[-1]],
    [
      [['a', 'b'], 2, ['x', 'y']],
      [['a', 'c'], 3, ['far']],
      [['a', 'unknown'], 4, ['unknown']],
      [['b', 'b'], 1, ['z']],
      [['a', 'd', 'b'], 1, ['v']],
    ],
    [[0]],
  ])
  assert.equal(asked[2], squeezed(REPEATED))
  assert.deepEqual(found.repeatedIds, {
    withinHorizon: 4,
    unplaced: 7,
    examples: ['x', 'y', 'z', 'v'],
  })
  assert.equal(found.isEqual, false)
})

test('past 20,000 groups of files repeated ids are counted, but not placed', async () => {
  const groups = Array.from({ length: 20_001 }, (): SqlRow => [['a', 'b'], 1, ['x']])
  const { found } = await verified([[[9, 9, 0, 0]], [[-1]], groups, [[0]]], { differencesMax: 1 })
  assert.deepEqual(found.repeatedIds, { withinHorizon: 20_000, unplaced: 1, examples: ['x'] })
})

test('recomputing lists its keys in the text; the sums come in their order', async () => {
  const { asked, port } = answering([[[1, 2, 3, 4, '9007199254740993000001']]])
  const keys = [
    { campaignId: "o'a\0", windowStartUs: TEN_US },
    { campaignId: 'b', windowStartUs: TEN_US + WINDOW_US },
  ]
  const sums = await recomputeWindows(port, TRINO, 11n, keys, WINDOW_US)
  const where = ` WHERE "timestamp" >= TIMESTAMP '2026-11-22 10:00:00.000000'
    AND "timestamp" < TIMESTAMP '2026-11-22 10:10:00.000000'
    AND campaign_id IN (SELECT campaign_id FROM asked)`
  const list = `[[0,"o''a\\u0000",${TEN_US}],[1,"b",${TEN_US + WINDOW_US}]]`
  const types = 'place INTEGER, campaign_id VARCHAR, start_us BIGINT'
  assert.deepEqual(asked, [
    squeezed(`WITH asked AS ( SELECT * FROM UNNEST(CAST(JSON '${list}' AS ARRAY(ROW(${types}))))
      ), sums AS (${SUMS(where).trim()})
      SELECT place, impressions, clicks, conversions, millionths FROM asked JOIN sums
      ON asked.campaign_id = sums.campaign_id AND asked.start_us = sums.start_us`),
  ])
  assert.deepEqual(sums, [
    { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n },
    {
      impressions: 2,
      clicks: 3,
      conversions: 4,
      revenueMillionths: 9_007_199_254_740_993_000_001n,
    },
  ])
})

test('no statement is longer than Trino takes, and no key is lost', async () => {
  const { asked, port } = answering([])
  const keys = Array.from({ length: 1_000 }, (_, index) => ({
    campaignId: `${index}-${'\0'.repeat(200)}`,
    windowStartUs: TEN_US,
  }))
  const sums = await recomputeWindows(port, TRINO, 11n, keys, WINDOW_US)
  assert.equal(sums.length, 1_000)
  assert.ok(asked.length > 1)
  for (const sql of asked) assert.ok(sql.length < 1_000_000, `${sql.length} characters`)
  for (const index of [0, 999]) assert.ok(asked.some((sql) => sql.includes(`"${index}-`)))
})

test('differing windows are asked for in spans, with all whose revenue is large', async () => {
  const { asked, port } = answering([
    [['spring', TEN_US, 0, 1, 0, 1, '2500000', 2]],
    [
      ['autumn', TEN_US, 1, 11, 0, 0, '10000000000000001', 0, 10000000000],
      ['spring', 0, 1, 11, 0, 0, '10000000000000005', 1, 10000000000],
    ],
  ])
  const spans = [
    { fromUs: 0, toUs: WINDOW_US },
    { fromUs: TEN_US, toUs: TEN_US + WINDOW_US },
  ]
  const found = await differingWindows(port, TRINO, TABLES, {
    windowUs: WINDOW_US,
    spans,
    limit: 7,
  })
  const within = (column: string): string =>
    ` WHERE ((${column} >= TIMESTAMP '1970-01-01 00:00:00.000000'
      AND ${column} < TIMESTAMP '1970-01-01 00:05:00.000000')
      OR (${column} >= TIMESTAMP '2026-11-22 10:00:00.000000'
      AND ${column} < TIMESTAMP '2026-11-22 10:05:00.000000'))`
  const from = COMPARED(within('"timestamp"'), within('window_start'))
  const columns = `campaign_id, start_us, coalesce(found_rows, 0), impressions, clicks, conversions,
    coalesce(millionths, DECIMAL '0'), events - coalesce(found_impressions, 0)
    - coalesce(found_clicks, 0) - coalesce(found_conversions, 0)`
  assert.deepEqual(
    asked,
    [
      `${from} SELECT ${columns} FROM compared WHERE is_different AND campaign_id IS NOT NULL
        ORDER BY start_us, campaign_id LIMIT 7`,
      `${from} SELECT ${columns}, found_revenue FROM compared
        WHERE is_large AND NOT is_different AND campaign_id IS NOT NULL`,
    ].map(squeezed),
  )
  const sums = { impressions: 11, clicks: 0, conversions: 0 }
  assert.deepEqual(found, [
    {
      campaignId: 'spring',
      windowStartUs: 0,
      rows: 1,
      sums: { ...sums, revenueMillionths: 10_000_000_000_000_005n },
      uncounted: 1,
    },
    {
      campaignId: 'spring',
      windowStartUs: TEN_US,
      rows: 0,
      sums: { impressions: 1, clicks: 0, conversions: 1, revenueMillionths: 2_500_000n },
      uncounted: 2,
    },
  ])
})
