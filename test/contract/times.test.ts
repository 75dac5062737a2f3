/** Timestamps as the world has them (F14) and events that come late, to the edge (F18). */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { expectSettled } from '../support/settled.ts'

const folder = await openFolder({ retention: { events: '0', metrics: '0' } })
let product: Product

before(async () => {
  product = await startProduct(folder)
})

after(async () => {
  await product.stop()
  await folder.close()
})

type Window = Readonly<{ window_start: string; clicks: number }>

/** Windows as `YYYY-MM-DDThh:mm` with their clicks, whatever way the command writes a timestamp. */
async function windowsOf(campaign: string): Promise<readonly (readonly [string, number])[]> {
  const sql = `select strftime(window_start, '%Y-%m-%dT%H:%M') as window_start,
    clicks::INTEGER as clicks
    from campaign_metrics where campaign_id = '${campaign}' order by 1`
  const run = await runCommand(folder, ['query', sql, '--json'])
  assert.equal(run.exit.code, 0, run.stderr)
  return (JSON.parse(run.stdout) as Window[]).map((row) => [row.window_start, Number(row.clicks)])
}

async function sendTimes(campaign: string, times: readonly string[]): Promise<void> {
  const lines = times.map((timestamp, at) =>
    eventLine({ event_id: `${campaign}-${timestamp}-${at}`, campaign_id: campaign, timestamp }),
  )
  const { rejected } = await postAccepted(product.url, lines.join('\n'))
  assert.deepEqual(rejected, [])
  await waitUntilSettled(product.url)
}

test('an event is in the window of its instant: edges, midnight, offsets, fractions', async () => {
  await sendTimes('instants', [
    '2025-06-01T11:59:59.999999999Z', // cut, not rounded up into the next window
    '2025-06-01T12:00:00Z',
    '2025-06-01T12:04:59.9999995',
    '2025-06-01T14:00:00+02:00',
    '2025-06-01T23:59:59.999Z',
    '2025-06-02T00:00:00.000000Z',
    '2025-06-01T19:00:00-05:00', // midnight UTC of the next day
    '2025-10-26T02:59:59+02:00', // the hour that Berlin has twice
    '2025-10-26T02:59:59+01:00',
    '2024-02-29T12:00:00Z',
  ])
  assert.deepEqual(await windowsOf('instants'), [
    ['2024-02-29T12:00', 1],
    ['2025-06-01T11:55', 1],
    ['2025-06-01T12:00', 3],
    ['2025-06-01T23:55', 1],
    ['2025-06-02T00:00', 2],
    ['2025-10-26T00:55', 1],
    ['2025-10-26T01:55', 1],
  ])
})

test('a late event amends its window, at both of its edges, and no other', async () => {
  await sendTimes('late', ['2025-07-01T10:00:00Z', '2025-07-01T10:07:00Z'])
  await sendTimes('late', ['2025-07-01T12:00:00Z'])
  await sendTimes('late', ['2025-07-01T10:04:59.999999Z', '2025-07-01T10:05:00Z'])
  await sendTimes('late', ['2025-07-01T09:59:59.999999Z', '2025-06-30T10:00:00Z'])
  assert.deepEqual(await windowsOf('late'), [
    ['2025-06-30T10:00', 1],
    ['2025-07-01T09:55', 1],
    ['2025-07-01T10:00', 2],
    ['2025-07-01T10:05', 2],
    ['2025-07-01T12:00', 1],
  ])
})

test('the newest window shows at once: no later event is needed to close it', async () => {
  const timestamp = new Date().toISOString()
  await sendTimes('now', [timestamp])
  assert.equal((await windowsOf('now')).length, 1)
})

test('2099, 1970, leap seconds, 24:00 and offsets past 23:59 are rejected', async () => {
  const times = [
    '2099-01-01T00:00:00Z',
    '1970-01-01T00:00:00Z',
    '1999-12-31T23:59:59.999999Z',
    '2016-12-31T23:59:60Z',
    '2025-01-01T24:00:00Z',
    '2025-01-01T00:00:00+24:00',
    '2025-01-01T00:00:00+00:60',
    '2025-02-30T00:00:00Z',
    '2100-02-29T00:00:00Z',
  ]
  const lines = times.map((timestamp, at) => eventLine({ event_id: `never-${at}`, timestamp }))
  const { accepted, rejected } = await postAccepted(product.url, lines.join('\n'))
  assert.equal(accepted, 0)
  assert.equal(rejected.length, times.length)
  for (const { reason } of rejected) assert.match(reason, /^timestamp: /)
})

test('4 minutes ahead is accepted, 6 minutes ahead is not', async () => {
  const ahead = (minutes: number): string =>
    eventLine({
      event_id: `ahead-${minutes}`,
      timestamp: new Date(Date.now() + minutes * 60_000).toISOString(),
    })
  const answer = await postAccepted(product.url, `${ahead(4)}\n${ahead(6)}`)
  assert.equal(answer.accepted, 1)
  assert.equal(answer.rejected[0]?.index, 1)
  await expectSettled(folder, product.url, { rejected: 10 })
})
