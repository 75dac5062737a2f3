/**
 * Events of the last two hours with the windows they make, added up here and not by the product.
 */
import type { StoredEvent, StoredWindow } from '../../support/stored-rows.ts'

export const WINDOW_MS = 300_000
/** A campaign that is HTML, has quotes, and is no ASCII. */
export const HOSTILE_NAME = `<b>l'été</b> "黑五"`

/** Minutes ago in which nothing happens, in any campaign: whole windows of it. */
const SILENT_MINUTES = { least: 30, most: 42 }
const PLATFORMS = ['web', 'mobile', "l'app"]
const DEVICES = [null, 'ios', 'android']

/** Two hours of twelve campaigns, whose names and ratios are all different. */
export function adTraffic(
  nowMs: number,
): Readonly<{ events: readonly StoredEvent[]; windows: readonly StoredWindow[] }> {
  const textOf = (ms: number): string => new Date(ms).toISOString().slice(0, 23).replace('T', ' ')
  const events: StoredEvent[] = []
  const sums = new Map<
    string,
    { start: number; campaign: string; counts: [number, number, number]; cents: number }
  >()
  const add = (
    campaign: string,
    type: 'impression' | 'click' | 'conversion',
    ms: number,
    cents: number,
  ): void => {
    const place = events.length
    events.push({
      id: `e${place}`,
      platform: PLATFORMS[place % PLATFORMS.length] ?? 'web',
      country: place % 2 === 0 ? 'DE' : 'FR',
      device: DEVICES[Math.floor(place / 7) % DEVICES.length] ?? null,
      campaign,
      type,
      at: textOf(ms),
      revenue: String(cents / 100),
    })
    const start = Math.floor(ms / WINDOW_MS) * WINDOW_MS
    const key = `${campaign} ${start}`
    const sum = sums.get(key) ?? {
      start,
      campaign,
      counts: [0, 0, 0] as [number, number, number],
      cents: 0,
    }
    sum.counts[['impression', 'click', 'conversion'].indexOf(type)]! += 1
    sum.cents += cents
    sums.set(key, sum)
  }
  for (let index = 0; index < 12; index++) {
    const campaign = index === 0 ? HOSTILE_NAME : `campaign ${index}`
    for (let minute = 0; minute < 120; minute += 2) {
      if (minute >= SILENT_MINUTES.least && minute <= SILENT_MINUTES.most) continue
      const ms = nowMs - minute * 60_000
      for (let count = 0; count <= index + (minute % 7); count++) add(campaign, 'impression', ms, 0)
      if ((minute + index) % 3 === 0) add(campaign, 'click', ms, 0)
      if ((minute / 2 + index) % 6 === 0) add(campaign, 'conversion', ms, 1234 + index * 7)
    }
  }
  const windows = [...sums.values()].map(({ start, campaign, counts, cents }): StoredWindow => {
    const ratio = (part: number, whole: number): string =>
      whole === 0 ? 'NULL' : String((part * 100) / whole)
    const [impressions, clicks, conversions] = counts
    const [ctr, cvr] = [ratio(clicks, impressions), ratio(conversions, clicks)]
    const times = { start: textOf(start), end: textOf(start + WINDOW_MS) }
    return { campaign, ...times, counts, revenue: String(cents / 100), ctr, cvr }
  })
  return { events, windows }
}

/** Seconds after the moment, negative before it, without an event in `secondsAround`. */
const SILENT_SECONDS = { least: -100, most: -80 }

/**
 * An event a second, around a moment: so that the last minutes have some, however slow the machine
 * is. Some seconds before the moment are silent.
 */
export function secondsAround(nowMs: number): readonly StoredEvent[] {
  return Array.from({ length: 400 }, (_, index) => index - 120)
    .filter((second) => second < SILENT_SECONDS.least || second > SILENT_SECONDS.most)
    .map((second, index): StoredEvent => {
      const at = new Date(nowMs + second * 1000).toISOString().slice(0, 23).replace('T', ' ')
      const type = index % 5 === 0 ? 'click' : 'impression'
      const campaign = index % 2 === 0 ? HOSTILE_NAME : 'campaign 1'
      const country = index % 4 < 2 ? 'DE' : 'FR'
      return {
        id: `s${second}`,
        campaign,
        type,
        at,
        platform: PLATFORMS[index % 3] ?? 'web',
        country,
      }
    })
}
