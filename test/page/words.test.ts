/** What the page says: how fresh it is, what a campaign is called, how to send the first event. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEvent } from '../../src/event.ts'
import {
  campaignIdText,
  campaignText,
  isCampaignFound,
  learnNames,
  onNames,
  valueText,
} from '../../src/page/campaign-name.ts'
import { createFormat } from '../../src/page/format.ts'
import { ageText, fillingText, freshnessText } from '../../src/page/freshness.ts'
import { pageStateOf } from '../../src/page/page-state.ts'
import { curlCommand } from '../../src/page/states.ts'
import { openValueNames } from '../../src/page/value-names.ts'

const NOW = Date.parse('2026-11-22T10:26:00Z')
const format = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: null })

test('freshness says when the figures were updated, and since when nothing came', () => {
  const told = {
    completeTo: '2026-11-22T10:25:00Z',
    committedAt: '2026-11-22T10:25:59.400Z',
    secondsBehind: 1,
    stored: 7,
  }
  const text = (more: Partial<typeof told> | Readonly<{ committedAt: null }>): string =>
    freshnessText({ ...told, ...more }, NOW, format)
  assert.equal(text({}), 'Updated just now')
  assert.equal(text({ committedAt: '2026-11-22T10:25:48Z' }), 'Updated 12 s ago')
  assert.equal(text({ committedAt: '2026-11-22T10:14:00Z' }), 'Updated 12 min ago')
  assert.equal(text({ committedAt: '2026-11-22T09:14:00Z' }), 'No new events since 09:14')
  assert.equal(text({ committedAt: '2026-11-20T08:00:00Z' }), 'No new events since 20 Nov 08:00')
  assert.equal(text({ committedAt: null }), 'Up to date')
  assert.equal(text({ secondsBehind: 130 }), 'Catching up, 2 min behind')
  const unknown = { completeTo: null, committedAt: null, secondsBehind: 0 }
  assert.equal(freshnessText({ ...unknown, stored: 0 }, NOW, format), 'Waiting for the first event')
  const restarted = { ...unknown, stored: 7, secondsBehind: 40 }
  assert.equal(freshnessText(restarted, NOW, format), 'Catching up')
})

test('what of a range is in progress is said with its day where that is not the last one', () => {
  const toMs = Date.parse('2026-11-22T10:30:00Z')
  const from = (text: string) => Date.parse(text)
  const filling = (completeMs: number, fromMs = from('2026-11-15T10:30:00Z')) =>
    fillingText(format, { fromMs, toMs, completeMs })
  assert.equal(filling(from('2026-11-22T10:25:00Z')), 'In progress from 10:25')
  assert.equal(filling(from('2026-11-20T08:00:00Z')), 'In progress from 20 Nov 08:00')
  assert.equal(filling(from('2026-11-14T00:00:00Z')), 'In progress')
})

test('ages are as exact as one can use', () => {
  const cases: readonly [number, string][] = [
    [-500, '0.0 s'],
    [640, '0.6 s'],
    [9940, '9.9 s'],
    [9960, '10 s'],
    [99_000, '99 s'],
    [150_000, '3 min'],
    [5_940_000, '99 min'],
    [6_100_000, '2 h'],
    [180_000_000, '2 d'],
    [Number.NaN, '–'],
  ]
  for (const [ms, text] of cases) assert.equal(ageText(ms), text)
})

test('a campaign is called what its id says, and one that shows as nothing is described', () => {
  for (const id of ['spring', '<img src=x onerror=alert(1)>', '=1+1', ' a ', 'شتاء', '🎉']) {
    assert.equal(campaignText(id), id)
  }
  assert.equal(campaignText('  '), '(invisible: U+0020 U+0020)')
  assert.equal(campaignText('\u200b'), '(invisible: U+200B)')
  assert.equal(campaignText('\u2800\u00a0'), '(invisible: U+2800 U+00A0)')
  assert.equal(campaignText('\t'.repeat(9)), '(invisible: U+0009 U+0009 U+0009 U+0009 …)')
  assert.equal(valueText(''), 'Not set')
  assert.equal(valueText('AT'), 'AT')
})

test('a campaign with a name is shown by it, with its id where another has the same name', () => {
  let times = 0
  onNames(() => times++)
  learnNames({ names: { '101': 'Spring', '102': 'Autumn', '103': null } })
  assert.deepEqual(['101', '102', '103'].map(campaignText), ['Spring', 'Autumn', '103'])
  assert.deepEqual(['101', '103'].map(campaignIdText), ['101', ''])
  learnNames({ names: { '101': 'Spring', '102': 'Autumn' } })
  assert.equal(times, 1, 'nothing new')
  learnNames({ names: { '102': 'Spring', '104': '\u200b', __proto__: null } })
  assert.equal(campaignText('101'), 'Spring (101)')
  assert.equal(campaignText('102'), 'Spring (102)')
  assert.equal(campaignText('104'), '(invisible: U+200B)')
  learnNames({ names: { '102': null } })
  assert.deepEqual(['101', '102'].map(campaignText), ['Spring', '102'])
  assert.equal(times, 3)
})

test('a campaign is found by its name and by its id', () => {
  learnNames({ names: { '12021234567890777': 'Frühling' } })
  for (const search of ['fruhling', 'FRÜH', '890777', '']) {
    assert.ok(isCampaignFound('12021234567890777', search), search)
  }
  assert.ok(!isCampaignFound('12021234567890777', 'herbst'))
})

test('the first event that the page proposes is one that is accepted', () => {
  const command = curlCommand('http://localhost:8088', false, NOW)
  assert.match(command, /^curl http:\/\/localhost:8088\/v1\/events \\\n/)
  assert.doesNotMatch(command, /Authorization/)
  const body = /-d '([^']*)'$/.exec(command)?.[1] ?? ''
  const parsed = parseEvent(Buffer.from(body), NOW * 1000)
  assert.ok(!('reason' in parsed), JSON.stringify(parsed))
  const signedIn = curlCommand('http://localhost:8088', true, NOW)
  assert.match(signedIn, /-H "Authorization: Bearer \$WRITE_KEY" \\\n/)
})

test('the page’s face in every case', () => {
  const facts = {
    shown: 'none' as const,
    stored: null,
    failure: null,
    startedMs: 0,
    nowMs: 100,
  }
  const failure = { isFinal: false, sinceMs: 100 }
  assert.equal(pageStateOf(facts), 'loading')
  assert.equal(pageStateOf({ ...facts, failure }), 'loading', 'a server that is just starting')
  assert.equal(pageStateOf({ ...facts, failure, nowMs: 3100 }), 'error')
  assert.equal(pageStateOf({ ...facts, failure: { ...failure, isFinal: true } }), 'error')
  const some = { ...facts, shown: 'some' as const, stored: 1 }
  assert.equal(pageStateOf(some), 'loading')
  assert.equal(pageStateOf({ ...some, failure }), 'loading')
  assert.equal(pageStateOf({ ...some, failure, nowMs: 3100 }), 'ready', 'one part fails')
  const shown = { ...facts, shown: 'all' as const }
  assert.equal(pageStateOf(shown), 'loading', 'it may be empty: the stream will tell')
  assert.equal(pageStateOf({ ...shown, nowMs: 2000 }), 'ready')
  assert.equal(pageStateOf({ ...shown, stored: 0 }), 'empty')
  assert.equal(pageStateOf({ ...shown, stored: 0, failure, nowMs: 9000 }), 'empty')
  assert.equal(pageStateOf({ ...shown, stored: 1 }), 'ready')
  assert.equal(pageStateOf({ ...shown, stored: 1, failure, nowMs: 9000 }), 'ready')
})

test('countries are called in the reader’s language, and codes that are none as they are', () => {
  const [english, german] = [openValueNames('en-GB'), openValueNames('de')]
  assert.deepEqual(english('country', 'DE'), { text: 'Germany', code: 'DE' })
  assert.deepEqual(german('country', 'at'), { text: 'Österreich', code: 'at' })
  assert.deepEqual(english('country', 'ZZ'), { text: 'Unknown Region', code: 'ZZ' })
  for (const value of ['XQ', 'Germany', 'D', '=1', '4', 'D3', 'constructor'])
    assert.deepEqual(english('country', value), { text: value, code: '' })
  assert.deepEqual(english('country', ''), { text: 'Not set', code: '' })
  assert.deepEqual(english('device', 'DE'), { text: 'DE', code: '' })
})
