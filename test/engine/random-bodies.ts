/**
 * Bodies that are hard on a parser, from a seed: sound events in every spelling, events with one
 * thing wrong, mutations of both, and soups of tokens and bytes.
 */
import type { BodyForm } from '../../src/event.ts'
import type { Random } from '../support/random.ts'

export type RandomBody = Readonly<{ body: Uint8Array; form: BodyForm }>

/** A body of up to `eventsMax` events. */
export function randomBody(random: Random, eventsMax: number): RandomBody {
  const form = random.pick(['lines', 'lines', 'array', 'object'] as const)
  const events = Array.from({ length: 1 + random.below(eventsMax) }, () => randomEvent(random))
  const count = random.chance(0.3) ? random.below(6) : 0
  return { form, body: mutated(random, Buffer.from(joined(random, events, form), 'latin1'), count) }
}

function joined(random: Random, events: readonly string[], form: BodyForm): string {
  const space = random.chance(0.7) ? '' : random.pick([' ', '\r', '\t', ' \r', '\n'])
  switch (form) {
    case 'lines':
      return events.join(`${space}\n${space}`) + random.pick(['', '\n', '\r\n', '\n\n'])
    case 'array': {
      const elements = events.join(`${space},${space}`)
      return `${space}[${elements}${random.chance(0.05) ? ',' : ''}]${space}`
    }
    case 'object':
      return `${space}${events[0]}${space}`
  }
}

type Spelling = Readonly<{ comma: string; colon: string; open: string; close: string }>

const SPELLINGS: readonly Spelling[] = [
  { comma: ',', colon: ':', open: '{', close: '}' },
  { comma: ', ', colon: ': ', open: '{', close: '}' },
  { comma: ',', colon: ': ', open: '{ ', close: ' }' },
  { comma: ',\n  ', colon: ': ', open: '{\n  ', close: '\n}' },
  { comma: '\t,\r', colon: ' :\t', open: '{ \r', close: '\t}' },
]

/** Latin-1 text: each character is one byte. */
export function randomEvent(random: Random): string {
  if (random.chance(0.02)) return randomSoup(random)
  const oddity = random.chance(0.6) ? 0 : 0.15
  const spelling = random.pick(random.chance(0.7) ? SPELLINGS.slice(0, 2) : SPELLINGS)
  const members: string[] = []
  for (const [name, values] of Object.entries(FIELDS)) {
    if (random.chance(name in OPTIONAL ? 0.3 : oddity / 4)) continue
    const value = random.chance(oddity) ? random.pick(ODD_VALUES) : random.pick(values)
    members.push(randomKey(random, name, oddity) + spelling.colon + value(random))
  }
  while (random.chance(0.15 + oddity)) members.push(unknownMember(random, spelling))
  if (random.chance(oddity)) members.push(random.pick(members.length > 0 ? members : ['"a":1']))
  if (random.chance(0.5)) random.shuffle(members)
  return spelling.open + members.join(spelling.comma) + spelling.close
}

type Maker = (random: Random) => string
const fixed = (...texts: readonly string[]): Maker[] => texts.map((text) => () => text)

const OPTIONAL = { revenue: 1, platform: 1, country: 1, device_type: 1 }

const FIELDS: Readonly<Record<string, readonly Maker[]>> = {
  event_id: [(random) => `"${hex(random, 8)}-${hex(random, 20)}"`, (random) => text(random, 60)],
  user_id: [(random) => `"user_${random.below(1e6)}"`, (random) => text(random, 40)],
  campaign_id: [(random) => `"c${random.below(50)}"`, (random) => text(random, 100)],
  event_type: [
    ...fixed('"impression"', '"click"', '"conversion"', '"impression"', '"click"', '"\\u0063lick"'),
    (random) => random.pick(['"clicks"', '"Click"', '"click"', '"conversion"']),
  ],
  timestamp: [...Array<Maker>(19).fill(timestamp), (random) => text(random, 30)],
  revenue: [number, number, ...fixed('0', 'null', '-0', '0.5', '1e9', '1.0000005')],
  platform: [...fixed('"web"', '"mobile"', 'null', '""'), (random) => text(random, 40)],
  country: [...fixed('"DE"', '"JP"', 'null'), (random) => text(random, 40)],
  device_type: [...fixed('"ios"', '"android"', 'null'), (random) => text(random, 40)],
}

