/**
 * In which form a body holds its events, and how it is compressed: from the headers alone, and from the
 * first byte where the content type leaves it open.
 *
 *     content type            first byte `[`     anything else
 *     application/json        array              object
 *     application/x-ndjson    lines              lines
 *     text/plain, none        array              lines          (beacons)
 */
import type { BodyForm } from '../event.ts'

export type BodyType = 'json' | 'ndjson' | 'plain'
export type BodyCoding = 'identity' | 'gzip' | 'zstd'

const TYPES: ReadonlyMap<string, BodyType> = new Map([
  ['application/json', 'json'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['text/plain', 'plain'],
])

const CODINGS: ReadonlyMap<string, BodyCoding> = new Map([
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['zstd', 'zstd'],
])

const CHARSET = /^charset=(?:"utf-?8"|utf-?8)$/i
const BRACKET = 0x5b

/** null = 415. A parameter other than charset means nothing here and is let pass. */
export function bodyType(header: string | undefined): BodyType | null {
  if (header === undefined || header === '') return 'plain'
  const plain = TYPES.get(header)
  if (plain !== undefined) return plain
  const [name = '', ...parameters] = header.split(';').map((part) => part.trim())
  for (const parameter of parameters) {
    if (/^charset=/i.test(parameter) && !CHARSET.test(parameter)) return null
  }
  return TYPES.get(name.toLowerCase()) ?? null
}

/** null = 415; several codings too: `gzip, gzip` is how a bomb is hidden in a bomb. */
export function bodyCoding(header: string | undefined): BodyCoding | null {
  if (header === undefined || header === '') return 'identity'
  return CODINGS.get(header.trim().toLowerCase()) ?? null
}

/** null = nothing but white space. */
export function bodyForm(type: BodyType, chunks: readonly Uint8Array[]): BodyForm | null {
  const first = firstByte(chunks)
  if (first === null) return null
  if (type === 'ndjson') return 'lines'
  if (first === BRACKET) return 'array'
  return type === 'json' ? 'object' : 'lines'
}

/** The first byte that is not JSON white space. */
function firstByte(chunks: readonly Uint8Array[]): number | null {
  for (const chunk of chunks) {
    for (const byte of chunk) {
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
    }
  }
  return null
}
