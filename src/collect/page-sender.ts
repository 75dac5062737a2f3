/**
 * What a sender with a page key may send. The key is public, as it stands in a web page, a pixel or
 * a link: so there is a limit on events for each key and each client address, and conversions, and
 * what bots send, are rejected unless the configuration allows them.
 */
import type { RejectionReason } from '../event.ts'
import { createBotCheck } from './no-person.ts'
import type { ProxiedRequest, ReadClientSide } from './proxy.ts'
import { addressName, createRateLimit } from './rate-limit.ts'

export type PageRules = Readonly<{
  conversions: boolean
  /** Whether events of agents that are known as bots are taken. */
  bots: boolean
  /** Events a second; 0 = no limit. */
  keyRate: number
  addressRate: number
}>

export type PageSender = Readonly<{
  /** Seconds until one event may come; 0 = now. */
  waitSeconds(): number
  /** Takes so many events from the limits and returns 0, or takes none and tells the wait. */
  charge(events: number): number
  /** Why an event is rejected; null = it is not. `fault`: what is wrong with its bytes. */
  verdict(event: Uint8Array, fault: RejectionReason | null): RejectionReason | null
}>

export type PageSenders = Readonly<{
  of(key: string, request: ProxiedRequest): PageSender
}>

const DEFAULT_RULES: PageRules = {
  conversions: false,
  bots: false,
  keyRate: 10_000,
  addressRate: 200,
}
/** A connection that is closed has no address. */
const NO_ADDRESS = 'none'

export function createPageSenders(
  options: Partial<PageRules>,
  clientSide: ReadClientSide,
  nowMs: () => number,
): PageSenders {
  const rules = { ...DEFAULT_RULES, ...options }
  const isBot = createBotCheck()
  const byKey = createRateLimit(rules.keyRate, nowMs)
  const byAddress = createRateLimit(rules.addressRate, nowMs)

  return {
    of(key, request) {
      const address = addressName(clientSide(request).address ?? NO_ADDRESS)
      const isOfBot = !rules.bots && isBot(request.headers['user-agent'])
      const waitFor = (events: number) =>
        Math.max(byKey.waitSeconds(key, events), byAddress.waitSeconds(address, events))
      return {
        waitSeconds: () => waitFor(1),
        charge(events) {
          const seconds = waitFor(events)
          if (seconds > 0) return seconds
          byKey.take(key, events)
          byAddress.take(address, events)
          return 0
        },
        verdict(event, fault) {
          if (isOfBot) return 'bot'
          return fault ?? (!rules.conversions && isConversion(event) ? 'page-conversion' : null)
        },
      }
    },
  }
}

/** Of a valid event: of duplicate keys the last wins, in `JSON.parse` as in the engine. */
function isConversion(event: Uint8Array): boolean {
  const { event_type: type } = JSON.parse(Buffer.from(event).toString()) as { event_type: string }
  return type === 'conversion'
}
