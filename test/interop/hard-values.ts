/**
 * The values that break readers and writers of campaign events, each with the reason it is here.
 * Lists only; `hard-input.ts` mixes them. Nothing here comes from `src`: the rules are the table
 * "The event" of docs/events-and-tables.md.
 */

/** JSON numbers that are accepted, as they are written on the wire. */
export const REVENUES: readonly string[] = [
  '0',
  '-0', // stored as 0
  '-0.0',
  '5e-7', // half a millionth: away from zero
  '-5e-7',
  '4.9999999999999e-7',
  '1.0000005',
  '-2.5e-6',
  '0.30000000000000004', // 0.1 + 0.2
  '0.1',
  '2.675',
  '1e9',
  '-1e9',
  '1E+9',
  '1000000000.00000001', // rounds to exactly 1e9
  '999999999.9999999',
  '-123456789.1234565',
  '0.0000015',
  '1.5e-6',
  '1e-400', // underflows to 0
  '4.9e-324',
  '2.2250738585072011e-308', // once hung parsers
  '0e999999999',
  '1e0005',
  '0.1000000000000000055511151231257827021181583404541015625',
  '12345678901234567890e-12',
  '9007199254740993e-7', // no double has this mantissa
  '0.000000499999999999999999999999',
  '8.5',
  '19.99',
  '3',
]

/** Text that must come back byte for byte, in every string column. */
export const TEXTS: readonly string[] = [
  'plain',
  'حملة إعلانية ١٢٣', // right to left
  '黑五大促销活动',
  '夏のキャンペーン',
  '여름세일',
  '👩‍👩‍👧‍👦 family', // joined by ZWJ, surrogate pairs in UTF-16
  '\u{10ffff}',
  '\uffff\ufffe',
  'cafe\u0301', // the same for the eye as the next one, another value
  'caf\u00e9',
  'a\u0300\u0301\u0302\u0303\u0304',
  'é'.repeat(9),
  '\u2028\u2029\u0085',
  'tab\tline\nreturn\rquote"back\\slash/',
  '\u0000',
  'a\u0000b',
  '\u0001\u001f\u007f',
  ' leading and trailing ',
  'UPPER',
  'upper',
  '\\u0041', // an escaped backslash, not an escape
  '{"event_id":"inner"}',
  '],[',
  'sixteen bytes!!!',
  'seventeen bytes!!',
  'a text that is longer than any register of any engine',
]

/** Campaigns as an attacker or an unlucky user would name them. */
export const CAMPAIGNS: readonly string[] = [
  'x'.repeat(256),
  `${'黑'.repeat(85)}x`,
  '🎯'.repeat(64),
  '<img src=x onerror=alert(1)>',
  '</script><script>alert(1)</script>',
  '=HYPERLINK("http://example.invalid","click")',
  '+1+1',
  '@SUM(A1:A9)',
  '../../../../etc/passwd',
  'C:\\campaigns\\1',
  "'; DROP TABLE campaign_events; --",
  '__proto__',
  'constructor',
  '%s%n%00',
  'a=b/c=d',
  'null',
  '',
].filter((name) => name !== '')

/** The part of a timestamp behind the seconds. More than six digits are cut, not rounded. */
export const FRACTIONS: readonly string[] = [
  '',
  '.0',
  '.1',
  '.12',
  '.123',
  '.1234',
  '.12345',
  '.123456',
  '.9999999',
  '.99999999',
  '.999999999',
  '.000000001',
]

/** Offsets from UTC in minutes with their spelling; none at all is UTC too. */
export const OFFSETS: readonly (readonly [spelling: string, minutes: number])[] = [
  ['Z', 0],
  ['', 0],
  ['+00:00', 0],
  ['-00:00', 0],
  ['+05:30', 330],
  ['-03:30', -210],
  ['+14:00', 840],
  ['-12:00', -720],
  ['+23:59', 1439],
  ['-23:59', -1439],
]

/** Where the reason for a rejection must point: a field of the event, or the event as a whole. */
export type Blame =
  | 'event_id'
  | 'user_id'
  | 'campaign_id'
  | 'event_type'
  | 'timestamp'
  | 'revenue'
  | 'platform'
  | 'country'
  | 'device_type'
  | 'event'

