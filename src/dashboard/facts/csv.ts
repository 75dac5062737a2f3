/**
 * The campaign table as a file for spreadsheets: RFC 4180, UTF-8. A campaign id is whatever a sender wrote; one that a
 * spreadsheet would take for a formula gets an apostrophe in front, so that it stays a text.
 */

import { columnOf, MEASURE_IDS } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import type { CampaignRow } from './campaigns.ts'
import { momentText } from './range.ts'

const LINE_END = '\r\n'
/** OWASP, "CSV Injection"; the wide ones are formulas to spreadsheets in Japanese and Chinese. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/
/** The semicolon: where the comma is the decimal mark, a spreadsheet takes it for the end of a cell. */
const NEEDS_QUOTES = /[",;\r\n]/

export function campaignsCsv(rows: readonly CampaignRow[]): string {
  const header = ['campaign_id', ...MEASURE_IDS.map(columnOf)].join(',')
  const lines = rows.map((row) =>
    [textCell(row.campaign), ...MEASURE_IDS.map((id) => String(row[id] ?? ''))].join(','),
  )
  return [header, ...lines, ''].join(LINE_END)
}

/** `campaigns-20261122T100000Z-20261122T110000Z.csv`: no character that a file system refuses. */
export function csvFileName({ fromUs, toUs }: TimeSpan): string {
  const plain = (us: number): string => momentText(us).replaceAll(/[-:]/g, '')
  return `campaigns-${plain(fromUs)}-${plain(toUs)}.csv`
}

function textCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
