/**
 * Traffic as an ad-supported product makes it, for the demo, the bench and the tests: the same seed
 * gives the same bytes. It knows no clock and sends nothing; src/cli/demo.ts does.
 *
 * The stream has impressions, some of which lead to a click seconds later, some of which lead to a
 * conversion minutes later, all at an even rate. A few events arrive late and a few twice, as from
 * phones that were offline.
 */

export type TrafficOptions = Readonly<{
  seed: number
  /** When the first event is sent. */
  startUs: number
  eventsPerSecond: number
  /** How many events in all, repeats included; without it the stream does not end. */
  events?: number
  /** How many events a chunk holds. */
  chunkEvents?: number
  campaigns?: number
  users?: number
  /** Share of events dated five minutes to two hours before they are sent. */
  lateShare?: number
  /** Share of events that are sent a second time, byte by byte the same. */
  repeatShare?: number
}>

/**
 * Whole lines of NDJSON. `sentUs` is when its last event is due, at the rate that was asked for.
 */
export type TrafficChunk = Readonly<{ bytes: Uint8Array; events: number; sentUs: number }>

type Step = 'impression' | 'click' | 'conversion'
/** What an earlier event will lead to. */
type FollowUp = Readonly<{ step: Step; campaign: Campaign; user: User }>

/** Who sees which ads: campaigns of different size and success. */
type Campaign = Readonly<{
  id: string
  clickShare: number
  conversionShare: number
  priceCents: number
}>
type User = Readonly<{ id: string; platform: string; country: string; device: string }>

type Random = {
  /** A whole number from 0 to 2³²-1. */
  bits(): number
  /** A number from 0 up to, not including, 1. */
  share(): number
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number
}

const SECOND_US = 1_000_000
const CHUNK_EVENTS = 500
const CAMPAIGNS = 50
const USERS = 200_000
const LATE_SHARE = 0.002
const REPEAT_SHARE = 0.002
const LATE_US = { least: 300 * SECOND_US, most: 7200 * SECOND_US }
/** An event is dated up to this long before it is sent: it waited in a batch on the device. */
const JITTER_US = 2 * SECOND_US
const CLICK_DELAY_US_MAX = 20 * SECOND_US
const CONVERSION_DELAY_US_MAX = 120 * SECOND_US
/** Follow-ups are put in order no finer than this. */
const TICK_US = 10_000
/**
 * How many events may be follow-ups: more than there are (about 3 %), so that they mix with
 * impressions.
 */
const FOLLOW_UP_SHARE = 0.1
/** The lines that a repeat is chosen from. */
const RECENT_LINES = 1000
const SEASONS = ['spring', 'summer', 'autumn', 'winter', 'holiday']
const GOODS = 'shoes coffee travel games music books bikes phones plants toys'.split(' ')
/** Each country as often as its share of the audience. */
const COUNTRIES =
  'US US US US US DE DE DE GB GB GB FR FR IN IN IN BR BR JP JP ES IT NL SE PL CA AU MX'.split(' ')
/** Numbers that are discarded first, so that neighbouring seeds give different streams. */
const WARM_UP = 16

/** Chunks of events, in the order in which they are sent. */
export function* makeTraffic(options: TrafficOptions): Generator<TrafficChunk> {
  const random = openRandom(options.seed)
  const makeLine = lineMaker(options, random)
  const encoder = new TextEncoder()
  const chunkEvents = options.chunkEvents ?? CHUNK_EVENTS
  const events = options.events ?? Number.POSITIVE_INFINITY
  for (let first = 0; first < events; first += chunkEvents) {
    const end = Math.min(first + chunkEvents, events)
    let lines = ''
    for (let index = first; index < end; index++) lines += makeLine(dueUs(options, index))
    yield { bytes: encoder.encode(lines), events: end - first, sentUs: dueUs(options, end - 1) }
  }
}

function dueUs(options: TrafficOptions, index: number): number {
  return options.startUs + Math.floor((index * SECOND_US) / options.eventsPerSecond)
}

/** A function that makes the line to be sent at a time, which never goes back. */
function lineMaker(options: TrafficOptions, random: Random): (nowUs: number) => string {
  const campaigns = listCampaigns(options.campaigns ?? CAMPAIGNS, random)
  const users = options.users ?? USERS
  const { lateShare = LATE_SHARE, repeatShare = REPEAT_SHARE } = options
  const followUps = openFollowUps(options.startUs)
  const recent: string[] = []

  return (nowUs) => {
    if (recent.length > 0 && random.share() < repeatShare) {
      return recent[random.below(recent.length)] ?? ''
    }
    const followUp = random.share() < FOLLOW_UP_SHARE ? followUps.take(nowUs) : undefined
    const { step, campaign, user } = followUp ?? impression(campaigns, users, random)
    if (step === 'impression' && random.share() < campaign.clickShare) {
      followUps.add(nowUs + random.below(CLICK_DELAY_US_MAX), { step: 'click', campaign, user })
    }
    if (step === 'click' && random.share() < campaign.conversionShare) {
      const atUs = nowUs + random.below(CONVERSION_DELAY_US_MAX)
      followUps.add(atUs, { step: 'conversion', campaign, user })
    }
    const isLate = random.share() < lateShare
    const ageUs = isLate
      ? LATE_US.least + random.below(LATE_US.most - LATE_US.least)
      : random.below(JITTER_US)
    const line = eventLine(step, campaign, user, nowUs - ageUs, random)
    if (recent.length < RECENT_LINES) recent.push(line)
    else recent[random.below(RECENT_LINES)] = line
    return line
  }
}

