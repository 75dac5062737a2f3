/**
 * Random events in parts, each part what one request brings, and what the windows are after each
 * part: a plain model of all that the job does with them. Late events, refunds, repeats of an id
 * with other contents, and lines that are no event.
 */
import { openRandom } from '../support/random.ts'
import { addTo, type Sums, sumsText } from './feed-reader.ts'

const TYPES = ['impression', 'click', 'conversion'] as const
const HOUR_US = 3_600_000_000

export type TrafficOptions = Readonly<{
  seed: number
  windowUs: number
  /** How far back late events reach. */
  lateUsMax: number
}>

export type Part = Readonly<{ lines: Buffer; count: number; arrivalUs: number }>

export type Traffic = {
  /** A part that arrives now, up to 30 lines. Counts it as taken from here on. */
  part(arrivalUs: number): Part
  /** Everything so far. */
  readonly sums: Sums
  /** After how many parts the windows looked like this last; undefined if never. */
  partsAt(sums: Sums): number | undefined
}

export function openTraffic({ seed, windowUs, lateUsMax }: TrafficOptions): Traffic {
  const random = openRandom(seed)
  const ids: string[] = []
  const sums: Sums = new Map()
  const seen = new Map<string, number>([[sumsText(sums), 0]])
  let parts = 0

  function line(arrivalUs: number): string {
    if (random.chance(0.05)) return '{"event_id":'
    const isRepeat = ids.length > 0 && random.chance(0.1)
    const id = isRepeat ? random.pick(ids) : `event-${seed}-${ids.length}`
    const backUs = random.chance(0.2) ? random.below(lateUsMax) : random.below(HOUR_US / 60)
    const type = random.below(3)
    const timeUs = Math.floor((arrivalUs - backUs) / 1000) * 1000
    const cents = random.below(2_000) - 300
    const campaignId = `campaign-${random.below(12)}`
    if (!isRepeat) {
      ids.push(id)
      addTo(sums, {
        campaignId,
        windowStartUs: Math.floor(timeUs / windowUs) * windowUs,
        impressions: Number(type === 0),
        clicks: Number(type === 1),
        conversions: Number(type === 2),
        revenueMillionths: BigInt(cents) * 10_000n,
      })
    }
    return JSON.stringify({
      event_id: id,
      user_id: 'user',
      campaign_id: campaignId,
      event_type: TYPES[type],
      timestamp: new Date(timeUs / 1000).toISOString(),
      revenue: cents / 100,
    })
  }

  return {
    part(arrivalUs) {
      const count = 1 + random.below(30)
      const lines = Array.from({ length: count }, () => line(arrivalUs))
      parts++
      seen.set(sumsText(sums), parts)
      return { lines: Buffer.from(`${lines.join('\n')}\n`), count, arrivalUs }
    },
    sums,
    partsAt: (asked) => seen.get(sumsText(asked)),
  }
}
