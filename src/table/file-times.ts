/**
 * When the rows of a raw file came, as its Parquet footer says.
 *
 *   arrival   by the wall clock, which may step either way
 *   dedupe    by the clock that event ids age by (see job/dedupe-clock.ts): what must be read back after a restart is decided by it
 *
 * Files of earlier versions have no dedupe time. It began as their arrival time, so that stands in for it.
 */
import { TableError } from './error.ts'
import { FOOTER_KEYS } from './keys.ts'
import type { ParquetReader } from './parquet/read-file.ts'

/** Microseconds, both ends included. */
export type TimeRange = Readonly<{ minUs: number; maxUs: number }>

export type FileTimes = Readonly<{ arrival: TimeRange; dedupe: TimeRange }>

/** The footer's key-value pairs. */
export function footerOf({ arrival, dedupe }: FileTimes): Readonly<Record<string, string>> {
  return {
    [FOOTER_KEYS.arrivalMinUs]: String(arrival.minUs),
    [FOOTER_KEYS.arrivalMaxUs]: String(arrival.maxUs),
    [FOOTER_KEYS.dedupeMinUs]: String(dedupe.minUs),
    [FOOTER_KEYS.dedupeMaxUs]: String(dedupe.maxUs),
  }
}

/** Throws TableError `file-damaged` where the footer has no arrival times. */
export function fileTimesOf(file: string, { metadata }: ParquetReader): FileTimes {
  const pairs = new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value]))
  const rangeOf = (minKey: string, maxKey: string): TimeRange | null => {
    const minUs = Number(pairs.get(minKey) ?? Number.NaN)
    const maxUs = Number(pairs.get(maxKey) ?? Number.NaN)
    return Number.isSafeInteger(minUs) && Number.isSafeInteger(maxUs) ? { minUs, maxUs } : null
  }
  const arrival = rangeOf(FOOTER_KEYS.arrivalMinUs, FOOTER_KEYS.arrivalMaxUs)
  if (arrival === null) {
    const reason = `its footer lacks ${FOOTER_KEYS.arrivalMinUs} or ${FOOTER_KEYS.arrivalMaxUs}`
    const expected = 'a file of campaign_events'
    throw new TableError('file-damaged', { path: file, expected, reason })
  }
  return { arrival, dedupe: rangeOf(FOOTER_KEYS.dedupeMinUs, FOOTER_KEYS.dedupeMaxUs) ?? arrival }
}

/** The times of the rows of several files together. */
export function joinTimes(files: readonly FileTimes[]): FileTimes {
  const join = (pick: (times: FileTimes) => TimeRange): TimeRange => ({
    minUs: Math.min(...files.map((times) => pick(times).minUs)),
    maxUs: Math.max(...files.map((times) => pick(times).maxUs)),
  })
  return { arrival: join(({ arrival }) => arrival), dedupe: join(({ dedupe }) => dedupe) }
}
