/**
 * The demo's traffic: the same from the same seed, accepted by the rules, and shaped like the real
 * thing.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTraffic, type TrafficOptions } from '../../src/demo-traffic.ts'
import { parseEvent } from '../../src/event.ts'

/** 2026-01-01T00:00:00Z */
const START_US = 1_767_225_600_000_000
const OPTIONS: TrafficOptions = {
  seed: 42,
  startUs: START_US,
  eventsPerSecond: 1000,
  events: 200_000,
}

type Line = Readonly<{ text: string; sentUs: number }>

function linesOf(options: TrafficOptions): Line[] {
  const lines: Line[] = []
  for (const chunk of makeTraffic(options)) {
    const texts = new TextDecoder().decode(chunk.bytes).split('\n')
    assert.equal(texts.pop(), '', 'a chunk ends with a line feed')
    assert.equal(texts.length, chunk.events)
    for (const text of texts) lines.push({ text, sentUs: chunk.sentUs })
  }
  return lines
}

test('a seed gives the same bytes every time, another seed gives others', () => {
  const few = { ...OPTIONS, events: 3000 }
  assert.deepEqual(linesOf(few), linesOf(few))
  const [first, second] = [linesOf(few), linesOf({ ...few, seed: 43 })]
  assert.notEqual(first[0]?.text, second[0]?.text)
})

test('as many events come as were asked for, at an even rate', () => {
  const lines = linesOf({ ...OPTIONS, events: 2500 })
  assert.equal(lines.length, 2500)
  assert.equal(lines.at(-1)?.sentUs, START_US + 2_499_000)
})

test('every event is accepted by the reference parser at the time it is sent', () => {
  for (const { text, sentUs } of linesOf({ ...OPTIONS, events: 20_000 })) {
    const event = parseEvent(Buffer.from(text), sentUs)
    assert.ok('eventId' in event, `${JSON.stringify(event)}: ${text}`)
  }
})

test('traffic has the shape of an advertising funnel, with late events and repeats', () => {
  const lines = linesOf(OPTIONS)
  const ids = new Set<string>()
  const campaigns = new Set<string>()
  const counts = { impression: 0, click: 0, conversion: 0 }
  let late = 0
  let revenue = 0
  let bytes = 0
  for (const { text, sentUs } of lines) {
    const event = JSON.parse(text)
    ids.add(event.event_id)
    campaigns.add(event.campaign_id)
    counts[event.event_type as keyof typeof counts] += 1
    revenue += event.revenue
    bytes += text.length + 1
    if (sentUs / 1000 - Date.parse(event.timestamp) > 250_000) late += 1
    assert.equal(event.revenue > 0, event.event_type === 'conversion', text)
  }
  const share = (part: number, whole: number): number => part / whole
  assert.equal(campaigns.size, 50)
  assert.ok(share(counts.click, counts.impression) > 0.02)
  assert.ok(share(counts.click, counts.impression) < 0.04)
  assert.ok(share(counts.conversion, counts.click) > 0.03)
  assert.ok(share(counts.conversion, counts.click) < 0.1)
  assert.ok(revenue > 0)
  assert.ok(share(late, lines.length) > 0.001 && share(late, lines.length) < 0.004)
  const repeats = lines.length - ids.size
  assert.ok(share(repeats, lines.length) > 0.001 && share(repeats, lines.length) < 0.004)
  assert.ok(share(bytes, lines.length) > 220 && share(bytes, lines.length) < 260)
})

test('no repeats and no late events come when none are asked for', () => {
  const lines = linesOf({ ...OPTIONS, events: 20_000, repeatShare: 0, lateShare: 0 })
  assert.equal(new Set(lines.map(({ text }) => text)).size, lines.length)
  assert.ok(
    lines.every(
      ({ text, sentUs }) => sentUs / 1000 - Date.parse(JSON.parse(text).timestamp) < 3000,
    ),
  )
})
