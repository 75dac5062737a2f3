/**
 * Who may do what. A key is for writing or for reading, never both; where no key of a kind is
 * configured, that kind is open to everyone who reaches the port (`startCollector` allows it on
 * loopback only). A key for the tables reads like a read key and may also change the tables, which
 * is never open. Nor is what page keys are for: they are public, and may send only what
 * `page-sender.ts` lets through.
 *
 * A browser that has signed in with a read key sends a session (`session.ts`) in its place. Only
 * `Authorization: Bearer` and `X-Api-Key` are keys of ours: other schemes are those of a proxy in
 * front, which passes them on. Of several keys one valid key is enough. Keys in headers decide
 * alone: a session or the query does not make up for wrong ones.
 *
 * Keys are compared by their SHA-256 in constant time and against all keys, so that neither a
 * prefix nor the number of keys shows in the time of the answer.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { RefusalCode } from './refusal.ts'
import type { Session, Sessions } from './session.ts'

export type Keys = Readonly<{
  write: readonly string[]
  read: readonly string[]
  tables?: readonly string[]
  page?: readonly string[]
}>

/** `pageKey` names the page key that was sent, without being it; null = a sender of any event. */
type Writer = Readonly<{ pageKey: string | null }>

export type KeyCheck = Readonly<{
  /** `url` is looked into for `?key=` (sendBeacon cannot set headers). */
  writerOf(headers: IncomingHttpHeaders, url: string): Writer | RefusalCode
  mayRead(headers: IncomingHttpHeaders): RefusalCode | null
  /** The same for a key that did not come in a header. */
  mayReadBy(key: string): RefusalCode | null
  /** A key for the tables came in a header: a session is not enough. */
  mayChangeTables(headers: IncomingHttpHeaders): boolean
  /** A read key is required and was given: details for operators may be shown. */
  isReader(headers: IncomingHttpHeaders): boolean
  /** A session for the read key in the headers; null where reading needs no key. */
  signIn(
    headers: IncomingHttpHeaders,
  ): Readonly<{ session: Session | null } | { refusal: RefusalCode }>
}>

const ANY_EVENT: Writer = { pageKey: null }
const IS_BEARER = /^bearer(?: |$)/i
const BEARER = /^bearer +(\S+) *$/i

export function createKeyCheck(keys: Keys, sessions: Sessions): KeyCheck {
  const write = keys.write.map(digest)
  const tables = (keys.tables ?? []).map(digest)
  const readers = [...keys.read.map(digest), ...tables]
  const pages = (keys.page ?? []).map(digest)
  const senders = [...write, ...pages]
  const isReadingOpen = keys.read.length === 0

  function mayRead(headers: IncomingHttpHeaders): RefusalCode | null {
    if (isReadingOpen) return null
    const sent = keysInHeaders(headers)
    const isSignedIn = sent.length === 0 ? sessions.holds(headers.cookie) : null
    if (isSignedIn !== null) return isSignedIn ? null : 'session-over'
    return check(sent, readers, senders, 'key-not-for-reading')
  }

  return {
    writerOf(headers, url) {
      const inHeaders = keysInHeaders(headers)
      const sent = inHeaders.length > 0 ? inHeaders : keysInQuery(url)
      const digests = sent.map(digest)
      const isWriter = digests.map((each) => isAmong(each, write)).includes(true)
      const pageKey = digests.find((each) => isAmong(each, pages))
      if (!isWriter && pageKey !== undefined) return { pageKey: pageKey.toString('hex') }
      if (write.length > 0) return check(sent, write, readers, 'key-not-for-writing') ?? ANY_EVENT
      // A page must not escape the limits of its key by leaving the key out.
      const isPage = pages.length > 0 && headers.origin !== undefined
      return (isPage ? check(sent, pages, readers, 'key-not-for-writing') : null) ?? ANY_EVENT
    },
    mayRead,
    mayReadBy: (key) =>
      isReadingOpen ? null : check([key], readers, senders, 'key-not-for-reading'),
    mayChangeTables: (headers) =>
      keysInHeaders(headers).some((key) => isAmong(digest(key), tables)),
    isReader: (headers) => !isReadingOpen && mayRead(headers) === null,
    signIn(headers) {
      if (isReadingOpen) return { session: null }
      const sent = keysInHeaders(headers)
      const refusal = check(sent, readers, senders, 'key-not-for-reading')
      if (refusal !== null) return { refusal }
      const [key = ''] = sent.filter((each) => isAmong(digest(each), readers))
      return { session: sessions.issue(key) }
    },
  }
}

function check(
  sent: readonly string[],
  wanted: readonly Buffer[],
  others: readonly Buffer[],
  wrongKind: RefusalCode,
): RefusalCode | null {
  if (sent.length === 0) return 'key-missing'
  const digests = sent.map(digest)
  const areWanted = digests.map((each) => isAmong(each, wanted))
  const areOthers = digests.map((each) => isAmong(each, others))
  if (areWanted.includes(true)) return null
  return areOthers.includes(true) ? wrongKind : 'key-wrong'
}

function isAmong(sent: Buffer, keys: readonly Buffer[]): boolean {
  let found = 0
  for (const key of keys) found |= Number(timingSafeEqual(sent, key))
  return found === 1
}

function digest(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** An empty key is a wrong key. */
function keysInHeaders({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders): string[] {
  const keys: string[] = []
  if (authorization !== undefined && IS_BEARER.test(authorization)) {
    keys.push(BEARER.exec(authorization)?.[1] ?? '')
  }
  if (typeof apiKey === 'string') keys.push(apiKey)
  return keys
}

function keysInQuery(url: string): string[] {
  const at = url.indexOf('?')
  const key = at === -1 ? null : new URLSearchParams(url.slice(at + 1)).get('key')
  return key === null ? [] : [key]
}
