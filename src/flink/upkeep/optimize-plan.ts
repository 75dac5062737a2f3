/**
 * Which day of the raw table Trino is to merge now. A checkpoint every 5 s leaves some 17,000 files a day: while a day
 * grows, its small files are merged as soon as there are many; once it is over, all that are not large.
 */

export type RawFileSize = Readonly<{ day: number; bytes: number }>

/** Files of this day smaller than the threshold become larger ones. */
export type Optimize = Readonly<{ day: number; thresholdBytes: number }>

const MIB = 2 ** 20
const GROWING: Readonly<{ files: number; thresholdBytes: number }> = {
  files: 60,
  thresholdBytes: 16 * MIB,
}
const OVER: Readonly<{ files: number; thresholdBytes: number }> = {
  files: 4,
  thresholdBytes: 128 * MIB,
}
const DAY_US = 86_400_000_000
/** A day is left to late events for so long before it counts as over. */
const SETTLE_US = 3_600_000_000

/**
 * The day with most files that are due. `left`: small files that the last merge of a day left; it is not merged again before as many
 * more have come.
 */
export function planOptimize(
  files: readonly RawFileSize[],
  left: ReadonlyMap<number, number>,
  nowUs: number,
): Optimize | null {
  let due: (Optimize & { files: number }) | null = null
  for (const [day, ofDay] of Map.groupBy(files, (file) => file.day)) {
    const rule = (day + 1) * DAY_US + SETTLE_US <= nowUs ? OVER : GROWING
    const small = countSmall(ofDay, rule.thresholdBytes)
    const isDue = small - (left.get(day) ?? 0) >= rule.files
    if (isDue && small > (due?.files ?? 0)) {
      due = { day, thresholdBytes: rule.thresholdBytes, files: small }
    }
  }
  return due === null ? null : { day: due.day, thresholdBytes: due.thresholdBytes }
}

export function countSmall(files: readonly RawFileSize[], thresholdBytes: number): number {
  return files.filter(({ bytes }) => bytes < thresholdBytes).length
}