const ODD_VALUES: readonly Maker[] = [
  ...fixed(
    '"\\ud800\\ud800"',
    '"\\ud800\\ud800\\udc00"',
    '"\\ud83d\\ude00\\ude00"',
    '"\\ud800\\ue000"',
  ),
  ...fixed(
    'null',
    'true',
    'false',
    '0',
    '""',
    '[]',
    '{}',
    'nul',
    'tru',
    '"',
    '-',
    '01',
    '1.',
    '[',
    '{',
  ),
  ...fixed(
    '[1,2',
    '{"a":1',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\x"',
    '"\\u12"',
    '"\x01"',
    '"\xff"',
    '',
  ),
  number,
  (random) => text(random, 300),
  (random) => nested(random, 1 + random.below(4)),
  (random) => '['.repeat(60 + random.below(8)) + ']'.repeat(60 + random.below(8)),
]

function randomKey(random: Random, name: string, oddity: number): string {
  if (!random.chance(oddity / 2)) return `"${name}"`
  const at = random.below(name.length)
  const code = name.charCodeAt(at).toString(16).padStart(4, '0')
  const escaped = `${name.slice(0, at)}\\u${code}${name.slice(at + 1)}`
  return random.pick([
    `"${escaped}"`,
    `"${name} "`,
    `"${name.slice(1)}"`,
    `'${name}'`,
    `"${name}x"`,
    name,
  ])
}

function unknownMember(random: Random, { colon }: Spelling): string {
  const key = random.pick([`"k${random.below(400)}"`, '"context"', text(random, 90)])
  return (
    key +
    colon +
    random.pick([number, () => 'true', (r: Random) => text(r, 50), (r: Random) => nested(r, 3)])(
      random,
    )
  )
}

function nested(random: Random, depth: number): string {
  if (depth === 0) return random.pick([number, (r: Random) => text(r, 20), () => 'null'])(random)
  const inner = Array.from({ length: random.below(4) }, () => nested(random, depth - 1))
  if (random.chance(0.5)) return `[${inner.join(random.pick([',', ', ']))}]`
  return `{${inner.map((value) => `${text(random, 12)}:${value}`).join(',')}}`
}

/** A string with quotes, sometimes past the limits, sometimes with every kind of character. */
function text(random: Random, lengthMax: number): string {
  const length = random.below(lengthMax + 1)
  if (random.chance(0.4)) return `"${'abcdefgh_ -'.repeat(30).slice(0, length)}"`
  let bytes = ''
  while (bytes.length < length) bytes += random.pick(PIECES)
  return `"${bytes}"`
}

const PIECES: readonly string[] = [
  ...['a', 'B', '7', ' ', '_', '/', '{', '}', '[', ']', ',', ':', "'", '\x7f'],
  ...['abcdefghijklmnop', '0123456789abcdef0123456789abcdef'],
  ...[
    '\xc3\xa9',
    '\xe2\x82\xac',
    '\xe4\xb8\xad',
    '\xf0\x9f\x98\x80',
    '\xed\x9f\xbf',
    '\xf4\x8f\xbf\xbf',
  ],
  ...['\\n', '\\"', '\\\\', '\\/', '\\u0041', '\\u00e9', '\\u20ac', '\\ud83d\\ude00', '\\u0000'],
]

/** Mostly sound; else each part may lie past its range, or the form is not quite it. */
function timestamp(random: Random): string {
  const isSound = random.chance(0.85)
  const two = (first: number, count: number, past: number) =>
    String(random.below(count + (isSound ? 0 : past)) + (isSound ? first : 0)).padStart(2, '0')
  const year = random.pick(isSound ? YEARS : ODD_YEARS)
  const date = `${year}-${two(1, 10, 4)}-${two(1, 28, 6)}`
  const time = `${two(0, 24, 2)}:${two(0, 60, 2)}:${two(0, 60, 2)}`
  const digits = String(random.below(1e9))
    .padStart(9, '0')
    .slice(0, 1 + random.below(9))
  const fraction = random.pick([
    '',
    '.123',
    `.${digits}`,
    ...(isSound ? [] : ['.', `.${digits}0123456789`]),
  ])
  const offset = `${random.pick(['+', '-'])}${two(0, 24, 2)}:${two(0, 60, 2)}`
  const zone = random.pick(['Z', 'Z', '', offset, ...(isSound ? [] : ['z', ' Z', '+1:00'])])
  return `"${date}${isSound ? 'T' : random.pick(['T', 'T', ' ', 't'])}${time}${fraction}${zone}"`
}

