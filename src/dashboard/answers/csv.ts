/**
 * The campaign table as a file for spreadsheets: RFC 4180, UTF-8. Senders choose campaign ids; one
 * that a spreadsheet would take for a formula gets a leading apostrophe, so that it stays text.
 */
import { columnOf, MEASURE_IDS } from '../../dashboard-definition.ts'
import { momentText, type Stretch } from '../steps.ts'
import type { CampaignRow } from './campaigns.ts'

const LINE_END = '\r\n'
/** OWASP, "CSV Injection"; the wide signs begin formulas in Japanese and Chinese spreadsheets. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/
/** The semicolon too: it separates cells in locales with a decimal comma. */
const NEEDS_QUOTES = /[",;\r\n]/

export function campaignsCsv(rows: readonly CampaignRow[]): string {
  const header = ['campaign_id', ...MEASURE_IDS.map(columnOf)].join(',')
  const lines = rows.map((row) =>
    [textCell(row.campaign), ...MEASURE_IDS.map((id) => String(row[id] ?? ''))].join(','),
  )
  return [header, ...lines, ''].join(LINE_END)
}

/** `campaigns-20261122T100000Z-20261122T110000Z.csv`, which is valid on every file system. */
export function csvFileName({ fromUs, toUs }: Stretch): string {
  const plain = (us: number): string => momentText(us).replaceAll(/[-:]/g, '')
  return `campaigns-${plain(fromUs)}-${plain(toUs)}.csv`
}

function textCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
