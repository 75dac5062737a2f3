/**
 * A strict reader of RFC 8259 texts, one character after the other.
 *
 * JSON.parse is not enough: it has no limit of depth and does not report the reason.
 * Strings keep lone surrogates (the caller decides), objects are Maps (`__proto__` is a key like
 * any other), of duplicate keys the last wins.
 */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export type JsonObject = ReadonlyMap<string, JsonValue>

/** What stopped the reader, the first from the left. */
type JsonFault = Readonly<{ fault: 'syntax' | 'depth' }>

/** The only value of a text that ends with it; `text` without white space around is expected. */
export function readJson(
  text: string,
  depthMax: number,
): Readonly<{ value: JsonValue }> | JsonFault {
  const reader: Reader = { text, at: 0, depthMax }
  try {
    const value = readValue(reader, 1)
    if (reader.at < text.length) stop('syntax')
    return { value }
  } catch (error) {
    if (error instanceof Stopped) return { fault: error.fault }
    throw error
  }
}

type Reader = { readonly text: string; at: number; readonly depthMax: number }

/** Unwinds the descent; never leaves this file. */
class Stopped extends Error {
  readonly fault: JsonFault['fault']
  constructor(fault: JsonFault['fault']) {
    super(fault)
    this.fault = fault
  }
}

function stop(fault: JsonFault['fault']): never {
  throw new Stopped(fault)
}

/** `depth` is the one that a container starting here has. */
function readValue(reader: Reader, depth: number): JsonValue {
  const first = reader.text[reader.at]
  if (first === '{' || first === '[') {
    if (depth > reader.depthMax) stop('depth')
    return first === '{' ? readObject(reader, depth) : readArray(reader, depth)
  }
  if (first === '"') return readString(reader)
  for (const [word, value] of WORDS) {
    if (reader.text.startsWith(word, reader.at)) {
      reader.at += word.length
      return value
    }
  }
  return readNumber(reader)
}

const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const

function readObject(reader: Reader, depth: number): JsonObject {
  const object = new Map<string, JsonValue>()
  expect(reader, '{')
  if (takeAfterSpace(reader, '}')) return object
  do {
    skipWhiteSpace(reader)
    const key = readString(reader)
    skipWhiteSpace(reader)
    expect(reader, ':')
    skipWhiteSpace(reader)
    object.set(key, readValue(reader, depth + 1))
  } while (takeAfterSpace(reader, ','))
  expect(reader, '}')
  return object
}

function readArray(reader: Reader, depth: number): readonly JsonValue[] {
  const elements: JsonValue[] = []
  expect(reader, '[')
  if (takeAfterSpace(reader, ']')) return elements
  do {
    skipWhiteSpace(reader)
    elements.push(readValue(reader, depth + 1))
  } while (takeAfterSpace(reader, ','))
  expect(reader, ']')
  return elements
}

/** Section 6: no plus sign, no leading zero, digits on both sides of the point. */
function readNumber(reader: Reader): number {
  const form = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
  form.lastIndex = reader.at
  const found = form.exec(reader.text)
  if (found === null) stop('syntax')
  reader.at = form.lastIndex
  return Number(found[0])
}

/** Section 7: everything but the quote, the backslash and U+0000 to U+001F stands for itself. */
function readString(reader: Reader): string {
  expect(reader, '"')
  let value = ''
  for (;;) {
    const unit = reader.text[reader.at++]
    if (unit === undefined || unit < ' ') stop('syntax')
    if (unit === '"') return value
    value += unit === '\\' ? readEscape(reader) : unit
  }
}

const SHORT_ESCAPES: ReadonlyMap<string | undefined, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/** One UTF-16 unit: two escapes in a row make a pair by standing side by side in the string. */
function readEscape(reader: Reader): string {
  const letter = reader.text[reader.at++]
  const short = SHORT_ESCAPES.get(letter)
  if (short !== undefined) return short
  const digits = reader.text.slice(reader.at, reader.at + 4)
  if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) stop('syntax')
  reader.at += 4
  return String.fromCharCode(Number.parseInt(digits, 16))
}

function expect(reader: Reader, unit: string): void {
  if (reader.text[reader.at] !== unit) stop('syntax')
  reader.at++
}

function takeAfterSpace(reader: Reader, unit: string): boolean {
  skipWhiteSpace(reader)
  if (reader.text[reader.at] !== unit) return false
  reader.at++
  return true
}

function skipWhiteSpace(reader: Reader): void {
  while (' \t\n\r'.includes(reader.text[reader.at] ?? 'end')) reader.at++
}
