/**
 * What a browser may do here. Three rules, for three attacks of a page the user happens to visit:
 *
 * - CORS: only configured origins may *send events* from their pages (`*` = every origin). They may
 *   read nothing else. Credentials are allowed in the answer because `sendBeacon` always asks for
 *   them; what is sent here is not judged by cookies.
 * - A POST whose `Origin` is neither configured nor this collector itself is refused: a form or a
 *   simple fetch needs no CORS permission to be *sent*, and would write events into a collector
 *   without keys. The collector's own name is the Host header, what a trusted proxy says that it
 *   was (`collect/proxy.ts`), and `publicUrl`.
 * - On loopback without keys the `Host` header must name loopback: else a page could point its own
 *   name at 127.0.0.1 (DNS rebinding) and read everything as "same origin".
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import type { ProxiedRequest, ReadClientSide } from './proxy.ts'

export type OriginRules = Readonly<{
  /** Whether a request with these headers is accepted at all (the Host rule). */
  allowsHost(headers: IncomingHttpHeaders): boolean
  /**
   * Whether a page with this Origin may send events. No Origin = no browser, or the same origin.
   */
  allowsOrigin(request: ProxiedRequest): boolean
  /** Header pairs for an answer to a configured origin; none for others. */
  corsHeaders(headers: IncomingHttpHeaders): readonly string[]
  /** Header pairs for a preflight's answer; null = refuse it. */
  preflightHeaders(headers: IncomingHttpHeaders): readonly string[] | null
}>

type OriginOptions = Readonly<{
  /** Configured origins, `https://shop.example`, or `*`. */
  cors: readonly string[]
  /** Ask for a loopback Host. */
  guardHost: boolean
  clientSide: ReadClientSide
  /** The origin under which browsers know this collector, where configured. */
  publicOrigin: string | null
}>

const PREFLIGHT_SECONDS = 86_400
const NONE: readonly string[] = []
const OUR_HEADERS = 'authorization, content-encoding, content-type, x-api-key'
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/
const HOST = /^(?:\[([^\]]+)\]|([^:/?#@\\\s]+))(?::\d{1,5})?$/

export function createOriginRules(options: OriginOptions): OriginRules {
  const configured = new Set(options.cors)
  const everyone = configured.has('*')
  const isConfigured = (origin: string) => everyone || configured.has(origin)
  return {
    allowsHost: ({ host }) => !options.guardHost || isLoopbackAuthority(host),
    allowsOrigin(request) {
      const { origin } = request.headers
      if (origin === undefined || isConfigured(origin)) return true
      return (
        origin === options.publicOrigin || isSameOrigin(origin, options.clientSide(request).host)
      )
    },
    corsHeaders({ origin }) {
      if (origin === undefined) return NONE
      if (!isConfigured(origin)) return ['Vary', 'Origin']
      return originHeaders(origin)
    },
    preflightHeaders(headers) {
      const { origin } = headers
      if (origin === undefined || !isConfigured(origin)) return null
      return [
        ...originHeaders(origin),
        'Access-Control-Allow-Methods',
        'POST',
        'Access-Control-Allow-Headers',
        allowedHeaders(headers['access-control-request-headers']),
        'Access-Control-Max-Age',
        String(PREFLIGHT_SECONDS),
      ]
    },
  }
}

/** `https://shop.example`, with a port if it is not the usual one: as browsers write it, or `*`. */
export function isOrigin(text: string): boolean {
  return text === '*' || (URL.canParse(text) && new URL(text).origin === text)
}

/** A host to listen on that only this machine reaches. */
export function isLoopbackHost(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  const family = isIP(host)
  return family === 4 ? host.startsWith('127.') : family === 6 && isLoopbackV6(host)
}

/** Compared in the normal form of URLs, so that `0:0:0:0:0:0:0:1` is `::1`. */
function isLoopbackV6(host: string): boolean {
  return new URL(`http://[${host.split('%')[0]}]`).hostname === '[::1]'
}

/**
 * The Host header: a name or address, then maybe a port. HTTP/1.0 may leave it out; browsers never
 * do.
 */
function isLoopbackAuthority(host: string | undefined): boolean {
  if (host === undefined) return true
  const match = HOST.exec(host)
  if (match === null) return false
  const name = (match[1] ?? match[2] ?? '').toLowerCase()
  return isLoopbackHost(name) || name.endsWith('.localhost')
}

/** `https` too: a proxy in front may speak TLS. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return (
    host !== undefined &&
    HOST.test(host) &&
    (origin === originOf('http', host) || origin === originOf('https', host))
  )
}

/** As browsers write it: in lower case, and without the scheme's usual port. */
function originOf(scheme: string, host: string): string | null {
  const text = `${scheme}://${host}`
  return URL.canParse(text) ? new URL(text).origin : null
}

/**
 * Our headers, and whatever else the page's tools add to every request (`traceparent`, `baggage`,
 * `x-datadog-…`): if one name is missing, a browser sends nothing at all. Unknown headers are
 * ignored.
 */
function allowedHeaders(asked: string | undefined): string {
  return asked !== undefined && HEADER_NAMES.test(asked) ? `${OUR_HEADERS}, ${asked}` : OUR_HEADERS
}

function originHeaders(origin: string): string[] {
  return [
    'Access-Control-Allow-Origin',
    origin,
    'Access-Control-Allow-Credentials',
    'true',
    'Access-Control-Expose-Headers',
    'Retry-After',
    'Vary',
    'Origin',
  ]
}
