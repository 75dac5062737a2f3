/**
 * Bodies of NDJSON that cost the load generator almost nothing: a few templates of real-looking
 * events are made once, and for every request only the ids and the second of the timestamps are
 * written over in place. Every event of a run has an id of its own.
 *
 *   {"event_id":"xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx",… "timestamp":"YYYY-MM-DDThh:mm:ss.mmmZ", …}
 *                ^ id: 8 digits a scrambled count, the others random    ^ the current second
 */
import { openRandom } from '../../test/support/random.ts'

const TEMPLATES = 4
const CAMPAIGNS = 200
const USERS = 100_000
const SECOND_LENGTH = '2026-01-01T00:00:00'.length
const HEX = Buffer.from('0123456789abcdef')
/** Where the digits stand in an id: not the hyphens, not the version and the variant. */
const COUNT_DIGITS = [0, 1, 2, 3, 4, 5, 6, 7]
const RANDOM_DIGITS = [
  9, 10, 11, 12, 15, 16, 17, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
]

export type Bodies = Readonly<{
  eventsPerBody: number
  bytesPerBody: number
  /** The next body; the buffer is used again after `TEMPLATES` further calls. */
  next(nowMs: number): Buffer
}>

type Template = Readonly<{ body: Buffer; ids: Int32Array; seconds: Int32Array }>

/** For one connection: a body must be answered before `TEMPLATES` further ones are made. */
export function openBodies(seed: number, eventsPerBody: number): Bodies {
  const random = openRandom(seed)
  const templates = Array.from({ length: TEMPLATES }, () => makeTemplate(random, eventsPerBody))
  let used = 0
  // Runs with another seed start their ids elsewhere, so that they never repeat each other's.
  let count = random.below(2 ** 31)
  let state = (seed * 2654435761) >>> 0 || 1
  const next = (nowMs: number): Buffer => {
    const template = templates[used % templates.length] as Template
    used += 1
    const second = Buffer.from(new Date(nowMs).toISOString().slice(0, SECOND_LENGTH))
    const { body, ids, seconds } = template
    for (let at = 0; at < eventsPerBody; at += 1) {
      count = (count + 1) >>> 0
      const id = ids[at] as number
      let digits = scramble(count)
      for (const digit of COUNT_DIGITS) {
        body[id + digit] = HEX[digits & 15] as number
        digits >>>= 4
      }
      for (let digit = 0; digit < RANDOM_DIGITS.length; digit += 1) {
        if (digit % 8 === 0) {
          state ^= state << 13
          state ^= state >>> 17
          state ^= state << 5
          digits = state
        }
        body[id + (RANDOM_DIGITS[digit] as number)] = HEX[digits & 15] as number
        digits >>>= 4
      }
      body.set(second, seconds[at])
    }
    return body
  }
  const bytesPerBody = (templates[0] as Template).body.length
  return { eventsPerBody, bytesPerBody, next }
}

/**
 * One to one on 32 bits (the finalizer of MurmurHash3): ids stay distinct, but do not compress like
 * a count.
 */
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function makeTemplate(random: ReturnType<typeof openRandom>, events: number): Template {
  const lines: string[] = []
  const ids = new Int32Array(events)
  const seconds = new Int32Array(events)
  let length = 0
  for (let at = 0; at < events; at += 1) {
    const line = makeLine(random)
    ids[at] = length + line.indexOf('"event_id":"') + '"event_id":"'.length
    seconds[at] = length + line.indexOf('"timestamp":"') + '"timestamp":"'.length
    lines.push(line)
    length += line.length + 1
  }
  return { body: Buffer.from(`${lines.join('\n')}\n`), ids, seconds }
}

/** About 240 bytes, as the goals name them; one sender's key order, as real ones have. */
function makeLine(random: ReturnType<typeof openRandom>): string {
  const chance = random.next()
  const type = chance < 0.88 ? 'impression' : chance < 0.98 ? 'click' : 'conversion'
  const skewed = Math.floor(random.next() ** 3 * CAMPAIGNS)
  const digits = (value: number, length: number): string => String(value).padStart(length, '0')
  return JSON.stringify({
    event_id: '00000000-0000-4000-8000-000000000000',
    user_id: `user-${digits(random.below(USERS), 6)}`,
    campaign_id: `campaign-${digits(skewed, 4)}`,
    event_type: type,
    timestamp: `2026-01-01T00:00:00.${digits(random.below(1000), 3)}Z`,
    revenue: type === 'conversion' ? random.below(20_000) / 100 : 0,
    platform: random.pick(['mobile', 'web']),
    country: random.pick(['DE', 'US', 'FR', 'JP', 'BR', 'IN', 'GB']),
    device_type: random.pick(['ios', 'android', 'desktop']),
  })
}
