/**
 * Windows of rows that a client has removed, from its commit through the REST catalog to the amended
 * metrics: on real tables, with DuckDB asked the same SQL in place of Trino.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type AmendParts, openAmendments } from '../../../src/flink/upkeep/amend.ts'
import { amendView, marksSummary } from '../../../src/flink/upkeep/amend-view.ts'
import { openWindowCheck } from '../../../src/query.ts'
import {
  changedSpans,
  eventTimes,
  type Lake,
  mayHoldWindow,
  openLakeReader,
  openReplaceWindows,
  openUnlockedWriter,
} from '../../../src/table.ts'
import { type Client, EVENTS, openClient, writeSnapshot } from '../../table/client-requests.ts'
import {
  commitRows,
  dayRows,
  type EventRow,
  eventRow,
  metricsRow,
  NOON_US,
  openPlace,
  WINDOW_US,
} from '../../table/fixture.ts'

type World = Readonly<{
  lake: Lake
  client: Client
  step(): Promise<void>
  /** To be emptied by the test. */
  warnings: string[]
  /** Campaign, window after noon and impressions of each row. */
  windows(): Promise<readonly (readonly [string, number, number])[]>
}>

async function openWorld(t: TestContext): Promise<World> {
  const place = await openPlace(t)
  const lake = await place.open({ writer: 'flink' })
  const check = await openWindowCheck(lake.local, WINDOW_US)
  t.after(() => check.close())
  const windowOf = (us: number): number => Math.floor(us / WINDOW_US) * WINDOW_US
  const trino: AmendParts['trino'] = {
    async differingWindows({ spans }) {
      const files = { events: lake.events.files, metrics: lake.metrics.files }
      const found = await Promise.all(spans.map((span) => check.differing(files, span)))
      const keyed = found.flat().map((each) => [`${each.campaignId} ${each.windowStartUs}`, each])
      return [...new Map(keyed as [string, (typeof found)[0][0]][]).values()]
    },
    touchedSpans: async ({ files }) =>
      lake.events.files
        .filter(({ path }) => files.includes(path))
        .map((file) => {
          const { firstUs, lastUs } = eventTimes(file)
          return { fromUs: windowOf(firstUs), toUs: windowOf(lastUs) + WINDOW_US }
        }),
  }
  const rows = openReplaceWindows({
    live: () => lake.metrics.files,
    read: (file) => lake.readMetricsFile(file),
    write: (day, written) => lake.writeMetricsFile(day, written),
    mayHold: mayHoldWindow,
  })
  const warnings: string[] = []
  let commits = 0
  const amendments = openAmendments({
    async readView() {
      await lake.refresh()
      return amendView(lake, WINDOW_US)
    },
    trino,
    replace: (fresh, gone) => rows.replace(fresh, gone),
    commit: (metrics, marks) =>
      lake.commit({ metrics, summary: marksSummary(marks), commitId: `amend-${commits++}` }),
    settle: (compared) => lake.settleSpans(compared),
    windowUs: WINDOW_US,
    nowUs: () => NOON_US,
    onWarning: (text) => warnings.push(text),
  })
  const writer = openUnlockedWriter({ ...place, nowUs: () => NOON_US })
  return {
    lake,
    client: openClient(openLakeReader(place), writer),
    step: amendments.step,
    warnings,
    async windows() {
      const read = await Promise.all(lake.metrics.files.map((file) => lake.readMetricsFile(file)))
      return read
        .flat()
        .map(
          ({ campaignId, windowStartUs, impressions }) =>
            [campaignId, (windowStartUs - NOON_US) / WINDOW_US, impressions] as const,
        )
        .sort((a, b) => a[1] - b[1] || a[0].localeCompare(b[0]))
    },
  }
}

let nextId = 0
const events = (campaignId: string, window: number, count: number): readonly EventRow[] =>
  Array.from({ length: count }, () =>
    eventRow({
      eventId: `e${nextId++}`,
      campaignId,
      timestampUs: NOON_US + window * WINDOW_US + 1,
    }),
  )

const closed = (campaignId: string, window: number, impressions: number) =>
  metricsRow({
    campaignId,
    windowStartUs: NOON_US + window * WINDOW_US,
    impressions,
    clicks: 0,
    conversions: 0,
    revenueMillionths: 0n,
  })

test('windows of removed rows are recomputed, and those without events are gone', async (t) => {
  const { lake, client, step, windows, warnings } = await openWorld(t)
  const first = [...events('solo', 0, 2), ...events('both', 0, 3), ...events('both', 1, 1)]
  const rows = [closed('solo', 0, 2), closed('both', 0, 7), closed('both', 1, 1)]
  const { events: removed } = await commitRows(lake, dayRows(first), rows, '1')
  await commitRows(lake, dayRows(events('both', 0, 4)), [closed('ghost', 3, 5)], '2')
  await step()
  assert.match(warnings.join(), /1 windows stand in campaign_metrics twice or without events/)
  warnings.length = 0

  const updates = await writeSnapshot(lake, 'theirs', { without: [removed.path] })
  assert.equal((await client.post(EVENTS, { updates })).status, 200)
  await step()
  assert.deepEqual(await windows(), [
    ['both', 0, 4],
    ['c-1', 0, 1],
    ['ghost', 3, 5],
  ])
  assert.deepEqual(changedSpans(lake.events.properties), [])
  assert.deepEqual(warnings, [], 'what no removal explains is left alone, and was named before')
  const settled = lake.events.metadataLocation
  await step()
  assert.equal(lake.events.metadataLocation, settled, 'and nothing is left to do')
})

test('rows removed from a window that is open: Flink adds its row, which then goes', async (t) => {
  const { lake, client, step, windows } = await openWorld(t)
  await commitRows(lake, dayRows(events('a', 0, 1)), [closed('a', 0, 1)], '1')
  const raw = await lake.writeEventsFile(dayRows(events('solo', 2, 2)))
  await lake.commit({ events: { add: [raw], remove: [] }, summary: {}, commitId: '2' })
  await step()
  const updates = await writeSnapshot(lake, 'theirs', { without: [raw.path] })
  assert.equal((await client.post(EVENTS, { updates })).status, 200)
  await step()
  assert.equal(changedSpans(lake.events.properties).length, 1, 'it waits for the window')

  const { day } = dayRows([eventRow()])
  const row = await lake.writeMetricsFile(day, [closed('solo', 2, 2)])
  await lake.commit({ metrics: { add: [row], remove: [] }, summary: {}, commitId: '3' })
  await step()
  assert.deepEqual(await windows(), [
    ['a', 0, 1],
    ['c-1', 0, 1],
  ])
  assert.deepEqual(changedSpans(lake.events.properties), [])
})
