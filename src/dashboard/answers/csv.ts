/**
 * The campaign table as a file for spreadsheets: RFC 4180, UTF-8 with a byte order mark, by which
 * Excel knows UTF-8. Senders choose campaign ids; one that a spreadsheet would take for a formula
 * gets a leading apostrophe, so that it stays text. Other ids are written as they are, also those of
 * 17 digits, of which spreadsheets keep 15 unless they import the column as text.
 *
 *     campaign_id,name,impressions,…,revenue (EUR),…,from,to,time_zone
 */

import { columnOf, MEASURE_IDS, MEASURES, type MeasureId } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { csvText } from '../../query.ts'
import { momentText } from '../steps.ts'
import type { CampaignRow } from './campaigns.ts'

/** What a file says besides its figures. */
export type CsvNotes = Readonly<{
  /** Of revenue; null where it is a plain number. */
  currency: string | null
  /** The zone of the period. */
  timezone: string
  span: TimeSpan
  /** What people call a campaign; null if it has no name. */
  nameOf: (campaign: string) => string | null
}>

const BYTE_ORDER_MARK = '\ufeff'
const LINE_END = '\r\n'

/** Figures are in the units of the page's table: percent from 0 to 100, money in its currency. */
export function campaignsCsv(
  rows: readonly CampaignRow[],
  { currency, timezone, span, nameOf }: CsvNotes,
): string {
  const named = (id: MeasureId): string =>
    MEASURES[id].unit === 'money' && currency !== null
      ? `${columnOf(id)} (${currency})`
      : columnOf(id)
  const header = ['campaign_id', 'name', ...MEASURE_IDS.map(named), 'from', 'to', 'time_zone']
  const wallTime = wallTimeIn(timezone)
  const period = [wallTime(span.fromUs), wallTime(span.toUs), timezone]
  const lines = rows.map((row) =>
    [
      csvText(row.campaign, true),
      csvText(nameOf(row.campaign) ?? '', true),
      ...MEASURE_IDS.map((id) => String(row[id] ?? '')),
      ...period,
    ].join(','),
  )
  return BYTE_ORDER_MARK + [header.join(','), ...lines, ''].join(LINE_END)
}

/** `2026-11-22 11:00:00`, which spreadsheets take for a date. */
function wallTimeIn(timeZone: string): (us: number) => string {
  // Swedish dates are those of ISO 8601.
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return (us) => clock.format(us / 1000)
}

/** `campaigns-20261122T100000Z-20261122T110000Z.csv`, which is valid on every file system. */
export function csvFileName({ fromUs, toUs }: TimeSpan): string {
  const plain = (us: number): string => momentText(us).replaceAll(/[-:]/g, '')
  return `campaigns-${plain(fromUs)}-${plain(toUs)}.csv`
}
