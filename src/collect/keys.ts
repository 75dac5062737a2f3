/**
 * Who may do what. A key is for writing or for reading, never both; where no key of a kind is configured,
 * that kind is open to everyone who reaches the port (`startCollector` allows it on loopback only).
 *
 * A browser that has signed in with a read key sends a session (`session.ts`) in its place. A key that is sent decides
 * alone: a wrong one is not saved by a session.
 *
 * Keys are compared by their SHA-256 in constant time and against all keys, so that neither a prefix
 * nor the number of keys shows in the time of the answer.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { RefusalCode } from './refusal.ts'
import type { Session, Sessions } from './session.ts'

export type Keys = Readonly<{ write: readonly string[]; read: readonly string[] }>

export type KeyCheck = Readonly<{
  /** null = go on. `url` is looked into for `?key=` (sendBeacon cannot set headers). */
  mayWrite(headers: IncomingHttpHeaders, url: string): RefusalCode | null
  mayRead(headers: IncomingHttpHeaders): RefusalCode | null
  /** A key is asked for, and was given: what is for operators only may be told. */
  isReader(headers: IncomingHttpHeaders): boolean
  /** A session for the read key in the headers; null where reading needs no key. */
  signIn(
    headers: IncomingHttpHeaders,
  ): Readonly<{ session: Session | null } | { refusal: RefusalCode }>
}>

const BEARER = /^bearer +(\S+) *$/i

export function createKeyCheck(keys: Keys, sessions: Sessions): KeyCheck {
  const write = keys.write.map(digest)
  const read = keys.read.map(digest)

  function mayRead(headers: IncomingHttpHeaders): RefusalCode | null {
    if (read.length === 0) return null
    const key = keyInHeaders(headers)
    const isSignedIn = key === null ? sessions.holds(headers.cookie) : null
    if (isSignedIn !== null) return isSignedIn ? null : 'session-over'
    return check(key, read, write, 'key-not-for-reading')
  }

  return {
    mayWrite(headers, url) {
      if (write.length === 0) return null
      const key = keyInHeaders(headers) ?? keyInQuery(url)
      return check(key, write, read, 'key-not-for-writing')
    },
    mayRead,
    isReader: (headers) => read.length > 0 && mayRead(headers) === null,
    signIn(headers) {
      if (read.length === 0) return { session: null }
      const key = keyInHeaders(headers)
      const refusal = check(key, read, write, 'key-not-for-reading')
      return refusal === null ? { session: sessions.issue(key ?? '') } : { refusal }
    },
  }
}

function check(
  key: string | null,
  wanted: readonly Buffer[],
  others: readonly Buffer[],
  wrongKind: RefusalCode,
): RefusalCode | null {
  if (key === null) return 'key-missing'
  const sent = digest(key)
  const isWanted = isAmong(sent, wanted)
  const isOther = isAmong(sent, others)
  if (isWanted) return null
  return isOther ? wrongKind : 'key-wrong'
}

function isAmong(sent: Buffer, keys: readonly Buffer[]): boolean {
  let found = 0
  for (const key of keys) found |= Number(timingSafeEqual(sent, key))
  return found === 1
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

function keyInHeaders(headers: IncomingHttpHeaders): string | null {
  if (headers.authorization !== undefined) return BEARER.exec(headers.authorization)?.[1] ?? ''
  const key = headers['x-api-key']
  return typeof key === 'string' ? key : null
}

function keyInQuery(url: string): string | null {
  const at = url.indexOf('?')
  return at === -1 ? null : new URLSearchParams(url.slice(at + 1)).get('key')
}
