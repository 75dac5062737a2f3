/** What a query string asks for, and what is said about one that is wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isQuestionKind, parseQuestion } from '../../../src/dashboard/answers/question.ts'
import { openServiceAt } from '../figures/service-at.ts'
import { QUESTIONS } from '../questions.ts'

const US = 1000

function problemOf(kind: string, query: string): string {
  assert.ok(isQuestionKind(kind))
  const question = parseQuestion(kind, query)
  assert.ok('problem' in question, `${query} is accepted`)
  return question.problem
}

function viewOf(query: string) {
  const question = parseQuestion('summary', query)
  assert.ok('view' in question, JSON.stringify(question))
  return question.view
}

test('without parameters it is the last hour of everything', () => {
  assert.deepEqual(viewOf(''), {
    range: '1h',
    zone: null,
    weekStart: null,
    compare: 'previous',
    campaigns: [],
    filter: null,
  })
})

test('a custom range is two moments, with any offset, a plus sign encoded or not', () => {
  const expected = {
    fromUs: Date.UTC(2026, 10, 22, 9) * US,
    toUs: Date.UTC(2026, 10, 22, 10, 30, 0, 250) * US,
  }
  const to = 'to=2026-11-22T10:30:00.25Z'
  assert.deepEqual(viewOf(`from=2026-11-22T10:00:00%2B01:00&${to}`).range, expected)
  assert.deepEqual(viewOf(`from=2026-11-22T10:00:00+01:00&${to}`).range, expected)
  assert.deepEqual(viewOf(`from=2026-11-22T09:00:00&${to}`).range, expected)
})

test('a range of days is two days of the zone, both included, and 400 are the most', () => {
  const { range, zone } = viewOf('from=2025-10-19&to=2026-11-22&zone=America/Santiago')
  assert.ok(typeof range !== 'string' && 'firstDay' in range)
  assert.equal(range.lastDay - range.firstDay + 1, 400)
  assert.equal(zone, 'America/Santiago')
})

test('choices are sets: repeats and order make no other view', () => {
  const one = viewOf('campaign=b&campaign=a&campaign=b&platform=web&platform=')
  assert.deepEqual(one, viewOf('platform=&platform=web&campaign=a&campaign=b'))
  assert.deepEqual(one.campaigns, ['a', 'b'])
  assert.deepEqual(one.filter, { platform: ['', 'web'], country: [], device: [] })
})

test('the table has its defaults and takes its own parameters', () => {
  const question = parseQuestion(
    'campaigns',
    'sort=revenuePerClick&order=asc&search=Ü&page=3&size=200',
  )
  assert.ok('page' in question)
  assert.deepEqual(question.sorting, { by: 'revenuePerClick', order: 'asc' })
  assert.deepEqual([question.search, question.page, question.size], ['Ü', 3, 200])
  const plain = parseQuestion('campaigns', '')
  assert.ok('page' in plain)
  assert.deepEqual(plain.sorting, { by: 'impressions', order: 'desc' })
  assert.deepEqual([plain.search, plain.page, plain.size], ['', 1, 25])
})

test('a breakdown is by platform, most impressions first, unless asked otherwise', () => {
  const plain = parseQuestion('breakdown', '')
  assert.ok('kind' in plain && plain.kind === 'breakdown')
  assert.deepEqual([plain.by, plain.sorting], ['platform', { by: 'impressions', order: 'desc' }])
  const asked = parseQuestion('breakdown', 'by=country&sort=cvr&order=asc&country=DE')
  assert.ok('kind' in asked && asked.kind === 'breakdown')
  assert.deepEqual([asked.by, asked.sorting], ['country', { by: 'cvr', order: 'asc' }])
  assert.deepEqual(asked.view.filter?.country, ['DE'])
})

test('what is wrong is named, with what is accepted', () => {
  const cases: readonly (readonly [kind: string, query: string, said: RegExp])[] = [
    ['summary', 'range=2h', /^range must be one of 15m, 1h, .*, this-month, last-month, not "2h"$/],
    ['summary', 'range=', /^range must be one of/],
    ['summary', 'range=1h&range=6h', /^range is given 2 times/],
    ['summary', 'rang=1h', /^"rang" is not a parameter of summary, which knows range, from/],
    ['summary', 'lines=all', /^"lines" is not a parameter of summary/],
    ['trend', 'lines=some', /^lines must be one of all, campaigns/],
    ['trend', 'lines=campaigns&by=ctr', /^by must be one of impressions, clicks, conversions, r/],
    ['trend', 'by=clicks', /^by ranks campaigns: it goes with lines=campaigns$/],
    ['summary', 'from=2026-11-22T10:00:00Z', /^to is missing/],
    ['summary', 'to=2026-11-22T10:00:00Z', /^from is missing/],
    ['summary', 'from=yesterday&to=2026-11-22T10:00:00Z', /^from must be an RFC 3339 date-time/],
    ['summary', 'from=2026-02-30T10:00:00Z&to=2026-11-22T10:00:00Z', /^from must be/],
    ['summary', 'from=2026-11-22T10:00:00Z&to=2026-11-22T10:00:00Z', /^to must be later/],
    ['summary', 'range=1h&from=2026-11-22T10:00:00Z&to=2026-11-22T11:00:00Z', /exclude each other/],
    ['summary', 'from=2025-01-01T00:00:00Z&to=2026-11-22T10:00:00Z', /more than 400 days/],
    ['summary', 'from=2026-11-22&to=2026-11-21', /^to must not be a day before from$/],
    ['summary', 'from=2025-10-18&to=2026-11-22', /^from and to are 401 days/],
    ['summary', 'from=2026-11-22&to=2026-11-23T00:00:00Z', /^from must be an RFC 3339 date-time/],
    ['summary', 'zone=Mars/Olympus', /^zone must be the name of a time zone/],
    ['summary', 'zone=%2B01:00', /^zone must be the name of a time zone/],
    ['summary', 'weekStart=montag', /^weekStart must be one of monday, tuesday/],
    ['summary', 'compare=tomorrow', /^compare must be one of previous, weekdays, year, none/],
    ['campaigns', 'size=201', /^size must be a whole number from 1 to 200, not "201"$/],
    ['campaigns', 'size=0', /^size must be/],
    ['campaigns', 'page=-1', /^page must be/],
    ['campaigns', 'page=1e3', /^page must be/],
    ['campaigns', 'sort=name', /^sort must be one of campaign, impressions/],
    ['campaigns', 'order=up', /^order must be one of asc, desc/],
    ['breakdown', 'by=campaign', /^by must be one of platform, country, device, not "campaign"$/],
    ['breakdown', 'sort=campaign', /^sort must be one of value, impressions/],
    ['breakdown', 'search=x', /^"search" is not a parameter of breakdown/],
    ['campaigns.csv', 'page=1', /^"page" is not a parameter of campaigns\.csv/],
  ]
  for (const [kind, query, said] of cases) assert.match(problemOf(kind, query), said, query)
  const many = Array.from({ length: 51 }, (_, index) => `campaign=${index}`).join('&')
  assert.match(problemOf('summary', many), /^campaign is given 51 times, 50 is the most$/)
})

test('whatever is asked is answered: 200, or 400 with a message', async () => {
  const { service, lake } = openServiceAt()
  lake.start()
  const anyName = fc.constantFrom(
    'range',
    'from',
    'to',
    'campaign',
    'platform',
    'sort',
    'by',
    'page',
    'x',
  )
  const anyValue = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.constantFrom('1h', '30d', '', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '%', '%zz'),
  )
  const anyQuery = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .array(fc.tuple(anyName, anyValue), { maxLength: 4 })
      .map((pairs) =>
        new URLSearchParams(pairs.map(([a, b]): [string, string] => [a, b])).toString(),
      ),
  )
  const anyPath = fc.constantFrom(...QUESTIONS)
  await fc.assert(
    fc.asyncProperty(anyPath, anyQuery, async (path, query) => {
      const { status, body } = await service.answer(path, query, false)
      if (status === 200) return
      assert.equal(status, 400)
      const { error } = JSON.parse(Buffer.from(body).toString('utf8'))
      assert.equal(error.code, 'bad-query')
      assert.ok(error.message.length > 10)
    }),
    { numRuns: 500 },
  )
  const { status } = await service.answer('__proto__', '', false)
  assert.equal(status, 404)
})

test('the first and the last moments that can be written are a range like any other', async () => {
  const { ask, lake } = openServiceAt()
  lake.start()
  for (const range of [
    'from=0001-01-01T00:00:00Z&to=0001-06-01T00:00:00Z',
    'from=9999-01-01T00:00:00Z&to=9999-12-31T23:59:59Z',
  ]) {
    const answer = await ask<{ figures: { impressions: number } }>('summary', range)
    assert.equal(answer.figures.impressions, 0)
  }
})
