/** What a search takes for the same text. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { searchText } from '../../src/dashboard-definition/search-text.ts'

test('case, accents and the Unicode form make no difference', () => {
  const same: readonly (readonly string[])[] = [
    ['München', 'MÜNCHEN', 'Mu\u0308nchen', 'munchen'],
    ['Straße', 'STRASSE', 'strasse'],
    ['ÎLE-DE-FRANCE', 'ile-de-france'],
    ['Ødegård', 'odegard'],
    ['Łódź', 'lodz'],
    ['Œuvre', 'oeuvre'],
    ['İstanbul', 'istanbul', 'ISTANBUL', 'ıstanbul'],
    ['ΟΔΟΣ', 'οδος', 'οδοσ', 'οδός'],
    ['ＳＡＬＥ２０２６', 'sale2026'],
    ['ﬁne', 'FINE'],
    ['ёлка', 'ЕЛКА'],
    ['ΐ', 'ι'],
  ]
  for (const texts of same) {
    for (const text of texts) assert.equal(searchText(text), searchText(texts[0] ?? ''), text)
  }
})

test('different letters stay different', () => {
  const texts = ['sale', 'salt', '春', '夏', 'حملة', '1', '2', 'и', 'n']
  assert.equal(new Set(texts.map(searchText)).size, texts.length)
})

test('NFC and NFD of any text are the same, and folding twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 8 }), (text) => {
      assert.equal(searchText(text.normalize('NFC')), searchText(text.normalize('NFD')))
      assert.equal(searchText(searchText(text)), searchText(text))
    }),
    { numRuns: 2000 },
  )
})
