/** Answers, search and order where campaigns have names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  CampaignsAnswer,
  RevenueAnswer,
  SummaryAnswer,
  TrendAnswer,
} from '../../../src/dashboard-definition.ts'
import { expectSchema } from '../api/openapi.ts'
import { NOON_US, openServiceAt, type ServiceAt } from '../figures/service-at.ts'

const NAMES = new Map([
  ['12021234567890111', 'Zürich Herbst'],
  ['12021234567890222', 'apfel'],
  ['12021234567890333', 'Äpfel 2'],
  ['unseen', 'Never sent'],
])
const IDS = ['12021234567890111', '12021234567890222', '12021234567890333', 'banana']

function openNamed(): ServiceAt {
  const world = openServiceAt()
  world.lake.start()
  world.lake.take(
    IDS.map((campaign) => ({ campaign, type: 'impression', timeUs: NOON_US, millionths: 1 })),
    NOON_US,
  )
  return world
}

test('without a file of names, answers have none', async () => {
  const { ask } = openNamed()
  assert.ok(!('names' in (await ask<CampaignsAnswer>('campaigns'))))
})

test('every answer names its campaigns and the chosen ones, and no others', async () => {
  const { ask, service } = openNamed()
  service.takeNames(NAMES)
  const all = Object.fromEntries(IDS.map((id) => [id, NAMES.get(id) ?? null]))
  const campaigns = await ask<CampaignsAnswer>('campaigns')
  assert.deepEqual(campaigns.names, all)
  expectSchema('components/schemas/Campaigns', campaigns, 'campaigns')
  const revenue = await ask<RevenueAnswer>('revenue')
  assert.deepEqual(revenue.names, all)
  expectSchema('components/schemas/Revenue', revenue, 'revenue')
  const trend = await ask<TrendAnswer>('trend', 'lines=campaigns')
  assert.deepEqual(trend.names, all)
  expectSchema('components/schemas/Trend', trend, 'trend')
  const summary = await ask<SummaryAnswer>('summary', 'campaign=unseen&campaign=unknown')
  assert.deepEqual(summary.names, { unknown: null, unseen: 'Never sent' })
  expectSchema('components/schemas/Summary', summary, 'summary')
  const page = await ask<CampaignsAnswer>('campaigns', 'size=1&sort=campaign&order=asc')
  assert.deepEqual(page.names, { '12021234567890222': 'apfel' })
})

test('a search finds by name and by id, in any case and Unicode form', async () => {
  const { ask, service } = openNamed()
  service.takeNames(NAMES)
  const found = async (search: string): Promise<readonly string[]> => {
    const query = new URLSearchParams({ search, sort: 'campaign', order: 'asc' })
    const { rows } = await ask<CampaignsAnswer>('campaigns', String(query))
    return rows.map(({ campaign }) => campaign)
  }
  assert.deepEqual(await found('apfel'), ['12021234567890222', '12021234567890333'])
  assert.deepEqual(await found('A\u0308PFEL'), ['12021234567890222', '12021234567890333'])
  assert.deepEqual(await found('zurich'), ['12021234567890111'])
  assert.deepEqual(await found('890333'), ['12021234567890333'])
  assert.deepEqual(await found('BANÁNA'), ['banana'])
  assert.deepEqual(await found('never'), [])
})

test('campaigns are in the order of what is shown: names, and ids where there are none', async () => {
  const { ask, service } = openNamed()
  const sorted = async (): Promise<readonly string[]> => {
    const { rows } = await ask<CampaignsAnswer>('campaigns', 'sort=campaign&order=asc')
    return rows.map(({ campaign }) => NAMES.get(campaign) ?? campaign)
  }
  service.takeNames(NAMES)
  assert.deepEqual(await sorted(), ['apfel', 'Äpfel 2', 'banana', 'Zürich Herbst'])
  service.takeNames(new Map())
  assert.deepEqual(
    await sorted(),
    [...IDS].map((id) => NAMES.get(id) ?? id),
  )
})

test('new names are a new version: pages ask again', () => {
  const { told, service } = openNamed()
  const before = told.at(-1)?.version
  service.takeNames(NAMES)
  assert.notEqual(told.at(-1)?.version, before)
})

test('the file for spreadsheets has the names', async () => {
  const { service } = openNamed()
  service.takeNames(NAMES)
  const { body } = await service.answer('campaigns.csv', 'sort=campaign&order=asc', false)
  const rows = Buffer.from(body).toString('utf8').split('\r\n').slice(1, -1)
  assert.deepEqual(
    rows.map((row) => row.split(',').slice(0, 2).join(',')),
    [
      '12021234567890222,apfel',
      '12021234567890333,Äpfel 2',
      'banana,',
      '12021234567890111,Zürich Herbst',
    ],
  )
})
