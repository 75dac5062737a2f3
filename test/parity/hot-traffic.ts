/**
 * Two campaigns that most events belong to: plain events, a little out of order, now and then hours
 * late; some come again unchanged, some ids with another payload.
 */
import type { Item } from '../interop/hard-input.ts'
import type { Random } from '../support/random.ts'

export type HotTraffic = Readonly<{ makeItem(clockMs: number): Item }>

export type Lateness = Readonly<{ share: number; uptoMs: number }>

const CAMPAIGNS = ['hot-summer', 'hot-été']
const OUT_OF_ORDER_MS = 30_000
const LATE: Lateness = { share: 0.02, uptoMs: 5 * 3_600_000 }
const REMEMBERED = 50_000
/** Cumulative shares of one event. */
const SAME_AGAIN = 0.03
const OTHER_PAYLOAD = 0.045

type Sent = Readonly<{ id: string; bytes: Buffer }>

export function openHotTraffic(random: Random, name: string, late: Lateness = LATE): HotTraffic {
  const sent: Sent[] = []
  let count = 0
  const makeItem = (clockMs: number): Item => {
    const draw = random.next()
    const known = sent.length > 0 ? random.pick(sent) : null
    if (known !== null && draw < SAME_AGAIN) return good(known.bytes)
    if (known !== null && draw < OTHER_PAYLOAD) {
      return good(Buffer.from(makeEvent(random, known.id, clockMs, late)))
    }
    count += 1
    const id = `${name}-hot-${count}`
    const bytes = Buffer.from(makeEvent(random, id, clockMs, late))
    sent[count % REMEMBERED] = { id, bytes }
    if (count === 1) sent[0] = { id, bytes }
    return good(bytes)
  }
  return { makeItem }
}

function makeEvent(random: Random, id: string, clockMs: number, late: Lateness): string {
  const lateMs = random.next() * (random.chance(late.share) ? late.uptoMs : OUT_OF_ORDER_MS)
  const draw = random.next()
  const type = draw < 0.8 ? 'impression' : draw < 0.95 ? 'click' : 'conversion'
  return JSON.stringify({
    event_id: id,
    user_id: `user-${random.below(10_000)}`,
    campaign_id: random.pick(CAMPAIGNS),
    event_type: type,
    timestamp: new Date(clockMs - lateMs).toISOString(),
    ...(type === 'conversion' ? { revenue: Math.round(random.next() * 1e6) / 1e4 } : {}),
    platform: random.pick(['web', 'mobile']),
    country: random.pick(['DE', 'FR', 'US', 'JP']),
    device_type: random.pick(['ios', 'android', 'desktop']),
  })
}

function good(bytes: Buffer): Item {
  return { bytes, blame: null, breaksArray: false }
}
