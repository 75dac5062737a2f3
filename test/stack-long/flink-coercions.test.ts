/**
 * What Flink's JSON format makes of records that nobody checked: docs/flink-coercions.md, each line
 * of it, on a real job.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRejectedMover } from '../../src/flink.ts'
import { listRejected, openRejected } from '../../src/rejected.ts'
import { type FlinkPlace, type FlinkStack, openFlinkStack } from '../stack/support/flink-stack.ts'

/** A stored row's field, or the reason for its rejection. */
type Outcome = Readonly<{ field: string; is: string | number | null } | { rejected: string }>
type Case = Readonly<{ what: string; value: string | Uint8Array | null; becomes: Outcome }>

const BASE =
  '"user_id":"u","campaign_id":"c","event_type":"click","timestamp":"2026-11-20T10:00:00Z"'
const NINE = `${BASE},"revenue":1,"platform":"p","country":"k","device_type":"d"`
const cases: Case[] = []

function add(
  what: string,
  becomes: Outcome,
  make: (id: string) => string | Uint8Array | null,
): void {
  cases.push({ what, value: make(`"event_id":"case-${cases.length}"`), becomes })
}
const is = (field: string, value: string | number | null): Outcome => ({ field, is: value })
const rejected = (reason: string): Outcome => ({ rejected: reason })
const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
  )

// Stored, where the embedded job rejects.
add('a number for a string', is('user_id', '5'), (id) => `{${id},${BASE.replace('"u"', '5')}}`)
add('true for a string', is('platform', 'true'), (id) => `{${id},${BASE},"platform":true}`)
add('an array for a string', is('country', '["DE"]'), (id) => `{${id},${BASE},"country":["DE"]}`)
add(
  'an object for a string',
  is('device_type', '{"a":1}'),
  (id) => `{${id},${BASE},"device_type":{"a":1}}`,
)
add('a string for revenue', is('revenue', 5), (id) => `{${id},${BASE},"revenue":"5"}`)
add('a lone surrogate', is('platform', '?'), (id) => `{${id},${BASE},"platform":"\\ud800"}`)
add(
  'a control character',
  is('platform', 'a\u0001b'),
  (id) => `{${id},${BASE},"platform":"a\u0001b"}`,
)
add('a line feed in a string', is('platform', 'a\nb'), (id) => `{${id},${BASE},"platform":"a\nb"}`)
add('a byte order mark', is('user_id', 'u'), (id) => `\ufeff{${id},${BASE}}`)
add('behind the object', is('user_id', 'u'), (id) => `{${id},${BASE}} x`)
add('two objects', is('user_id', 'u'), (id) => `{${id},${BASE}}{${id},${BASE}}`)
add('a brace too many', is('user_id', 'u'), (id) => `{${id},${BASE}}}`)
add('40 KB', is('user_id', 'u'), (id) => `{${id},${BASE},"z":"${'x'.repeat(40_000)}"}`)
add('65 deep', is('user_id', 'u'), (id) => `{${id},${BASE},"z":${'['.repeat(64)}${']'.repeat(64)}}`)
add('an overlong NUL', is('platform', '\u0000'), (id) =>
  bytes(`{${id},${BASE},"platform":"`, [0xc0, 0x80], '"}'),
)
add('a surrogate in UTF-8', is('platform', '?'), (id) =>
  bytes(`{${id},${BASE},"platform":"`, [0xed, 0xa0, 0x80], '"}'),
)
// Stored by both.
add('a key twice', is('platform', 'b'), (id) => `{${id},${BASE},"platform":"a","platform":"b"}`)
add('a key twice behind all nine', is('platform', 'z'), (id) => `{${id},${NINE},"platform":"z"}`)
add('-0', is('revenue', 0), (id) => `{${id},${BASE},"revenue":-0}`)
add('null', is('revenue', 0), (id) => `{${id},${BASE},"revenue":null}`)
add(
  'a pair of surrogates',
  is('platform', '😀'),
  (id) => `{${id},${BASE},"platform":"\\ud83d\\ude00"}`,
)
add('white space around', is('user_id', 'u'), (id) => ` \t{${id},${BASE}}\r\n`)
add(
  '64 bytes of UTF-8',
  is('country', 'é'.repeat(32)),
  (id) => `{${id},${BASE},"country":"${'é'.repeat(32)}"}`,
)
add('an array of objects', is('user_id', 'u'), (id) => `[{${id},${BASE}}]`)
// Rejected by both.
add('an empty array', rejected('not-object'), () => '[]')
add('an array of numbers', rejected('not-object'), () => ' [1]')
add('a text', rejected('not-object'), () => '"x"')
add(
  '65 bytes of UTF-8',
  rejected('country-length'),
  (id) => `{${id},${BASE},"country":"${'é'.repeat(32)}a"}`,
)
for (const revenue of [
  'true',
  '[]',
  '[1]',
  '{}',
  '{"revenue":5}',
  '"abc"',
  '"NaN"',
  '"5d"',
  '" 5 "',
  '""',
]) {
  add(
    `revenue ${revenue}`,
    rejected('revenue-not-number'),
    (id) => `{${id},${BASE},"revenue":${revenue}}`,
  )
}
for (const revenue of ['1e400', '-1e400', '1000000000.0000001']) {
  add(
    `revenue ${revenue}`,
    rejected('revenue-range'),
    (id) => `{${id},${BASE},"revenue":${revenue}}`,
  )
}
for (const revenue of ['NaN', 'Infinity', '01', '+1', '.5', '1.', '-', '1e']) {
  add(`revenue ${revenue}`, rejected('syntax'), (id) => `{${id},${BASE},"revenue":${revenue}}`)
}
add(
  'null for a string',
  rejected('user-id-not-string'),
  (id) => `{${id},${BASE.replace('"u"', 'null')}}`,
)
add('no user', rejected('user-id-missing'), (id) => `{${id},${BASE.replace('"user_id":"u",', '')}}`)
add(
  'an unknown type',
  rejected('event-type-unknown'),
  (id) => `{${id},${BASE.replace('click', 'view')}}`,
)
add('an empty value', rejected('syntax'), () => '')
add('a tombstone', rejected('syntax'), () => null)
add('cut short', rejected('syntax'), (id) => `{${id},${BASE}`)
add('a comma too many', rejected('syntax'), (id) => `{${id},${BASE},}`)
add('bytes that are no UTF-8', rejected('utf8'), (id) =>
  bytes(`{${id},${BASE},"z":"`, [0xff], '"}'),
)
add(
  '1200 deep',
  rejected('depth'),
  (id) => `{${id},${BASE},"z":${'['.repeat(1200)}${']'.repeat(1200)}}`,
)
add('a name of 60 KB', rejected('too-large'), (id) => `{"${'k'.repeat(60_000)}":1,${id},${BASE}}`)
// Rejected by Flink alone: the parser finds nothing, so the reason is Flink's.
for (const digits of ['1'.repeat(1500), `0.${'1'.repeat(1500)}`]) {
  add('a number of 1500 digits', rejected('syntax'), (id) => `{${id},${BASE},"z":${digits}}`)
}

