/**
 * How many events may come from one key or one client address: token buckets. A bucket holds
 * BURST_SECONDS of its rate and fills up steadily. A body with more events than a bucket can hold
 * passes when it is full, and what is missing is waited for afterwards: the mean rate holds
 * whatever the size of bodies.
 */
import { isIPv6 } from 'node:net'

type RateLimit = Readonly<{
  /** Seconds until so many events may come; 0 = now. Takes nothing. */
  waitSeconds(name: string, events: number): number
  take(name: string, events: number): void
}>

type Bucket = { tokens: number; atMs: number }

const BURST_SECONDS = 10
/** About 10 MB; past it, the one longest unused is forgotten. */
const BUCKETS_MAX = 65_536
const HEXTETS = 8
/** What one site is given: 64 bits. */
const SITE_HEXTETS = 4

const UNLIMITED: RateLimit = { waitSeconds: () => 0, take() {} }

/** `perSecond`: 0 = no limit. */
export function createRateLimit(perSecond: number, nowMs: () => number): RateLimit {
  if (perSecond === 0) return UNLIMITED
  const capacity = perSecond * BURST_SECONDS
  const buckets = new Map<string, Bucket>()

  function tokensOf({ tokens, atMs }: Bucket, now: number): number {
    return Math.min(capacity, tokens + ((now - atMs) / 1000) * perSecond)
  }

  return {
    waitSeconds(name, events) {
      const bucket = buckets.get(name)
      if (bucket === undefined) return 0
      const missing = Math.min(events, capacity) - tokensOf(bucket, nowMs())
      return Math.max(0, missing / perSecond)
    },
    take(name, events) {
      const now = nowMs()
      const bucket = buckets.get(name)
      const tokens = bucket === undefined ? capacity : tokensOf(bucket, now)
      // Behind all others: the first of the map is the one longest unused.
      buckets.delete(name)
      buckets.set(name, { tokens: tokens - events, atMs: now })
      const [oldest] = buckets.keys()
      if (oldest !== undefined && buckets.size > BUCKETS_MAX) buckets.delete(oldest)
    },
  }
}

/** The name by which an address is counted: of IPv6 the /64, since a site has all of it. */
export function addressName(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(HEXTETS - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].slice(0, SITE_HEXTETS).join(':')
}
