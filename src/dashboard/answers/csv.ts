/**
 * The campaign table as a file for spreadsheets: RFC 4180, UTF-8. Senders choose campaign ids; one
 * that a spreadsheet would take for a formula gets a leading apostrophe, so that it stays text.
 */

import { columnOf, MEASURE_IDS, MEASURES, type MeasureId } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { csvText } from '../../query.ts'
import { momentText } from '../steps.ts'
import type { CampaignRow } from './campaigns.ts'

const LINE_END = '\r\n'

/** Revenue's columns name their currency: `revenue (EUR)`. */
export function campaignsCsv(rows: readonly CampaignRow[], currency: string | null): string {
  const named = (id: MeasureId): string =>
    MEASURES[id].unit === 'money' && currency !== null
      ? `${columnOf(id)} (${currency})`
      : columnOf(id)
  const header = ['campaign_id', ...MEASURE_IDS.map(named)].join(',')
  const lines = rows.map((row) =>
    [csvText(row.campaign, true), ...MEASURE_IDS.map((id) => String(row[id] ?? ''))].join(','),
  )
  return [header, ...lines, ''].join(LINE_END)
}

/** `campaigns-20261122T100000Z-20261122T110000Z.csv`, which is valid on every file system. */
export function csvFileName({ fromUs, toUs }: TimeSpan): string {
  const plain = (us: number): string => momentText(us).replaceAll(/[-:]/g, '')
  return `campaigns-${plain(fromUs)}-${plain(toUs)}.csv`
}