/** Larger campaigns come first: the square of a share makes the first the most frequent. */
function impression(campaigns: readonly Campaign[], users: number, random: Random): FollowUp {
  const campaign = campaigns[Math.floor(random.share() ** 2 * campaigns.length)]
  if (campaign === undefined) throw new RangeError('traffic needs at least one campaign')
  return { step: 'impression', campaign, user: userOf(random.below(users)) }
}

/** What is to come, by the tick in which it is due. */
function openFollowUps(startUs: number): {
  add(dueUs: number, followUp: FollowUp): void
  take(nowUs: number): FollowUp | undefined
} {
  const byTick = new Map<number, FollowUp[]>()
  let oldest = Math.floor(startUs / TICK_US)
  return {
    add: (dueUs, followUp) => {
      const tick = Math.floor(dueUs / TICK_US)
      const due = byTick.get(tick)
      if (due === undefined) byTick.set(tick, [followUp])
      else due.push(followUp)
    },
    take: (nowUs) => {
      const now = Math.floor(nowUs / TICK_US)
      for (; oldest < now; oldest++) {
        const found = byTick.get(oldest)?.pop()
        if (found !== undefined) return found
        byTick.delete(oldest)
      }
      return undefined
    },
  }
}

function eventLine(
  step: Step,
  campaign: Campaign,
  user: User,
  timestampUs: number,
  random: Random,
): string {
  const revenue = step === 'conversion' ? revenueText(campaign, random) : '0'
  return (
    `{"event_id":"${uuid(random)}","user_id":"${user.id}","campaign_id":"${campaign.id}",` +
    `"event_type":"${step}","timestamp":"${timestampText(timestampUs)}","revenue":${revenue},` +
    `"platform":"${user.platform}","country":"${user.country}","device_type":"${user.device}"}\n`
  )
}

/** Around the campaign's price, in cents. */
function revenueText(campaign: Campaign, random: Random): string {
  const cents = Math.round(campaign.priceCents * (0.5 + random.share()))
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
}

/** A UUID of version 4 in form; its bits come from the seed. */
function uuid(random: Random): string {
  const hex = (): string => random.bits().toString(16).padStart(8, '0')
  const [a, b, c, d] = [hex(), hex(), hex(), hex()]
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-a${c.slice(1, 4)}-${c.slice(4)}${d}`
}

/**
 * Campaigns in falling order of size; clicks of 2–4 % of impressions, conversions of 5–10 % of
 * clicks.
 */
function listCampaigns(count: number, random: Random): readonly Campaign[] {
  return Array.from({ length: count }, (_, index) => {
    const season = SEASONS[Math.floor(index / GOODS.length) % SEASONS.length]
    const goods = GOODS[index % GOODS.length]
    return {
      id: `${season}-${goods}-${String(index + 1).padStart(3, '0')}`,
      clickShare: 0.02 + random.share() * 0.02,
      conversionShare: 0.05 + random.share() * 0.05,
      priceCents: 500 + random.below(15_000),
    }
  })
}

/** The user of a number; the number alone decides, so that no table of users is needed. */
function userOf(number: number): User {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0
  const isMobile = mixed % 10 < 7
  const device = isMobile ? (mixed % 2 === 0 ? 'android' : 'ios') : 'desktop'
  return {
    id: `user-${String(number).padStart(8, '0')}`,
    platform: isMobile ? 'mobile' : 'web',
    country: COUNTRIES[(mixed >>> 8) % COUNTRIES.length] ?? 'US',
    device,
  }
}

/** The part up to the second is kept for the next time stamp. */
let secondKept = Number.NaN
let textKept = ''

/**
 * RFC 3339 with microseconds, as Python's and Java's clients write it:
 * `2026-11-22T19:48:39.123456Z`
 */
function timestampText(timestampUs: number): string {
  const second = Math.floor(timestampUs / SECOND_US)
  if (second !== secondKept) {
    secondKept = second
    textKept = new Date(second * 1000).toISOString().slice(0, 20)
  }
  return `${textKept}${String(timestampUs - second * SECOND_US).padStart(6, '0')}Z`
}

/**
 * A seeded stream of random numbers (sfc32 of PractRand): quick, small, the same on every machine.
 */
function openRandom(seed: number): Random {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = 0x9e3779b9 | 0
  let counter = 1
  const bits = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let round = 0; round < WARM_UP; round++) bits()
  const share = (): number => bits() / 2 ** 32
  return { bits, share, below: (limit) => Math.floor(share() * limit) }
}
