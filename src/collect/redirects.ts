/**
 * Where a click link may lead: to origins of the list `redirects` and nowhere else, so that nobody
 * can use the collector's name to send people to a page of their own.
 *
 * The text must be a whole http or https URL as it is, before any parser makes one of it: parsers
 * of URLs take `https:evil`, drop tabs and line breaks, and read a backslash as a slash. Then the
 * origin of the parsed URL is compared, and the serialised URL is what the browser is sent, so that
 * no second parser can read another host out of it.
 */

/** Scheme, two slashes, and a host without user information. */
const WHOLE_URL = /^https?:\/\/[^/?#@]+(?:[/?#]|$)/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const NEVER_IN_A_URL = /[\0-\x1f\x7f\\]/

export type Redirects = Readonly<{
  /** The address to send the browser to; null = it may not be sent there. */
  locationOf(to: string): string | null
}>

/** `origins`: as `URL.origin` writes them. */
export function createRedirects(origins: readonly string[]): Redirects {
  const allowed = new Set(origins)
  return {
    locationOf(to) {
      if (!WHOLE_URL.test(to) || NEVER_IN_A_URL.test(to) || !URL.canParse(to)) return null
      const { origin, href } = new URL(to)
      return allowed.has(origin) ? href : null
    },
  }
}