/** What is wrong with a field: its JSON text, or null where the key is left out. */
export const BAD_FIELDS: readonly (readonly [Exclude<Blame, 'event'>, string | null])[] = [
  ['event_id', null],
  ['event_id', 'null'],
  ['event_id', '5'],
  ['event_id', '""'],
  ['event_id', `"${'e'.repeat(129)}"`],
  ['event_id', `"${'é'.repeat(65)}"`],
  ['event_id', '"\\ud800"'],
  ['event_id', '["a"]'],
  ['user_id', null],
  ['user_id', 'true'],
  ['user_id', '""'],
  ['user_id', `"${'u'.repeat(257)}"`],
  ['user_id', '"\\udc00\\ud800"'],
  ['campaign_id', null],
  ['campaign_id', '{}'],
  ['campaign_id', '""'],
  ['campaign_id', `"${'黑'.repeat(86)}"`],
  ['event_type', null],
  ['event_type', '"view"'],
  ['event_type', '"Click"'],
  ['event_type', '"click "'],
  ['event_type', '0'],
  ['timestamp', null],
  ['timestamp', '1700000000000'],
  ['timestamp', '""'],
  ['timestamp', '"2026-01-01"'],
  ['timestamp', '"2026-01-01 00:00:00Z"'],
  ['timestamp', '"2026-01-01t00:00:00z"'],
  ['timestamp', '"2026-01-01T00:00Z"'],
  ['timestamp', '"2026-01-01T24:00:00Z"'],
  ['timestamp', '"2025-12-31T23:59:60Z"'],
  ['timestamp', '"2025-02-29T00:00:00Z"'],
  ['timestamp', '"2025-13-01T00:00:00Z"'],
  ['timestamp', '"2025-00-10T00:00:00Z"'],
  ['timestamp', '"2025-01-01T00:00:00.Z"'],
  ['timestamp', '"2025-01-01T00:00:00.1234567890Z"'],
  ['timestamp', '"2025-01-01T00:00:00+24:00"'],
  ['timestamp', '"2025-01-01T00:00:00+0530"'],
  ['timestamp', '"2025-01-01T00:00:00,5Z"'],
  ['timestamp', '" 2025-01-01T00:00:00Z"'],
  ['timestamp', '"٢٠٢٥-01-01T00:00:00Z"'],
  ['timestamp', '"1970-01-01T00:00:00Z"'],
  ['timestamp', '"1999-12-31T23:59:59.999999Z"'],
  ['timestamp', '"2000-01-01T00:00:00+00:01"'],
  ['timestamp', '"2025-01-01T00:00:00Z\\u0000"'],
  ['revenue', '"1.5"'],
  ['revenue', 'true'],
  ['revenue', '[]'],
  ['revenue', '1e400'],
  ['revenue', '-1e400'],
  ['revenue', '1000000000.0000001'],
  ['revenue', '-1000000001'],
  ['revenue', '1'.repeat(400)],
  ['platform', '5'],
  ['platform', `"${'p'.repeat(65)}"`],
  ['country', 'false'],
  ['country', '"\\udfff"'],
  ['device_type', '{"a":1}'],
  ['device_type', `"${'🎯'.repeat(17)}"`],
]

/**
 * Events that are not JSON, or not as JSON as RFC 8259 wants it: `EVENT` stands for the body of a
 * good event without its braces. Those that would break an array around them say so.
 */
export const BAD_SYNTAX: readonly Readonly<{ text: string; breaksArray?: true }>[] = [
  { text: '{EVENT,}' },
  { text: '{EVENT,"x":01}' },
  { text: '{EVENT,"x":1.}' },
  { text: '{EVENT,"x":.5}' },
  { text: '{EVENT,"x":+1}' },
  { text: '{EVENT,"x":1e}' },
  { text: '{EVENT,"x":0x10}' },
  { text: '{EVENT,"x":NaN}' },
  { text: '{EVENT,"x":Infinity}' },
  { text: '{EVENT,"x":-}' },
  { text: '{EVENT,"x":tru}' },
  { text: '{EVENT,"x":undefined}' },
  { text: "{EVENT,'x':1}" },
  { text: '{EVENT,x:1}' },
  { text: '{EVENT,"x" 1}' },
  { text: '{EVENT "x":1}' },
  { text: '{EVENT,"x":"\t"}' }, // a raw control character in a string
  { text: '{EVENT,"x":"\\x41"}' },
  { text: '{EVENT,"x":"\\u12g4"}' },
  { text: '{EVENT,"x":"\\u123"}' },
  { text: '{EVENT,"x":[1,]}' },
  { text: '{EVENT,"x":[1 2]}' },
  { text: '{EVENT,"x":{"y"}}' },
  { text: '{EVENT/**/}' },
  { text: '{EVENT}\u00a0' }, // not JSON's white space
  { text: '{EVENT}x' },
  { text: '{EVENT}{}' },
  { text: '[]' },
  { text: '[{EVENT}]' },
  { text: '"{EVENT}"', breaksArray: true },
  { text: 'null' },
  { text: '42' },
  { text: '"text"' },
  { text: '\ufeff{EVENT}' },
  { text: '{EVENT', breaksArray: true },
  { text: '{EVENT}}', breaksArray: true },
  { text: '{EVENT,"x":"', breaksArray: true },
  { text: '{EVENT,"x":[}', breaksArray: true },
  { text: '{EVENT,"x":(1]}', breaksArray: true },
]

/** Byte sequences that are not UTF-8, to stand inside a string of an unknown field. */
export const BAD_UTF8: readonly (readonly number[])[] = [
  [0xff],
  [0x80],
  [0xc0, 0xaf], // an overlong slash
  [0xe0, 0x80, 0xaf],
  [0xed, 0xa0, 0x80], // a surrogate, encoded
  [0xf4, 0x90, 0x80, 0x80], // past U+10FFFF
  [0xc3], // cut short
  [0xf8, 0x88, 0x80, 0x80, 0x80],
]

/** Further members that must be ignored. */
export const UNKNOWN_FIELDS: readonly string[] = [
  '"extra":1',
  '"__proto__":{"event_type":"click","admin":true}',
  '"constructor":{"prototype":{}}',
  '"toString":null',
  '"":""',
  '"nested":{"event_id":"no","a":[1,[2,[3,{"revenue":7}]]]}',
  '"lone":"\\ud800"', // a lone surrogate matters only in a field that is stored
  '"Event_ID":"other case"',
  '"event_id ":"with a space"',
  '"big":123456789012345678901234567890e-400',
  '"text":"\\"}],{["',
  '"list":[true,false,null,-0.0,1E5,"",{}]',
]
