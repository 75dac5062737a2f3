/**
 * The request target (RFC 9112, 3.2). Node hands on what was sent, and everything behind the door knows paths only:
 *
 *     origin-form     /v1/events?key=…              what nearly every client sends
 *     absolute-form   http://host/v1/events?key=…   what a client sends to a proxy, and some proxies pass on
 *     asterisk-form   *                             the server as a whole, asked with OPTIONS only
 */
import type { IncomingMessage } from 'node:http'

/** The target of a request about no path of ours. */
export const WHOLE_SERVER = '*'

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i

/**
 * Turns the absolute form into the origin form. The host in it counts in place of the Host header (3.2.2), so that both
 * forms pass the same checks. false = this is no target for us: another scheme, no host, or a host with user
 * information (RFC 9110, 4.2.4), or `*` with another method than OPTIONS.
 */
export function readTarget(request: IncomingMessage): boolean {
  const { url = '', method } = request
  if (url.startsWith('/')) return true
  if (url === WHOLE_SERVER) return method === 'OPTIONS'
  const [, host = '', rest = ''] = ABSOLUTE.exec(url) ?? []
  if (host === '' || host.includes('@')) return false
  request.headers.host = host
  if (rest === '' && method === 'OPTIONS') request.url = WHOLE_SERVER
  else request.url = rest.startsWith('/') ? rest : `/${rest}`
  return true
}
