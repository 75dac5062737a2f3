/** What no value of a field can show: events as a whole, by docs/events-and-tables.md. */
import { accept, either, type JsonCase, reject } from './case.ts'

const FIELDS =
  '"event_id":"e1","user_id":"u1","campaign_id":"c1","event_type":"click",' +
  '"timestamp":"2026-11-22T19:30:00Z"'

/** A sound event with `more` inside its braces, behind its fields. */
export function eventWith(more: string): string {
  return `{${FIELDS}${more === '' ? '' : `,${more}`}}`
}

/** A sound event of exactly so many bytes. */
export function eventOfBytes(bytes: number): string {
  const rest = bytes - eventWith('"x":""').length
  return eventWith(`"x":"${'a'.repeat(rest)}"`)
}

const EVENT = eventWith('')
const [FIRST_FIELD, ...OTHER_FIELDS] = FIELDS.split(',')
const WITHOUT_ID = OTHER_FIELDS.join(',')

export const WHOLE_EVENTS: readonly JsonCase[] = [
  accept('the required fields', EVENT),
  accept('white space of every kind around', ` \t\r${EVENT}\r\t `),
  accept('white space between all tokens', EVENT.replaceAll(/([{}:,])(?=["}])/g, '\r\t $1 \t\r')),
  accept('32768 bytes', eventOfBytes(32_768)),
  accept('32768 bytes and white space around', `  ${eventOfBytes(32_768)}  `),
  reject('32769 bytes', eventOfBytes(32_769), 'too-large'),
  reject('100000 bytes', eventOfBytes(100_000), 'too-large'),
  reject('too large and not JSON', `{${'x'.repeat(40_000)}}`, 'too-large'),
  reject('too large and not UTF-8', `"${'\xff'.repeat(40_000)}"`, 'too-large'),
  reject('a byte order mark', `\xef\xbb\xbf${EVENT}`, 'byte-order-mark'),
  reject('a byte order mark and nothing', '\xef\xbb\xbf', 'byte-order-mark'),
  reject('a byte order mark and bad bytes', '\xef\xbb\xbf\xff', 'utf8'),
  reject('two thirds of a byte order mark', `\xef\xbb${EVENT}`, 'utf8'),
  reject('a byte order mark behind', `${EVENT}\xef\xbb\xbf`),
  reject('UTF-16', `\xff\xfe${EVENT.replaceAll(/(.)/g, '$1\x00')}`, 'utf8'),
  reject('UTF-16 without a mark', EVENT.replaceAll(/(.)/g, '$1\x00')),
  reject('a NUL behind', `${EVENT}\x00`),
  reject('a NUL before', `\x00${EVENT}`),
  reject('a letter behind', `${EVENT}x`),
  reject('a closing brace behind', `${EVENT}}`),
  reject('a closing bracket behind', `${EVENT}]`),
  reject('a quote behind', `${EVENT}"`),
  reject('a second event behind', EVENT + EVENT),
  reject('a second event behind a space', `${EVENT} ${EVENT}`),
  reject('a comment behind', `${EVENT}//`),
  reject('no closing brace', EVENT.slice(0, -1)),
  reject('no opening brace', EVENT.slice(1)),
  reject('cut in the middle of a key', EVENT.slice(0, 20)),
  reject('cut in the middle of a value', EVENT.slice(0, 15)),
  reject('a comma before the closing brace', `${EVENT.slice(0, -1)},}`),
  reject('a comma after the opening brace', `{,${EVENT.slice(1)}`),
  reject('an array', '[]', 'not-object'),
  reject('an array of an event', `[${EVENT}]`, 'not-object'),
  reject('a string', '"event"', 'not-object'),
  reject('a number', '-1.5e3', 'not-object'),
  reject('true', 'true', 'not-object'),
  reject('null', 'null', 'not-object'),
  reject('an array that is not closed', '[1', 'syntax'),
  reject('arrays to depth 64', '['.repeat(64) + ']'.repeat(64), 'not-object'),
  reject('arrays to depth 65', '['.repeat(65) + ']'.repeat(65), 'depth'),
  reject('an empty object', '{}', 'event-id-missing'),
  reject('an empty object with white space', '{ \t }', 'event-id-missing'),
  accept('a key with escapes', `{"event\\u005fid":"e1",${WITHOUT_ID}}`),
  accept(
    'a key all in escapes',
    `{"\\u0065\\u0076\\u0065\\u006e\\u0074\\u005F\\u0069\\u0064":"e1",${WITHOUT_ID}}`,
  ),
  reject('a key in capitals', `{"Event_id":"e1",${WITHOUT_ID}}`, 'event-id-missing'),
  reject('a key with a space', `{"event_id ":"e1",${WITHOUT_ID}}`, 'event-id-missing'),
  reject('a key with a NUL behind', `{"event_id\\u0000":"e1",${WITHOUT_ID}}`, 'event-id-missing'),
  reject(
    'a key with a lone surrogate behind',
    `{"event_id\\ud800":"e1",${WITHOUT_ID}}`,
    'event-id-missing',
  ),
  accept('a key that only begins like a field', eventWith('"event_idx":5,"event_i":6')),
  either('a bad value, then a good one under the same key', `{"event_id":5,${FIELDS}}`, 'accepted'),
  either('a good value, then a bad one', eventWith('"event_id":5'), 'event-id-not-string'),
  either(
    'a good value, then a bad one under an escaped key',
    eventWith('"\\u0065vent_id":null'),
    'event-id-not-string',
  ),
  either(
    'a bad value under an escaped key, then a good one',
    `{"\\u0065vent_id":5,${FIELDS}}`,
    'accepted',
  ),
  either(
    'a value too long, then a good one',
    `{"event_id":"${'a'.repeat(200)}",${FIELDS}}`,
    'accepted',
  ),
  either('a bad revenue, then a good one', eventWith('"revenue":"1","revenue":1'), 'accepted'),
  either(
    'a good platform, then a bad one',
    eventWith('"platform":"web","platform":1'),
    'platform-not-string',
  ),
  either('a bad platform, then null', eventWith('"platform":1,"platform":null'), 'accepted'),
  reject(
    'a field inside an unknown one does not count',
    `{${WITHOUT_ID},"x":{${FIRST_FIELD}}}`,
    'event-id-missing',
  ),
  accept('an event inside an unknown field', eventWith(`"x":${EVENT}`)),
  accept(
    'a hundred unknown fields',
    eventWith(Array.from({ length: 100 }, (_, i) => `"k${i}":${i}`).join(',')),
  ),
  accept('an unknown field with a key of 300 bytes', eventWith(`"${'k'.repeat(300)}":1`)),
]

/** Faults of fields, each the only one: what stands between the braces instead of the field. */
export const FIELD_FAULTS: readonly JsonCase[] = [
  ...['event', 'user', 'campaign'].flatMap((name) => idFaults(name, name === 'event' ? 128 : 256)),
  field('event_type', '', 'event-type-missing'),
  field('event_type', 'null', 'event-type-not-string'),
  field('event_type', '1', 'event-type-not-string'),
  field('event_type', '"view"', 'event-type-unknown'),
  field('event_type', '""', 'event-type-unknown'),
  field('event_type', '"Click"', 'event-type-unknown'),
  field('event_type', '"click "', 'event-type-unknown'),
  field('event_type', '"clickx"', 'event-type-unknown'),
  field('event_type', '"impressions"', 'event-type-unknown'),
  field('event_type', String.raw`"click\ud800"`, 'event-type-unknown'),
  field('event_type', String.raw`"click\u0000"`, 'event-type-unknown'),
  field('event_type', String.raw`"\u0063lick"`, 'accepted'),
  field('event_type', String.raw`"conver\u0073ion"`, 'accepted'),
  field('event_type', '"impression"', 'accepted'),
  field('timestamp', '', 'timestamp-missing'),
  field('timestamp', 'null', 'timestamp-not-string'),
  field('timestamp', '1763839800', 'timestamp-not-string'),
  field('timestamp', '{"$date":"2026-11-22T19:30:00Z"}', 'timestamp-not-string'),
  field('revenue', '', 'accepted'),
  field('revenue', 'null', 'accepted'),
  field('revenue', '"1.5"', 'revenue-not-number'),
  field('revenue', 'true', 'revenue-not-number'),
  field('revenue', 'false', 'revenue-not-number'),
  field('revenue', '[1]', 'revenue-not-number'),
  field('revenue', '{}', 'revenue-not-number'),
  field('revenue', '1e400', 'revenue-range'),
  field('revenue', '-1e400', 'revenue-range'),
  field('revenue', `1e${'9'.repeat(40)}`, 'revenue-range'),
  field('revenue', '1000000000', 'accepted'),
  field('revenue', '-1e9', 'accepted'),
  field('revenue', '1000000000.00000001', 'accepted'),
  field('revenue', '1000000000.0000001', 'revenue-range'),
  field('revenue', '1000000001', 'revenue-range'),
  field('revenue', '-1000000000.5', 'revenue-range'),
  field('revenue', '9'.repeat(400), 'revenue-range'),
  field('revenue', '01', 'syntax'),
  field('revenue', '1.', 'syntax'),
  field('revenue', '.5', 'syntax'),
  field('revenue', '+1', 'syntax'),
  field('revenue', '-', 'syntax'),
  field('revenue', 'NaN', 'syntax'),
  field('revenue', '1e', 'syntax'),
  field('revenue', '1.5.5', 'syntax'),
  field('revenue', '1.5-', 'syntax'),
  field('revenue', 'nul', 'syntax'),
  ...['platform', 'country', 'device_type'].flatMap(optionalFaults),
]

function field(name: string, value: string, verdict: JsonCase['verdict']): JsonCase {
  const others = FIELDS.split(',').filter((text) => !text.startsWith(`"${name}"`))
  const all = value === '' ? others : [...others, `"${name}":${value}`]
  const told = value.length > 40 ? `${value.slice(0, 40)}...` : value
  return {
    rule: verdict === 'accepted' ? 'accept' : 'reject',
    name: value === '' ? `no ${name}` : `${name}: ${told}`,
    bytes: `{${all.join(',')}}`,
    verdict,
  }
}

function idFaults(name: string, bytesMax: number): JsonCase[] {
  const code = `${name}-id` as 'event-id' | 'user-id' | 'campaign-id'
  const of = (value: string, verdict: JsonCase['verdict']): JsonCase =>
    field(`${name}_id`, value, verdict)
  return [
    of('', `${code}-missing`),
    of('null', `${code}-not-string`),
    of('5', `${code}-not-string`),
    of('["a"]', `${code}-not-string`),
    of('true', `${code}-not-string`),
    of('""', `${code}-length`),
    of(`"${'a'.repeat(bytesMax)}"`, 'accepted'),
    of(`"${'a'.repeat(bytesMax + 1)}"`, `${code}-length`),
    of(`"${'\xe2\x82\xac'.repeat(Math.floor(bytesMax / 3))}"`, 'accepted'),
    of(`"${'\xe2\x82\xac'.repeat(Math.floor(bytesMax / 3) + 1)}"`, `${code}-length`),
    of(`"${'\\u20ac'.repeat(Math.floor(bytesMax / 3))}"`, 'accepted'),
    of(`"${'\\u20ac'.repeat(Math.floor(bytesMax / 3) + 1)}"`, `${code}-length`),
    of(`"${'\\ud83d\\ude00'.repeat(bytesMax / 4)}"`, 'accepted'),
    of(`"${'\\ud83d\\ude00'.repeat(bytesMax / 4)}a"`, `${code}-length`),
    of(String.raw`"\u0000"`, 'accepted'),
    of(String.raw`"\ud800"`, `${code}-surrogate`),
    of(String.raw`"a\udfffb"`, `${code}-surrogate`),
    of(String.raw`"\ud800\ud800"`, `${code}-surrogate`),
    of(String.raw`"\ud800\ud800\udc00"`, `${code}-surrogate`),
    of(String.raw`"\ud800\ue000"`, `${code}-surrogate`),
    of(String.raw`"\ud83d\ude00\ude00"`, `${code}-surrogate`),
    of(String.raw`"\udc00\ud800"`, `${code}-surrogate`),
    of(String.raw`"\ud83d\u0064e00"`, `${code}-surrogate`),
    of(String.raw`"\ud83d\\ude00"`, `${code}-surrogate`),
    of(`"${'a'.repeat(bytesMax + 1)}${String.raw`\ud800`}"`, `${code}-surrogate`),
    of('"\xff"', 'utf8'),
    of('"a\nb"', 'syntax'),
  ]
}

function optionalFaults(name: string): JsonCase[] {
  const code = name.replace('_', '-') as 'platform' | 'country' | 'device-type'
  const of = (value: string, verdict: JsonCase['verdict']): JsonCase => field(name, value, verdict)
  return [
    of('null', 'accepted'),
    of('""', 'accepted'),
    of(`"${'a'.repeat(64)}"`, 'accepted'),
    of(`"${'a'.repeat(65)}"`, `${code}-length`),
    of(`"${'\xc3\xa9'.repeat(32)}"`, 'accepted'),
    of(`"${'\xc3\xa9'.repeat(32)}a"`, `${code}-length`),
    of(`"${'\\n'.repeat(64)}"`, 'accepted'),
    of(`"${'\\n'.repeat(65)}"`, `${code}-length`),
    of('1', `${code}-not-string`),
    of('false', `${code}-not-string`),
    of('{}', `${code}-not-string`),
    of(String.raw`"\ud800"`, `${code}-surrogate`),
    of(String.raw`"\ud83d\ude00"`, 'accepted'),
    of('nulL', 'syntax'),
  ]
}