let flink: FlinkStack
let place: FlinkPlace
let directory: string
before(async () => {
  flink = await openFlinkStack()
  place = await flink.place()
  directory = await mkdtemp(join(tmpdir(), 'flink-coercions-'))
})
after(async () => {
  await flink.close()
  await rm(directory, { recursive: true })
})

test('each record is stored as documented or kept as rejected, once, never both', async () => {
  await place.send(
    cases.map(({ value }) => value),
    0,
  )
  const job = place.openJob()
  await job.ensureRunning()
  const stored = cases.filter(({ becomes }) => 'field' in becomes).length
  await place.awaitStored(stored)
  const kept = await moveAll(cases.length - stored)
  const rows = await place.query(
    'SELECT event_id, user_id, platform, country, device_type, revenue FROM campaign_events',
  )
  const fields = ['user_id', 'platform', 'country', 'device_type', 'revenue']
  const found = cases.map(({ what }, offset) => {
    const row = rows.find(([id]) => id === `case-${offset}`)
    const reasons = kept.filter((one) => one.offset === offset).map(({ reason }) => reason)
    const { becomes } = cases[offset] as Case
    const at = 'field' in becomes ? fields.indexOf(becomes.field) + 1 : -1
    return { what, stored: row === undefined ? undefined : at < 0 ? 'stored' : row[at], reasons }
  })
  const expected = cases.map(({ what, becomes }) =>
    'field' in becomes
      ? { what, stored: becomes.is, reasons: [] }
      : { what, stored: undefined, reasons: [becomes.rejected] },
  )
  assert.deepEqual(found, expected)
  const ids = cases.flatMap(({ becomes }, offset) => ('field' in becomes ? [`case-${offset}`] : []))
  assert.deepEqual(rows.map(([id]) => String(id)).sort(), ids.sort())
  for (const { offset, bytes: raw } of kept) {
    assert.deepEqual(Buffer.from(raw), Buffer.from(cases[offset ?? -1]?.value ?? ''))
  }
  await job.close()
})

async function moveAll(count: number) {
  const nowUs = (): number => Date.now() * 1000
  const store = await openRejected({ directory, source: 'job', bytesMax: 2 ** 24, nowUs })
  const readRecord = async ({ offset }: Readonly<{ offset: number }>) =>
    Buffer.from(cases[offset]?.value ?? '')
  const mover = openRejectedMover({ from: place.rejectedDirectory, directory, store, readRecord })
  for (let tries = 0; tries < 120 && store.stats().total < count; tries++) {
    await mover.move()
    await sleep(500)
  }
  await store.close()
  const kept = []
  for await (const event of listRejected(directory)) kept.push(event)
  return kept
}
