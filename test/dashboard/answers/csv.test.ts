/** Files for spreadsheets, whatever campaigns are called. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CampaignRow } from '../../../src/dashboard/answers/campaigns.ts'
import { type CsvNotes, campaignsCsv, csvFileName } from '../../../src/dashboard/answers/csv.ts'
import { NOON_US, openServiceAt } from '../figures/service-at.ts'

function row(campaign: string): CampaignRow {
  return {
    campaign,
    impressions: 3,
    clicks: 1,
    ctr: 100 / 3,
    conversions: 0,
    cvr: 0,
    revenue: -2.5,
    revenuePerClick: null,
  }
}

const HEADER =
  '\ufeffcampaign_id,name,impressions,clicks,ctr_percent,conversions,cvr_percent,revenue,' +
  'revenue_per_click,from,to,time_zone'
const NOTES: CsvNotes = {
  currency: null,
  timezone: 'UTC',
  span: { fromUs: Date.UTC(2026, 10, 22, 9) * 1000, toUs: Date.UTC(2026, 10, 22, 10) * 1000 },
  nameOf: () => null,
}
const PERIOD = '2026-11-22 09:00:00,2026-11-22 10:00:00,UTC'

test('a row for each campaign, numbers as they are, nothing for null, the period', () => {
  assert.equal(
    campaignsCsv([row('spring')], NOTES),
    `${HEADER}\r\nspring,,3,1,33.333333333333336,0,0,-2.5,,${PERIOD}\r\n`,
  )
  assert.equal(campaignsCsv([], NOTES), `${HEADER}\r\n`)
})

test('an id of 17 digits is written digit for digit, for every reader', () => {
  const id = '12021234567890111'
  const [, line] = campaignsCsv([row(id)], { ...NOTES, nameOf: () => 'Spring' }).split('\r\n')
  assert.ok(line?.startsWith(`${id},Spring,3,`), line)
})

test('revenue names its currency', () => {
  const [header] = campaignsCsv([], { ...NOTES, currency: 'EUR' }).split('\r\n')
  assert.equal(
    header,
    '\ufeffcampaign_id,name,impressions,clicks,ctr_percent,conversions,cvr_percent,' +
      'revenue (EUR),revenue_per_click (EUR),from,to,time_zone',
  )
})

test('the period is in the wall time of the zone, across a change of its clocks', () => {
  const span = {
    fromUs: Date.UTC(2026, 9, 24, 22) * 1000,
    toUs: Date.UTC(2026, 9, 25, 23) * 1000,
  }
  const [, line] = campaignsCsv([row('a')], { ...NOTES, timezone: 'Europe/Berlin', span }).split(
    '\r\n',
  )
  const period = '2026-10-25 00:00:00,2026-10-26 00:00:00,Europe/Berlin'
  assert.ok(line?.endsWith(`,${period}`), line)
})

test('a name stands beside the id, and is no formula either', () => {
  const names = new Map([
    ['12021234567890123', 'Frühling; Sale, "2"'],
    ['b', '=1+1'],
  ])
  const nameOf = (id: string): string | null => names.get(id) ?? null
  const lines = campaignsCsv([row('12021234567890123'), row('b'), row('c')], { ...NOTES, nameOf })
  const [, ...rows] = readCsv(lines)
  assert.deepEqual(
    rows.map(([id, name]) => [id, name]),
    [
      ['12021234567890123', 'Frühling; Sale, "2"'],
      ['b', "'=1+1"],
      ['c', ''],
    ],
  )
})

test('names that a spreadsheet would run are texts, quotes and line ends are quoted', () => {
  const cells: readonly (readonly [name: string, cell: string])[] = [
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['\r=1', '"\'\r=1"'],
    ['\n=1', '"\'\n=1"'],
    ['＝1+1', "'＝1+1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠SUM(A1)', "'＠SUM(A1)"],
    ['a;=1+1', '"a;=1+1"'],
    ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ["it's", "it's"],
    ['😀', '😀'],
  ]
  for (const [name, cell] of cells) {
    const [, line] = campaignsCsv([row(name)], NOTES).split(/\r\n(?=.*,3,1,|$)/s)
    assert.equal(line, `${cell},,3,1,33.333333333333336,0,0,-2.5,,${PERIOD}`, name)
  }
})

test('a reader of RFC 4180 gets every name back, but for the apostrophe before a formula', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), { maxLength: 12 }),
      (names) => {
        const records = readCsv(campaignsCsv(names.map(row), NOTES)).slice(1)
        const expected = names.map((name) =>
          /^[=+\-@\t\r\n＝＋－＠]/.test(name) ? `'${name}` : name,
        )
        assert.deepEqual(
          records.map(([first]) => first),
          expected,
        )
        for (const record of records) assert.equal(record.length, 12)
      },
    ),
  )
})

/**
 * A plain reader of RFC 4180: records end with CRLF, cells with a comma, quotes are doubled inside
 * quotes.
 */
function readCsv(text: string): string[][] {
  const records: string[][] = []
  let at = 0
  while (at < text.length) {
    const record: string[] = []
    for (;;) {
      let cell = ''
      if (text[at] === '"') {
        for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
          if (text[at] === '"') at++
          cell += text[at]
        }
        at++
      } else while (at < text.length && text[at] !== ',' && text[at] !== '\r') cell += text[at++]
      record.push(cell)
      if (text[at] !== ',') break
      at++
    }
    assert.equal(text.slice(at, at + 2), '\r\n')
    at += 2
    records.push(record)
  }
  return records
}

test('the file has a name without characters that a file system refuses', () => {
  assert.equal(
    csvFileName({ fromUs: NOON_US, toUs: NOON_US + 1_500_000 }),
    'campaigns-20261122T102230Z-20261122T102231.500Z.csv',
  )
})

test('the export has all that match, in the order of the table', async () => {
  const { service, lake } = openServiceAt()
  lake.start()
  const names = Array.from({ length: 300 }, (_, index) => `c-${String(index).padStart(3, '0')}`)
  lake.take(
    names.map((campaign) => ({ campaign, type: 'click', timeUs: NOON_US })),
    NOON_US,
  )
  const answer = await service.answer('campaigns.csv', 'sort=campaign&order=desc&search=C-', false)
  assert.equal(answer.status, 200)
  assert.equal(answer.contentType, 'text/csv; charset=utf-8')
  assert.match(
    answer.headers?.['content-disposition'] ?? '',
    /^attachment; filename="campaigns-20261122T092500Z-20261122T102500Z\.csv"$/,
  )
  const records = readCsv(Buffer.from(answer.body).toString('utf8'))
  assert.deepEqual(
    records.slice(1).map(([first]) => first),
    names.toReversed(),
  )
})
