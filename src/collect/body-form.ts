/**
 * The form in which a body holds its events, and its compression: from the headers, and from the
 * first bytes where the content type leaves it open.
 *
 *     content type                     first byte `[`     anything else
 *     application/json                 array              object, or misnamed lines (json-form.ts)
 *     application/x-ndjson and so on   lines              lines
 *     text/plain, none                 array              lines          (beacons)
 *
 * A byte order mark at the start belongs to the body, not to its first event: editors and exports
 * put it there.
 */
import { MIMEType } from 'node:util'
import type { BodyForm } from '../event.ts'
import { jsonForm, skipBlanks } from './json-form.ts'

export type BodyType = 'json' | 'ndjson' | 'plain'
export type BodyCoding = 'identity' | 'gzip' | 'zstd'

const TYPES: ReadonlyMap<string, BodyType> = new Map([
  ['application/json', 'json'],
  ['text/plain', 'plain'],
])
/** The names under which lines of JSON travel; none of them is registered. */
const LINES = /^(?:application|text)\/(?:x-)?(?:ndjson|ldjson|jsonl|jsonlines|json-lines)$/

const CODINGS: ReadonlyMap<string, BodyCoding> = new Map([
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['zstd', 'zstd'],
])

/** ASCII is UTF-8. */
const CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]
const BRACKET = 0x5b

/** null = 415. Parameters other than charset are ignored. */
export function bodyType(header: string | undefined): BodyType | null {
  if (header === undefined || header === '') return 'plain'
  const plain = TYPES.get(header)
  if (plain !== undefined) return plain
  const type = parseType(header)
  if (type === null) return null
  const charset = type.params.get('charset')
  if (charset !== null && !CHARSETS.has(charset.toLowerCase())) return null
  return TYPES.get(type.essence) ?? (LINES.test(type.essence) ? 'ndjson' : null)
}

function parseType(header: string): MIMEType | null {
  try {
    return new MIMEType(header)
  } catch {
    return null
  }
}

/** null = 415, also for several codings: `gzip, gzip` hides a bomb in a bomb. */
export function bodyCoding(header: string | undefined): BodyCoding | null {
  if (header === undefined || header === '') return 'identity'
  return CODINGS.get(header.trim().toLowerCase()) ?? null
}

/** The body without a byte order mark at its start. */
export function withoutMark(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  let matched = 0
  for (const [at, chunk] of chunks.entries()) {
    for (const [index, byte] of chunk.entries()) {
      if (byte !== BYTE_ORDER_MARK[matched]) return chunks
      matched += 1
      if (matched < BYTE_ORDER_MARK.length) continue
      return [chunk.subarray(index + 1), ...chunks.slice(at + 1)]
    }
  }
  return chunks
}

/** A refusal when there is nothing but white space, or when the events cannot be told apart. */
export function bodyForm(
  type: BodyType,
  chunks: readonly Uint8Array[],
): BodyForm | 'body-empty' | 'body-unsplittable' {
  const start = skipBlanks(chunks, 0)
  if (start === null) return 'body-empty'
  if (type === 'ndjson') return 'lines'
  if (start.byte === BRACKET) return 'array'
  return type === 'json' ? jsonForm(chunks, start.at) : 'lines'
}
