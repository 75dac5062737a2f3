/**
 * Who sees which ads: campaigns of different size and success, users with a country and a device
 * that stay theirs.
 */

import type { Random } from './random.ts'

export type Campaign = Readonly<{
  id: string
  clickShare: number
  conversionShare: number
  priceCents: number
}>
export type User = Readonly<{ id: string; platform: string; country: string; device: string }>

const SEASONS = ['spring', 'summer', 'autumn', 'winter', 'holiday']
const GOODS = [
  'shoes',
  'coffee',
  'travel',
  'games',
  'music',
  'books',
  'bikes',
  'phones',
  'plants',
  'toys',
]
/** Each country as often as its share of the audience. */
const COUNTRIES =
  'US US US US US DE DE DE GB GB GB FR FR IN IN IN BR BR JP JP ES IT NL SE PL CA AU MX'.split(' ')

/**
 * Campaigns in falling order of size; clicks of 2–4 % of impressions, conversions of 5–10 % of
 * clicks.
 */
export function listCampaigns(count: number, random: Random): readonly Campaign[] {
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
export function userOf(number: number): User {
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
