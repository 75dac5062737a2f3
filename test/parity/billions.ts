/**
 * Sums that no 64-bit integer and no DOUBLE holds by itself, in windows that have long ended when
 * the last of them come.
 */
import type { Item } from '../interop/hard-input.ts'

/** 9,224 events of 1e9 are more than 2^63 millionths. */
const OVERFLOWING = 9_300
/** So many windows of billions, each a few millionths apart. */
const CAMPAIGNS = 40
const DROPS = 6

export function listBillions(atMs: number): readonly Item[] {
  const items: Item[] = []
  for (let at = 0; at < OVERFLOWING; at += 1) {
    items.push(
      money('over', `over-${at}`, '1e9', atMs),
      money('under', `under-${at}`, '-1e9', atMs),
    )
  }
  for (let at = 0; at < CAMPAIGNS; at += 1) {
    for (let billion = 0; billion < 8; billion += 1) {
      items.push(money(`high-${at}`, `high-${at}-${billion}`, '1e9', atMs))
      if (billion < 4) items.push(money(`low-${at}`, `low-${at}-${billion}`, '1e9', atMs))
    }
    items.push(money(`low-${at}`, `low-${at}-rest`, `400000000.0000${10 + at}`, atMs))
    items.push(money(`high-${at}`, `high-${at}-rest`, `900000000.0000${10 + at}`, atMs))
  }
  return items
}

/** One millionth more or half of one less: what a sum that was read back as a DOUBLE would lose. */
export function listLastDrops(atMs: number): readonly Item[] {
  const items: Item[] = []
  for (let at = 0; at < DROPS; at += 1) {
    items.push(money('over', `drop-${at}`, '0.000001', atMs))
    items.push(money('under', `half-${at}`, '-5e-7', atMs))
  }
  for (let at = 0; at < CAMPAIGNS; at += 1) {
    items.push(money(`low-${at}`, `low-${at}-last`, '0.000001', atMs))
    items.push(money(`high-${at}`, `high-${at}-last`, '0.000001', atMs))
  }
  return items
}

function money(campaign: string, id: string, revenue: string, atMs: number): Item {
  const timestamp = new Date(atMs).toISOString()
  const json =
    `{"event_id":"${id}","user_id":"u","campaign_id":"${campaign}","event_type":"conversion",` +
    `"timestamp":"${timestamp}","revenue":${revenue}}`
  return { bytes: Buffer.from(json), blame: null, breaksArray: false }
}
