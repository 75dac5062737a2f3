/**
 * The main job, distributed: events over HTTP go through Kafka and Flink into both tables on S3,
 * and PyIceberg, Trino and Superset show the right numbers, which are worked out by hand here.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkUntilRight } from '../parity/check-side.ts'
import { openModel } from '../parity/model.ts'
import { expectVerified } from '../parity/parity-run.ts'
import { post } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { askTrino } from './support/ask-trino.ts'
import { onFlinkSide } from './support/on-side.ts'
import { campaignRows } from './support/superset-assets.ts'

const WINDOW_MS = 300_000
const SETUP_LIMIT_MS = 300_000
const SUPERSET = { user: 'admin', password: 'admin' }
/** Of Superset's dataset, in the order of the columns below. */
const METRICS = ['impressions', 'clicks', 'conversions', 'revenue', 'ctr_percent', 'cvr_percent']
/** Per campaign: impressions, clicks, conversions, revenue of each conversion. */
const CAMPAIGNS = { spring: [20, 5, 2, 1.25], autumn: [8, 2, 1, 0.1] } as const

test('events over HTTP are in both tables for PyIceberg, Trino, query and Superset', () =>
  onFlinkSide('main', async (stack, side) => {
    await stack.start('superset')
    const superset = { url: `http://${stack.address('superset')}`, ...SUPERSET }
    await side.folder.configure({ ...side.fields, superset })
    const { environment } = side
    const made = await runCommand(side.folder, ['setup'], { environment, limitMs: SETUP_LIMIT_MS })
    assert.equal(made.exit.code, 0, made.stdout + made.stderr)

    const startMs = Math.floor((Date.now() - 1_200_000) / WINDOW_MS) * WINDOW_MS
    const lines = makeLines(new Date(startMs + 1).toISOString())
    const model = openModel()
    model.add(lines.map((line) => ({ bytes: Buffer.from(line), blame: null, breaksArray: false })))
    const product = await startProduct(side.folder, { environment })
    try {
      // Twice, as a sender does that got no answer: each event counts once.
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const answer = await post(product.url, lines.join('\n'))
        assert.deepEqual(JSON.parse(answer.text), { accepted: lines.length, rejected: [] })
      }
      const { rawRows, metricsRows } = await checkUntilRight(side, model)
      assert.deepEqual({ rawRows, metricsRows }, { rawRows: 38, metricsRows: 2 })
      await expectVerified(side)

      const sql =
        'SELECT campaign_id, impressions, clicks, conversions, revenue, ctr_percent, ' +
        'cvr_percent FROM campaign_metrics ORDER BY campaign_id'
      const expected = [
        ['autumn', 8, 2, 1, 0.1, 25, 50],
        ['spring', 20, 5, 2, 2.5, 25, 40],
      ]
      assert.deepEqual(await askTrino(stack.address('trino'), sql), expected)
      const query = await runCommand(side.folder, ['query', '--json', sql], { environment })
      assert.equal(query.exit.code, 0, query.stderr)
      const rows = JSON.parse(query.stdout) as readonly Readonly<Record<string, unknown>>[]
      assert.deepEqual(
        rows.map((row) => Object.values(row)),
        expected,
      )

      const shown = await campaignRows(superset.url, SUPERSET, METRICS)
      assert.deepEqual(
        shown
          .map((row) => [row.campaign_id, ...METRICS.map((name) => row[name])])
          .sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
        expected,
      )
    } finally {
      await product.stop()
    }
  }))

function makeLines(timestamp: string): readonly string[] {
  return Object.entries(CAMPAIGNS).flatMap(
    ([campaign_id, [impressions, clicks, sales, revenue]]) => {
      const events = (event_type: string, count: number, more: object): readonly string[] =>
        Array.from({ length: count }, (_, at) =>
          eventLine({
            event_id: `${campaign_id}-${event_type}-${at}`,
            campaign_id,
            event_type,
            timestamp,
            ...more,
          }),
        )
      return [
        ...events('impression', impressions, {}),
        ...events('click', clicks, {}),
        ...events('conversion', sales, { revenue }),
      ]
    },
  )
}
