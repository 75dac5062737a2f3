import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { JSON_GROUPS } from '../golden/json/groups.ts'
import { ARRIVAL_US, REVENUES, TIMESTAMPS } from '../golden/json/values.ts'
import { eventOfBytes, eventWith } from '../golden/json/whole-events.ts'
import { assertSame, type EngineUnderTest, type Outcome, openEngine } from './both-parsers.ts'

const GOOD = eventWith('')

let engine: EngineUnderTest

before(async () => {
  engine = await openEngine()
})

/**
 * Each case alone, as a line between two good lines, and as an element between two good elements.
 */
for (const [title, cases, event] of JSON_GROUPS) {
  test(`${title}: the engine decides as the RFC and the reference parser`, () => {
    for (const { name, bytes, verdict } of cases) {
      const text = event(bytes)
      const [alone] = outcomes(text, 'object', name)
      assert.equal(codeOf(alone), verdict, name)
      const inArray = outcomes(`[${GOOD},${text} , ${GOOD}]`, 'array', name)
      if (verdict === 'accepted') assert.deepEqual(inArray.map(codeOf), Array(3).fill('accepted'))
      if (text.includes('\n')) continue
      const lines = outcomes(`${GOOD}\n${text}\n${GOOD}`, 'lines', name)
      assert.deepEqual(lines.map(codeOf), ['accepted', verdict, 'accepted'], name)
    }
  })
}

function outcomes(
  text: string,
  form: 'array' | 'lines' | 'object',
  name: string,
): readonly Outcome[] {
  try {
    const all = assertSame(engine, Buffer.from(text, 'latin1'), form, ARRIVAL_US)
    return 'unsplittable' in all ? [] : all
  } catch (cause) {
    throw new Error(`${name}, as ${form}: ${text.slice(0, 300)}`, { cause })
  }
}

function codeOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'none'
  return typeof outcome.verdict === 'string' ? outcome.verdict : 'accepted'
}

test('the engine reads every timestamp as counted by hand, in whatever order they come', () => {
  const lines = TIMESTAMPS.map(([timestamp]) => fieldsWith({ timestamp }))
  const expected = TIMESTAMPS.map(([, value]) => value)
  assert.deepEqual(read(lines, 'timestampUs'), expected)
  assert.deepEqual(read(lines.toReversed(), 'timestampUs'), expected.toReversed())
})

test('the engine reads timestamps with escapes', () => {
  const line = GOOD.replace('2026-11-22T19:30:00Z', String.raw`2026\u002d11-22T19:30:00.5\u005a`)
  assert.deepEqual(read([line], 'timestampUs'), [1_795_375_800_500_000])
})

test('every revenue is read to the nearest double and to millionths of its shortest form', () => {
  const lines = REVENUES.map(([text]) => eventWith(`"revenue":${text}`))
  const doubles = read(lines, 'revenue')
  for (const [index, [text, revenue]] of REVENUES.entries()) {
    assert.ok(Object.is(doubles[index], revenue), `${text} is ${doubles[index]}`)
  }
  const millionths = REVENUES.map(([, , value]) => value)
  assert.deepEqual(read(lines, 'millionths'), millionths)
})

test('the engine reads keys in any order and spacing, each right after any other', () => {
  const fields = Object.entries(JSON.parse(eventWith('"revenue":1,"platform":"web"')))
  const lines: string[] = []
  for (let turn = 0; turn < fields.length; turn++) {
    const turned = Object.fromEntries([...fields.slice(turn), ...fields.slice(0, turn)])
    lines.push(JSON.stringify(turned))
    lines.push(JSON.stringify(turned, null, 1).replaceAll('\n', ' '))
    lines.push(JSON.stringify(turned).replaceAll('":', '" :\t '))
  }
  assert.deepEqual(new Set(read([...lines, ...lines], 'eventId')), new Set(['e1']))
})

test('a key that is only spaced differently is read, and one that another begins with', () => {
  const lines = [':', ': ', ' :', ':\t\t', ':'].map((colon) => GOOD.replaceAll('":', `"${colon}`))
  assert.deepEqual(read(lines, 'eventId'), Array(5).fill('e1'))
})

