/**
 * The input of the parity run: as many events as asked for, from a seed, in the requests in which
 * they travel. Event time runs through some hours and ends minutes before now, so that every window
 * can close:
 *
 *   −6 h ─ hot campaigns, a little out of order ─ −12 min     one event in 50 is hours late
 *   −46 h ─ hard events (test/interop/hard-input.ts): each form, each rejection ─ −12 min
 *           in the middle: sums past 2^63 millionths, and windows of billions
 *
 * The same seed, time and number give the same bytes.
 */
import {
  type HardInput,
  type HardRequest,
  type Item,
  listBadItems,
  listEdgeItems,
  openHardInput,
} from '../interop/hard-input.ts'
import { openRandom, type Random } from '../support/random.ts'
import { listBillions, listLastDrops } from './billions.ts'
import { openHotTraffic } from './hot-traffic.ts'

export type ParityInput = Readonly<{ seed: number; nowMs: number; events: number }>

const MINUTE_MS = 60_000
const SPAN_MS = 6 * 60 * MINUTE_MS
/** No event is younger: every window has ended when the run does. */
const YOUNGEST_MS = 12 * MINUTE_MS
const HOT_SHARE = 0.6
/** How often the clock of the hard events is set forward. */
const HARD_STEPS = 40
const REQUEST_EVENTS_MAX = 500
/** Below so many events a run is too short for the sums that take 19,000 of them. */
const BILLIONS_FROM = 50_000

/**
 * Rejected for their distance from the time of arrival, whenever that is; tables.py does not know
 * of it.
 */
export const FUTURE_ITEMS: readonly Item[] = [
  '2099-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999-23:59',
].map((timestamp, at) => ({
  bytes: Buffer.from(event(`future-${at}`, timestamp)),
  blame: 'timestamp',
  breaksArray: false,
}))

/** The requests, in the order in which they are to be sent; `events` events altogether. */
export function* makeRequests(input: ParityInput): Generator<HardRequest> {
  const random = openRandom(input.seed)
  const hard = openHardInput(random, input.nowMs, 'requests')
  let waiting: Item[] = []
  let wanted = pickSize(random)
  for (const item of makeItems(input, random)) {
    waiting.push(item)
    if (waiting.length < wanted) continue
    yield hard.makeRequest(waiting)
    waiting = []
    wanted = pickSize(random)
  }
  if (waiting.length > 0) yield hard.makeRequest(waiting)
}

function* makeItems({ seed, nowMs, events }: ParityInput, random: Random): Generator<Item> {
  const youngestMs = nowMs - YOUNGEST_MS
  const opening = [
    ...listBadItems(random, youngestMs),
    ...FUTURE_ITEMS,
    ...listEdgeItems(nowMs - YOUNGEST_MS - 5 * MINUTE_MS, 'edge'),
    ...rejectedFirst(youngestMs - SPAN_MS),
    ...sameMd5(youngestMs - SPAN_MS),
  ]
  const hasBillions = events >= BILLIONS_FROM
  const sumsMs = youngestMs - SPAN_MS / 2
  const middle = hasBillions ? listBillions(sumsMs) : []
  const late = hasBillions ? listLastDrops(sumsMs) : []
  const ordinary = events - opening.length - middle.length - late.length
  if (ordinary < 0) throw new RangeError(`a parity run has at least ${opening.length} events`)

  yield* opening
  const hot = openHotTraffic(random, `p${seed}`)
  let hard: HardInput | null = null
  const stepEvents = Math.ceil(ordinary / HARD_STEPS)
  for (let at = 0; at < ordinary; at += 1) {
    const clockMs = Math.floor(youngestMs - SPAN_MS * (1 - at / ordinary))
    if (at % stepEvents === 0) hard = openHardInput(random, clockMs, `p${seed}-${at}`)
    if (at === ordinary >> 1) yield* middle
    yield hard === null || random.chance(HOT_SHARE) ? hot.makeItem(clockMs) : hard.makeItem()
  }
  yield* late
}

/** Often small, mostly large: a request of an app, and one of a server that collects. */
function pickSize(random: Random): number {
  return 1 + random.below(random.chance(0.2) ? 60 : REQUEST_EVENTS_MAX)
}

/** A rejected event does not occupy its id: the corrected one that follows is stored. */
function rejectedFirst(atMs: number): readonly Item[] {
  const bad = Buffer.from(event('again', 'yesterday'))
  const good = Buffer.from(event('again', new Date(atMs).toISOString()))
  return [
    { bytes: bad, blame: 'timestamp', breaksArray: false },
    { bytes: good, blame: null, breaksArray: false },
  ]
}

/** Two texts of one MD5, a published pair: they are two events all the same. */
function sameMd5(atMs: number): readonly Item[] {
  return ['A', 'E'].map((letter) => {
    const id = `TEXTCOLLBYfGiJUETHQ4h${letter}cKSMd5zYpgqf1YRDhkmxHkhPWptrkoyz28wnI9V0aHeAuaKnak`
    const bytes = Buffer.from(event(id, new Date(atMs).toISOString()))
    return { bytes, blame: null, breaksArray: false }
  })
}

function event(id: string, timestamp: string): string {
  return JSON.stringify({
    event_id: id,
    user_id: 'u',
    campaign_id: 'c',
    event_type: 'click',
    timestamp,
  })
}
