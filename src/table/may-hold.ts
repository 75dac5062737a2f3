/** Whether a metrics file may hold the row of a campaign's window, by its column bounds: no file is read. */
import { longOf } from './bounds.ts'
import type { DataFile } from './data-file.ts'
import { fieldNamed, METRICS_SCHEMA } from './schema.ts'

const CAMPAIGN_ID = fieldNamed(METRICS_SCHEMA, 'campaign_id').id
const WINDOW_START = fieldNamed(METRICS_SCHEMA, 'window_start').id

export function mayHoldWindow(
  file: DataFile,
  key: Readonly<{ campaignId: string; windowStartUs: number }>,
): boolean {
  const start = key.windowStartUs
  if (isOutside(file, WINDOW_START, (bound) => start - Number(longOf(bound)))) return false
  const campaign = Buffer.from(key.campaignId)
  return !isOutside(file, CAMPAIGN_ID, (bound) => Buffer.compare(campaign, bound))
}

/** `compare` orders the value against a bound; a column without bounds excludes nothing. */
function isOutside(file: DataFile, field: number, compare: (bound: Uint8Array) => number): boolean {
  const lower = file.lowerBounds.get(field)
  const upper = file.upperBounds.get(field)
  if (lower === undefined || upper === undefined) return false
  return compare(lower) < 0 || compare(upper) > 0
}