const YEARS = ['2026', '2026', '2025', '2024', '2000'] as const
const ODD_YEARS = [...YEARS, '1999', '2027', '2100', '9999', '0000', '0001'] as const

function number(random: Random): string {
  const digits = (count: number) =>
    Array.from({ length: 1 + random.below(count) }, () => random.below(10)).join('')
  switch (random.below(9)) {
    case 7:
      return halfway(random)
    case 0:
      return String(random.below(1e5) / 100)
    case 1:
      return String(random.next() * 10 ** (random.below(14) - 3))
    case 2:
      return `${random.below(1e9)}.${digits(7)}5`
    case 3:
      return `-${random.below(1e6)}.${digits(30)}`
    case 4:
      return `${digits(25)}e${random.below(60) - 40}`
    case 5:
      return `0.${digits(random.chance(0.1) ? 900 : 20)}E-${random.below(330)}`
    case 6:
      return String(random.below(100) * 0.1 + 0.2)
    default:
      return digits(random.chance(0.2) ? 40 : 10)
  }
}

/** Exactly between two doubles, or a little beside: up to 800 digits. */
function halfway(random: Random): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setUint32(0, random.below(random.chance(0.8) ? 0x41cd0000 : 2 ** 31))
  view.setUint32(4, random.below(2 ** 32))
  const bits = view.getBigUint64(0)
  const exponent = Math.max(1, Number(bits >> 52n)) - 1076
  if (exponent >= 0) return '1'
  const twice = ((bits & 0xfffffffffffffn) | 0x10000000000000n) * 2n + 1n
  const digits = `${twice * 5n ** BigInt(-exponent)}`.padStart(1 - exponent, '0')
  const text = `${digits.slice(0, exponent)}.${digits.slice(exponent)}`
  return text + random.pick(['', '0', '0000000000000000001'])
}

const TOKENS: readonly string[] = [
  ...['\xed\xa0\x80', '\xe0\x9f\xbf', '\xf0\x80\x80\x80', '\xf4\x90\x80\x80', '\xc1\xbf'],
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    ' ',
    '\r',
    '\t',
    '\n',
    '\x00',
    '\x1f',
    '\xff',
    '\xe2\x82',
  ],
  ...[
    'null',
    'true',
    '1',
    '-',
    '.',
    'e',
    '0',
    '"a"',
    '"event_id"',
    '"timestamp":',
    '\xef\xbb\xbf',
    '\\u',
  ],
]

function randomSoup(random: Random): string {
  return Array.from({ length: random.below(40) }, () => random.pick(TOKENS)).join('')
}

/** The bytes after `count` changes: flipped, replaced, left out, doubled. */
export function mutated(random: Random, bytes: Uint8Array, count: number): Uint8Array {
  let now = Buffer.from(bytes)
  for (let change = 0; change < count; change++) {
    const at = random.below(now.length + 1)
    const to = Math.min(now.length, at + random.below(random.chance(0.8) ? 3 : 40))
    const token = Buffer.from(random.pick(TOKENS), 'latin1')
    const before = now.subarray(0, at)
    const parts = random.pick([
      [before, token, now.subarray(at)],
      [before, token, now.subarray(to)],
      [before, now.subarray(to)],
      [before, now.subarray(at, to), now.subarray(at)],
      [before, Buffer.from([random.below(256)]), now.subarray(at + 1)],
    ])
    now = Buffer.concat(parts)
  }
  return now
}

function hex(random: Random, length: number): string {
  return Array.from({ length }, () => random.below(16).toString(16)).join('')
}
