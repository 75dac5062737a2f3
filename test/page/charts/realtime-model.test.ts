/** Seconds of the stream: zero where nothing came, unknown where nothing was told. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SecondsRing } from '../../../src/page/charts/realtime-model.ts'

const NOW_MS = Date.parse('2026-11-22T10:25:00Z')
const NOW = NOW_MS / 1000

function isoAt(second: number): string {
  return new Date(second * 1000).toISOString()
}

test('before the first message nothing is known', () => {
  const ring = new SecondsRing()
  assert.equal(ring.knownTo, null)
  assert.equal(ring.at(NOW), null)
  assert.deepEqual(ring.between(NOW - 300, NOW), [])
})

test('a second that is over and was not told had no events; one to come is not known', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 0.8), seconds: [[NOW - 3, 30, 1, 0]] })
  assert.deepEqual(ring.at(NOW - 3), [30, 1, 0])
  assert.deepEqual(ring.at(NOW - 2), [0, 0, 0])
  assert.deepEqual(ring.at(NOW - 1), [0, 0, 0])
  assert.equal(ring.at(NOW), null)
})

test('a second that has only just ended is not known yet: more of it may come', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 0.2), seconds: [[NOW - 1, 7, 0, 0]] })
  assert.equal(ring.at(NOW - 1), null)
  ring.merge({ now: isoAt(NOW + 0.6), seconds: [[NOW - 1, 9, 0, 0]] })
  assert.deepEqual(ring.at(NOW - 1), [9, 0, 0])
})

test('a second told again replaces what was told before', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 1), seconds: [[NOW - 1, 10, 0, 0]] })
  ring.merge({ now: isoAt(NOW + 2), seconds: [[NOW - 1, 14, 1, 0]] })
  assert.deepEqual(
    ring.between(NOW - 1, NOW + 5).map(({ at, counts }) => [at, ...counts]),
    [
      [NOW - 1, 14, 1, 0],
      [NOW, 0, 0, 0],
    ],
  )
})

test('three hundred seconds are kept', () => {
  const ring = new SecondsRing()
  const seconds = Array.from({ length: 400 }, (_, index) => [NOW - 400 + index, 1, 0, 0] as const)
  ring.merge({ now: isoAt(NOW + 0.5), seconds })
  assert.equal(ring.at(NOW - 301), null)
  assert.deepEqual(ring.at(NOW - 300), [1, 0, 0])
  assert.equal(ring.between(NOW - 1000, NOW + 1000).length, 300)
})

test('a server that comes back a little behind does not take known seconds back', () => {
  const ring = new SecondsRing()
  ring.merge({ now: isoAt(NOW + 10), seconds: [[NOW + 5, 3, 0, 0]] })
  ring.merge({ now: isoAt(NOW + 8), seconds: [] })
  assert.deepEqual(ring.at(NOW + 5), [3, 0, 0])
  assert.equal(ring.knownTo, NOW + 9)
})
