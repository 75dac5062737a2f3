import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RejectedEvent, readRejected } from '../../src/engine/inspector.ts'
import { openLineParser } from '../../src/engine/line-parser.ts'
import { instantiate, loadModule, type ParserExports } from '../../src/engine/wasm.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import { eventOfBytes, eventWith } from '../golden/json/whole-events.ts'
import { openRandom } from '../support/random.ts'
import { parsePlainly } from './both-parsers.ts'
import { randomEvent } from './random-bodies.ts'

const ARRIVAL_US = Date.UTC(2026, 10, 22, 19, 30) * 1000
const GOOD = eventWith('')

/** All events of the lines, read in pieces of so many bytes. */
async function parseInPieces(lines: Uint8Array, pieceBytesMax: number) {
  const engine = instantiate<ParserExports>(await loadModule('engine'))
  const parser = openLineParser(engine, pieceBytesMax)
  const rejected: RejectedEvent[] = []
  let count = 0
  parser.load(lines)
  const next = (): number => parser.next(ARRIVAL_US, KEEPS_ALL_US)
  for (let rows = next(); rows > 0; rows = next()) {
    readRejected(engine, rows, count, rejected)
    count += rows
  }
  return { count, rejected }
}

function parseWhole(lines: Uint8Array) {
  const outcomes = parsePlainly(lines, 'lines', ARRIVAL_US)
  assert.ok(!('unsplittable' in outcomes))
  const rejected = outcomes.flatMap(({ start, end, verdict }, index) =>
    typeof verdict === 'string' ? [{ index, reason: verdict, start, end }] : [],
  )
  return { count: outcomes.length, rejected }
}

test('the line parser reads the same events in pieces of any size', async () => {
  const random = openRandom(7)
  const events = Array.from({ length: 3000 }, () => randomEvent(random))
  const lines = Buffer.from(events.join('\n'), 'latin1')
  const whole = parseWhole(lines)
  for (const pieceBytesMax of [40_000, 65_536, 100_001, lines.length, 1 << 24]) {
    assert.deepEqual(await parseInPieces(lines, pieceBytesMax), whole, `${pieceBytesMax} bytes`)
  }
})

test('a line longer than a piece is rejected, unless it is an event in white space', async () => {
  const texts = [
    GOOD,
    eventOfBytes(100_000),
    `${' '.repeat(90_000)}${GOOD}${'\t'.repeat(90_000)}`,
    ' '.repeat(150_000),
    '',
    GOOD,
    eventOfBytes(200_000),
  ]
  for (const end of ['', '\n', '\r\n']) {
    const lines = Buffer.from(texts.join('\n') + end)
    assert.deepEqual(await parseInPieces(lines, 40_000), parseWhole(lines))
  }
})

test('the line parser reads nothing from nothing', async () => {
  assert.deepEqual(await parseInPieces(Buffer.from(''), 40_000), { count: 0, rejected: [] })
  assert.deepEqual(await parseInPieces(Buffer.from('\n \n'), 40_000), { count: 0, rejected: [] })
})
