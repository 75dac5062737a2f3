/**
 * Who may do what. A key is for writing or for reading, never both; where no key of a kind is configured,
 * that kind is open to everyone who reaches the port (`startCollector` allows it on loopback only).
 *
 * Keys are compared by their SHA-256 in constant time and against all keys, so that neither a prefix
 * nor the number of keys shows in the time of the answer.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { RefusalCode } from './refusal.ts'

export type Keys = Readonly<{ write: readonly string[]; read: readonly string[] }>

export type KeyCheck = Readonly<{
  /** null = go on. `url` is looked into for `?key=` (sendBeacon cannot set headers). */
  mayWrite(headers: IncomingHttpHeaders, url: string): RefusalCode | null
  mayRead(headers: IncomingHttpHeaders): RefusalCode | null
}>

const BEARER = /^bearer +(\S+) *$/i

export function createKeyCheck(keys: Keys): KeyCheck {
  const write = keys.write.map(digest)
  const read = keys.read.map(digest)
  return {
    mayWrite(headers, url) {
      if (write.length === 0) return null
      const key = keyInHeaders(headers) ?? keyInQuery(url)
      return check(key, write, read, 'key-not-for-writing')
    },
    mayRead(headers) {
      if (read.length === 0) return null
      return check(keyInHeaders(headers), read, write, 'key-not-for-reading')
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
