/**
 * Numbers as the reader's language writes them, times in the configured zone, and never a
 * misleading digit.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFormat, readLocale, tileText } from '../../src/page/format.ts'

const english = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: null })
const german = createFormat({ locale: 'de-DE', timezone: 'Europe/Vienna', currency: null })
const at = (text: string): number => Date.parse(text)

test('figures have the digits and the unit of their measure', () => {
  assert.equal(english.figure('impressions', 1234567), '1,234,567')
  assert.equal(english.figure('ctr', 2.3149), '2.31%')
  assert.equal(english.figure('revenue', -1234.5), '-1,234.50')
  assert.equal(english.figure('revenuePerClick', 0.9151), '0.915')
  assert.equal(german.figure('impressions', 1234567), '1.234.567')
  assert.equal(german.figure('ctr', 2.3149), '2,31%')
})

test('money has the currency, its digits from 1 up, and those of the measure below', () => {
  const euro = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: 'EUR' })
  const deutsch = createFormat({ locale: 'de-DE', timezone: 'UTC', currency: 'EUR' })
  const yen = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: 'JPY' })
  assert.equal(euro.figure('revenue', -1234.5), '-€1,234.50')
  assert.equal(euro.figure('revenuePerClick', 0.9151), '€0.915')
  assert.equal(euro.figure('revenuePerClick', 12.3456), '€12.35')
  assert.equal(euro.figure('clicks', 1234), '1,234')
  assert.equal(euro.compact('revenue', 1_234_567.8), '€1.23m')
  assert.equal(tileText(euro, 'revenue', 406_716.51), '€406,717')
  assert.equal(deutsch.figure('revenue', 1234.5), '1.234,50\u00a0€')
  assert.equal(yen.figure('revenue', 1234.5), '¥1,235')
  assert.equal(yen.figure('revenuePerClick', 0.25), '¥0.250')
  assert.equal(yen.figure('revenue', 0), '¥0')
  const dinar = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: 'KWD' })
  assert.equal(dinar.figure('revenue', 1234.5), 'KWD\u00a01,234.500')
  assert.equal(dinar.figure('revenue', 0.25), 'KWD\u00a00.250')
  assert.equal(dinar.figure('revenue', 0), 'KWD\u00a00.000')
  assert.equal(tileText(dinar, 'revenue', 406_716.51), 'KWD\u00a0406,717')
  assert.equal(english.figure('revenuePerClick', 12.3456), '12.35')
})

test('an amount below 1 has as many decimals as it needs to show', () => {
  const shown: readonly (readonly [amount: number, text: string])[] = [
    [0, '€0.00'],
    [0.5, '€0.50'],
    [0.05, '€0.05'],
    [0.056, '€0.056'],
    [0.004, '€0.004'],
    [-0.004, '-€0.004'],
    [0.0043, '€0.0043'],
    [0.000012, '€0.000012'],
    [0.0000001, '€0.00'],
    [0.999, '€1.00'],
    [1.004, '€1.00'],
  ]
  const euro = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: 'EUR' })
  for (const [amount, text] of shown) assert.equal(euro.figure('revenue', amount), text)
  assert.equal(euro.figure('revenuePerClick', 0.00041), '€0.00041')
})

test('nothing is a dash, and what rounds to zero has no sign', () => {
  assert.equal(english.figure('ctr', null), '–')
  assert.equal(english.compact('revenue', null), '–')
  assert.equal(english.figure('revenue', -0.0000004), '0.00')
  assert.equal(english.figure('revenue', -0), '0.00')
})

test('an axis has three digits, but for small numbers', () => {
  assert.equal(english.compact('impressions', 9999), '9,999')
  assert.equal(english.compact('impressions', 12_345), '12.3k')
  assert.equal(english.compact('revenue', 1_234_567.8), '1.23m')
  assert.equal(german.compact('impressions', 12_345_678), '12,3\u00a0Mio.')
})

test('a tile shows every event up to ten millions, and cents up to a hundred thousand', () => {
  assert.equal(tileText(english, 'impressions', 9_999_999), '9,999,999')
  assert.equal(tileText(english, 'impressions', 12_345_678), '12.3m')
  assert.equal(tileText(english, 'revenue', 99_999.99), '99,999.99')
  assert.equal(tileText(english, 'revenue', 406_716.51), '406,717')
  assert.equal(tileText(english, 'revenue', -406_716.51), '-406,717')
  assert.equal(tileText(english, 'ctr', null), '–')
})

test('a change has its sign in words that need no colour', () => {
  assert.equal(english.change(4.24), '+4.2%')
  assert.equal(english.change(-12.37), '−12.4%')
  assert.equal(english.change(0), '0.0%')
  assert.equal(english.change(-0.04), '0.0%')
  assert.equal(english.change(1177.4), '+1,177%')
  assert.equal(english.change(123_456), '>+9,999%')
  assert.equal(english.change(-123_456), '<−9,999%')
})

test('times are told in the zone, on a clock of 24 hours', () => {
  assert.equal(english.time(at('2026-11-22T00:05:00Z')), '00:05')
  assert.equal(english.timeWithSeconds(at('2026-11-22T23:59:07Z')), '23:59:07')
  assert.equal(english.dayTime(at('2026-11-22T10:25:00Z')), '22 Nov 10:25')
  assert.equal(german.time(at('2026-11-22T23:30:00Z')), '00:30')
  const american = createFormat({ locale: 'en-US', timezone: 'UTC', currency: null })
  assert.equal(american.time(at('2026-11-22T00:05:00Z')), '00:05')
  assert.equal(american.dayTime(at('2026-11-22T22:25:00Z')), 'Nov 22 22:25')
})

test('a span says the day twice only where it differs in the zone', () => {
  const from = at('2026-11-22T22:00:00Z')
  const to = at('2026-11-22T23:30:00Z')
  assert.equal(english.span(from, to), '22 Nov 22:00–23:30')
  assert.match(german.span(from, to), /^22\. Nov\.? 23:00 – 23\. Nov\.? 00:30$/)
})

test('any language of a browser gives one that Intl takes (F35)', () => {
  const of = (...languages: readonly string[]): string => readLocale({ languages })
  assert.equal(of('de-DE', 'en'), 'de-DE')
  for (const wrong of ['C', '', 'undefined-', 'POSIX_', 'x']) {
    assert.equal(of(wrong, 'fr-FR'), 'fr-FR', wrong)
    assert.equal(of(wrong), 'en', wrong)
    assert.equal(readLocale({ language: wrong }), 'en', wrong)
  }
  assert.equal(of('en-US@posix'), 'en-US')
  assert.equal(of('de_DE.UTF-8'), 'de-DE')
  assert.equal(of(), 'en')
  assert.equal(readLocale({}), 'en')
  assert.equal(readLocale({ languages: [], language: 'it' }), 'it')
  assert.equal(readLocale({ language: 'pt-BR' }), 'pt-BR')
})