function read(
  lines: readonly string[],
  value: 'eventId' | 'timestampUs' | 'revenue' | 'millionths',
) {
  const all = assertSame(engine, Buffer.from(lines.join('\n')), 'lines', ARRIVAL_US)
  assert.ok(!('unsplittable' in all))
  return all.map(({ verdict }) => (typeof verdict === 'string' ? verdict : verdict[value]))
}

function fieldsWith(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...JSON.parse(GOOD), ...fields })
}

test('a text that was met before means nothing where it does not belong', async () => {
  const fresh = await openEngine()
  const bad = [
    GOOD.replace(',"user_id"', '{"user_id"'),
    GOOD.replace(',"user_id":', '{"event_id":'),
    `,${GOOD.slice(1)}`,
    `${GOOD.slice(0, -1)}{"event_id":"e2"}`,
    `${GOOD.slice(0, -1)},}`,
    `{}${GOOD.slice(1)}`,
  ]
  const turned = `{"user_id":"u1",${GOOD.slice(1).replace(',"user_id":"u1"', '')}`
  const body = Buffer.from([GOOD, turned, ...bad, GOOD, ...bad].join('\n'))
  const all = assertSame(fresh, body, 'lines', ARRIVAL_US)
  assert.ok(!('unsplittable' in all))
  const badCodes = Array(6).fill('syntax')
  assert.deepEqual(all.map(codeOf), ['accepted', 'accepted', ...badCodes, 'accepted', ...badCodes])
})

test('bodies of more than a block keep their order and their byte ranges', () => {
  for (const count of [1023, 1024, 1025, 2048, 5000]) {
    const events = Array.from({ length: count }, (_, index) =>
      index % 7 === 3 ? `{"bad":${index}` : fieldsWith({ event_id: `e${index}` }),
    )
    const lines = outcomes(events.join(' \r\n\n '), 'lines', `${count} lines`)
    assert.equal(lines.length, count)
    const sound = events.filter((event) => event.endsWith('}'))
    const elements = outcomes(`[${sound.join(' , ')}]`, 'array', `${count} elements`)
    assert.deepEqual(new Set(elements.map(codeOf)), new Set(['accepted']))
  }
})

test('line feeds learned between tokens are not taken for white space in lines', () => {
  const pretty = JSON.stringify(JSON.parse(GOOD), null, 2)
  assert.equal(codeOf(outcomes(`[${pretty},${pretty}]`, 'array', 'pretty')[1]), 'accepted')
  assert.deepEqual(
    new Set(outcomes(`${pretty}\n${pretty}`, 'lines', 'pretty lines').map(codeOf)),
    new Set(['syntax']),
  )
  assert.equal(codeOf(outcomes(pretty, 'object', 'pretty object')[0]), 'accepted')
})

test('thousands of different unknown keys stay right when nothing more can be learned', () => {
  for (let round = 0; round < 8; round++) {
    const lines = Array.from({ length: 1000 }, (_, index) =>
      eventWith(`"k${round}_${index}":"${index}","l${(index * 7919) % 1000}":null`),
    )
    const all = outcomes(lines.join('\n'), 'lines', 'unknown keys')
    assert.deepEqual(new Set(all.map(codeOf)), new Set(['accepted']))
  }
})

test('bodies may hold an event of any size, which spoils no neighbour', () => {
  const large = eventOfBytes(200_000)
  for (const form of ['lines', 'array'] as const) {
    const events = [GOOD, large, GOOD, large.slice(0, -1), GOOD]
    const text = form === 'lines' ? events.join('\n') : `[${events.slice(0, 3).join(',')}]`
    const expected = ['accepted', 'too-large', 'accepted', 'too-large', 'accepted']
    const all = outcomes(text, form, 'large')
    assert.deepEqual(all.map(codeOf), expected.slice(0, all.length))
  }
})

test('bodies that cannot be split are told apart as the reference splitter does', () => {
  for (const body of [
    '',
    ' ',
    '{}',
    '[',
    '[1',
    '[1,',
    '[1}',
    '[1]x',
    '[1]]',
    '["',
    '["\\"]',
    '[[]',
  ]) {
    const plain = assertSame(engine, Buffer.from(body), 'array', ARRIVAL_US)
    assert.ok('unsplittable' in plain, body)
  }
  assert.deepEqual(assertSame(engine, Buffer.from(' \n'), 'object', ARRIVAL_US), {
    unsplittable: 'empty',
  })
})
