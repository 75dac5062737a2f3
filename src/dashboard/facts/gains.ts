/** What windows gain by a commit, or will gain by the next one: told by the job, added on top of what was loaded. */
import type { FeedMessage } from '../../embedded.ts'
import type { CampaignNames } from './campaign-names.ts'
import { SumsTable, WIDTH } from './sums-table.ts'

export type Gain = Extract<FeedMessage, { kind: 'pending' }>['deltas'][number]

/** A row each; `starts` are those of windows. */
export function tableOfGains(gains: readonly Gain[], names: CampaignNames): SumsTable {
  const table = new SumsTable(gains.length)
  for (const gain of gains) {
    const at = table.append(gain.windowStartUs, names.add(gain.campaignId)) * WIDTH
    table.sums[at] = gain.impressions
    table.sums[at + 1] = gain.clicks
    table.sums[at + 2] = gain.conversions
    table.sums[at + 3] = Number(gain.revenueMillionths)
  }
  return table
}
