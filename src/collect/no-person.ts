/**
 * Requests of senders with a page key that no person stands behind.
 *
 * - HEAD and prefetches: nobody has seen the page or the picture, or followed the link. They are
 *   answered and not counted; the page may be shown later, and then asks again.
 * - Programs that name themselves: crawlers, monitors, image proxies of mail services, libraries,
 *   as the package isbot knows them by their User-Agent. A request without one is not judged. Their
 *   events are rejected (`page-sender.ts`).
 */
import type { IncomingMessage } from 'node:http'
import { isbot } from 'isbot'

const PREFETCH_HEADERS = ['sec-purpose', 'purpose', 'x-moz'] as const
const PREFETCH = /\bprefetch\b/i
/** What is longer is no name; and the time that a look takes grows with the length. */
const AGENT_CHARACTERS_MAX = 1024
const AGENTS_MAX = 1000

/** `prefetch;prerender` is a prefetch too. */
export function isUnseen({ method, headers }: IncomingMessage): boolean {
  if (method === 'HEAD') return true
  return PREFETCH_HEADERS.some((name) => PREFETCH.test(String(headers[name] ?? '')))
}

/** Remembers what it found: most requests of a moment come from few browsers. */
export function createBotCheck(): (agent: string | undefined) => boolean {
  const found = new Map<string, boolean>()
  return (agent) => {
    if (agent === undefined) return false
    const name = agent.slice(0, AGENT_CHARACTERS_MAX)
    const known = found.get(name)
    if (known !== undefined) return known
    if (found.size === AGENTS_MAX) found.clear()
    const isBot = isbot(name)
    found.set(name, isBot)
    return isBot
  }
}
