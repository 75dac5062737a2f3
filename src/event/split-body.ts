/**
 * A body's bytes cut into the byte ranges of its events, without parsing them.
 *
 * - `lines`: cut at LF, trimmed of JSON white space; blank lines do not count.
 * - `array`: one JSON array, cut at the commas of depth 1 outside strings, elements trimmed.
 *   Brackets are only counted here, so a broken element is one bad event and its neighbours are
 *   unaffected. An empty element, as after a trailing comma, is a bad event too; nothing at all
 *   between the brackets is no event.
 * - `object`: all of it, trimmed, is one event.
 */
import { LIMITS } from './event.ts'

export type BodyForm = 'array' | 'lines' | 'object'

/**
 * The body as a whole cannot be cut into events: answered with 400, and with 413 where they are too
 * many.
 */
export type Unsplittable = Readonly<{
  unsplittable: 'empty' | 'not-array' | 'unclosed' | 'trailing' | 'too-many'
}>

const LF = 0x0a
const COMMA = 0x2c
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

export function splitBody(body: Uint8Array, form: BodyForm): readonly Span[] | Unsplittable {
  const spans = spansOf(body, form)
  if ('unsplittable' in spans || spans.length <= LIMITS.bodyEventsMax) return spans
  return { unsplittable: 'too-many' }
}

function spansOf(body: Uint8Array, form: BodyForm): readonly Span[] | Unsplittable {
  switch (form) {
    case 'lines':
      return splitLines(body)
    case 'array':
      return splitArray(body)
    case 'object': {
      const whole = trimmed(body, 0, body.length)
      return whole.start === whole.end ? { unsplittable: 'empty' } : [whole]
    }
  }
}

function splitLines(body: Uint8Array): Span[] {
  const spans: Span[] = []
  for (let start = 0; start < body.length; ) {
    const feed = body.indexOf(LF, start)
    const end = feed === -1 ? body.length : feed
    const span = trimmed(body, start, end)
    if (span.start < span.end) spans.push(span)
    start = end + 1
  }
  return spans
}

function splitArray(body: Uint8Array): Span[] | Unsplittable {
  const whole = trimmed(body, 0, body.length)
  if (whole.start === whole.end) return { unsplittable: 'empty' }
  if (body[whole.start] !== OPEN_BRACKET) return { unsplittable: 'not-array' }
  const spans: Span[] = []
  let depth = 1
  let elementStart = whole.start + 1
  for (let at = elementStart; at < whole.end; at++) {
    const byte = body[at]
    if (byte === QUOTE) {
      at = stringEnd(body, at, whole.end)
    } else if (byte === COMMA && depth === 1) {
      spans.push(trimmed(body, elementStart, at))
      elementStart = at + 1
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      depth++
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      depth--
      if (depth > 0) continue
      if (byte === CLOSE_BRACE) return { unsplittable: 'unclosed' }
      if (at + 1 < whole.end) return { unsplittable: 'trailing' }
      const last = trimmed(body, elementStart, at)
      if (last.start < last.end || spans.length > 0) spans.push(last)
      return spans
    }
  }
  return { unsplittable: 'unclosed' }
}

/**
 * The position of the closing quote of the string that opens at `open`; `end` when there is none.
 */
function stringEnd(body: Uint8Array, open: number, end: number): number {
  for (let at = open + 1; at < end; at++) {
    if (body[at] === BACKSLASH) at++
    else if (body[at] === QUOTE) return at
  }
  return end
}

/** First byte, byte after the last. */
export type Span = Readonly<{ start: number; end: number }>

/** RFC 8259, section 2: space, tab, line feed, carriage return. */
const WHITE_SPACE: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d])

export function trimmed(bytes: Uint8Array, from: number, to: number): Span {
  let start = from
  let end = to
  while (start < end && WHITE_SPACE.has(bytes[start])) start++
  while (end > start && WHITE_SPACE.has(bytes[end - 1])) end--
  return { start, end }
}
