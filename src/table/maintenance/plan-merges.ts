/**
 * Which files to merge (compaction).
 *
 * A commit a second makes 86,400 raw files a day. They are merged by the dedupe time at which their
 * events came (which no step of the wall clock changes), in steps, so that an event is rewritten
 * three times in its life:
 *
 *   a second ──► a minute ──► an hour ──► a day of arrivals ──► the partition's day
 *   60 files     60 files     24 files    sorted by campaign and time, up to MERGED_BYTES
 *
 * They are never merged across partitions, nor across two generations of the dedup memory while it
 * may still be rebuilt from the files. The memory cuts dedupe time into generations as long as the
 * horizon, and puts the ids of a file into the generation of its newest event. A merge within one
 * generation changes nothing about that, whatever its span; a merge across two would make the
 * memory keep the older ids for up to a generation too long. So files of the current generation and
 * of the one before are merged only within their own; older files are not read again and may be
 * merged freely. The newest event in the table decides which generation is current: a job that is
 * hours behind resumes there.
 */
import { type DataFile, windowStarts } from '../data-file.ts'
import { type FileTimes, joinTimes, type TimeRange } from '../data-files.ts'
import { DAY_US } from '../definition.ts'
import { METRICS_FILE_ROWS_MAX } from '../metrics-row.ts'
import { METRICS_SCHEMA } from '../schema.ts'

/** A raw file with the times from its footer. */
export type TimedFile = Readonly<{ file: DataFile; times: FileTimes }>

export type EventMerge = Readonly<{
  kind: 'merge-events'
  day: number
  inputs: readonly DataFile[]
  times: FileTimes
  /**
   * By campaign and time. A minute's merge is only worth sorting when it is so large that no other
   * follows.
   */
  isSorted: boolean
}>

export type MergeRules = Readonly<{
  /** Dedupe time. */
  nowUs: number
  horizonUs: number
  /** Merges without waiting for a minute or an hour to be over. */
  isUrgent: boolean
}>

const MINUTE_US = 60_000_000
const SPANS_US = [MINUTE_US, 60 * MINUTE_US, DAY_US] as const
/** Fewer files of one minute wait for the hour. */
const MINUTE_FILES_MIN = 4
/** An urgent merge needs as many files. */
const URGENT_FILES_MIN = 8
/** A file of this size is large enough and is not rewritten again. */
const LARGE_BYTES = 128 * 2 ** 20
/** Inputs of one merge: bounds its memory, its time, and what a crash in it costs. */
const MERGED_BYTES = 256 * 2 ** 20
const INPUTS_MAX = 256

/**
 * Merges share a commit up to this size, since in a table of many files a commit costs more than
 * merging two small ones.
 */
const TOGETHER_BYTES_MAX = 32 * 2 ** 20

/** The first merge, and those after it that share its commit. */
export function mergesTogether(merges: readonly EventMerge[]): readonly EventMerge[] {
  let inputs = 0
  let bytes = 0
  const end = merges.findIndex((merge) => {
    inputs += merge.inputs.length
    bytes += merge.inputs.reduce((sum, file) => sum + file.bytes, 0)
    return inputs > INPUTS_MAX || bytes > TOGETHER_BYTES_MAX
  })
  return end === -1 ? merges : merges.slice(0, Math.max(1, end))
}

/** The merges of raw files that are due, those that remove most files first. */
export function planEventMerges(
  files: readonly TimedFile[],
  rules: MergeRules,
): readonly EventMerge[] {
  const { nowUs, horizonUs, isUrgent } = rules
  const newestUs = files.reduce((newest, { times }) => Math.max(newest, times.dedupe.maxUs), 0)
  const settledUs = (Math.floor(newestUs / horizonUs) - 1) * horizonUs
  const groups: (readonly TimedFile[])[] = []
  const mergeable = files.filter((each) => isSmall(each) && each.times.isFixed !== true)
  for (const ofDay of Map.groupBy(mergeable, ({ file }) => file.day).values()) {
    for (const [part, members] of Map.groupBy(ofDay, generationPart(horizonUs, settledUs))) {
      if (part === null) continue
      if (isUrgent) groups.push(...(members.length < URGENT_FILES_MIN ? [] : [members]))
      else if (part !== SETTLED) groups.push(...spanGroups(members, nowUs))
      // A span that reaches into generations not yet settled waits for them, to be merged only
      // once.
      else groups.push(...settledGroups(members, Math.min(nowUs, settledUs)))
    }
  }
  return groups
    .flatMap(cutToSize)
    .toSorted((a, b) => b.length - a.length)
    .map(mergeOf)
}

const SETTLED = 'settled'

/**
 * Files of one part may be merged: a generation, or everything settled; null where a file spans two
 * generations.
 */
function generationPart(
  horizonUs: number,
  settledUs: number,
): (each: TimedFile) => number | typeof SETTLED | null {
  return ({ times: { dedupe } }) => {
    if (dedupe.maxUs < settledUs) return SETTLED
    const first = Math.floor(dedupe.minUs / horizonUs)
    return first === Math.floor(dedupe.maxUs / horizonUs) ? first : null
  }
}

type Groups = readonly (readonly TimedFile[])[]

/**
 * The files of each span that ended before `untilUs`. The widest such span takes all its files:
 * those not merged by the minute go straight into the hour.
 */
function spanGroups(members: readonly TimedFile[], untilUs: number): Groups {
  const groups: (readonly TimedFile[])[] = []
  let rest = members
  for (const spanUs of SPANS_US.toReversed()) {
    const inSpan = Map.groupBy(rest, ({ times }) => endedSpan(times.dedupe, spanUs, untilUs))
    rest = inSpan.get(null) ?? []
    inSpan.delete(null)
    groups.push(...[...inSpan.values()].filter((found) => isDue(found, spanUs)))
  }
  return groups
}

/**
 * Also joins files that came on different days, with late events, once they are worth a merge with
 * the rest.
 */
function settledGroups(members: readonly TimedFile[], untilUs: number): Groups {
  const groups = spanGroups(members, untilUs)
  if (groups.length > 0) return groups
  const ended = members.filter(({ times }) => dayEndUs(times.dedupe.maxUs) <= untilUs)
  return isWorthMerging(ended.map(({ file }) => file.bytes)) ? [ended] : []
}

/**
 * The number of the span that holds a whole file, if it has ended; null if not, or if the file lies
 * in several.
 */
function endedSpan({ minUs, maxUs }: TimeRange, spanUs: number, untilUs: number): number | null {
  const number = Math.floor(minUs / spanUs)
  const isWhole = number === Math.floor(maxUs / spanUs)
  return isWhole && (number + 1) * spanUs <= untilUs ? number : null
}

function dayEndUs(dedupeUs: number): number {
  return (Math.floor(dedupeUs / DAY_US) + 1) * DAY_US
}

function isDue(found: readonly TimedFile[], spanUs: number): boolean {
  return found.length >= (spanUs === MINUTE_US ? MINUTE_FILES_MIN : 2)
}

/**
 * Four files, or small ones that together are a quarter of the largest: a few late rows do not
 * rewrite a day.
 */
function isWorthMerging(sizes: readonly number[]): boolean {
  const largest = Math.max(...sizes)
  const others = sizes.reduce((sum, size) => sum + size, 0) - largest
  return sizes.length >= 4 || (sizes.length >= 2 && others * 4 >= largest)
}

/** Values of columns that another program has added would be lost in a merge. */
function hasOtherColumns({ columnSizes }: DataFile): boolean {
  return [...columnSizes.keys()].some((id) => id > METRICS_SCHEMA.length)
}

function isSmall({ file }: TimedFile): boolean {
  return file.bytes < LARGE_BYTES
}

/** Neighbours in dedupe time, up to MERGED_BYTES; a lone file is no merge. */
function cutToSize(group: readonly TimedFile[]): Groups {
  const sorted = group.toSorted((a, b) => a.times.dedupe.minUs - b.times.dedupe.minUs)
  return runsOf(sorted, ({ file }) => file.bytes, MERGED_BYTES, INPUTS_MAX)
}

/** Runs of at least two neighbours whose sizes add up to `sizeMax` at most. */
function runsOf<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  sizeMax: number,
  countMax: number = Number.POSITIVE_INFINITY,
): readonly (readonly T[])[] {
  const runs: T[][] = []
  let size = 0
  for (const item of items) {
    const run = runs.at(-1)
    if (run === undefined || size + sizeOf(item) > sizeMax || run.length >= countMax) {
      runs.push([item])
      size = sizeOf(item)
    } else {
      run.push(item)
      size += sizeOf(item)
    }
  }
  return runs.filter((run) => run.length >= 2)
}

function mergeOf(group: readonly TimedFile[]): EventMerge {
  const times = joinTimes(group.map((each) => each.times))
  const { minUs, maxUs } = times.dedupe
  const bytes = group.reduce((sum, { file }) => sum + file.bytes, 0)
  return {
    kind: 'merge-events',
    day: group[0]?.file.day ?? 0,
    inputs: group.map(({ file }) => file),
    times,
    isSorted:
      bytes >= LARGE_BYTES / 2 || Math.floor(minUs / MINUTE_US) < Math.floor(maxUs / MINUTE_US),
  }
}

export type MetricsMerge = Readonly<{
  kind: 'merge-metrics'
  day: number
  inputs: readonly DataFile[]
}>

/** A day that is not over is left alone while it has fewer files. */
const OPEN_DAY_FILES_MIN = 16
/** Windows that ended longer ago than this are cold: only late events change them. */
const COLD_AGE_US = 3_600_000_000

/**
 * The merges of metrics files that are due, those that remove most files first: neighbours by
 * window within a day, up to METRICS_FILE_ROWS_MAX rows. The job keeps the files it rewrites every
 * second small. Once a day is over, only late events change it; until then, only a day with many
 * files is merged, and only its cold part.
 */
export function planMetricsMerges(
  files: readonly DataFile[],
  nowUs: number,
): readonly MetricsMerge[] {
  const merges: MetricsMerge[] = []
  const mergeable = files.filter((file) => !hasOtherColumns(file))
  for (const [day, ofDay] of Map.groupBy(mergeable, (file) => file.day)) {
    const isOver = (day + 1) * DAY_US + COLD_AGE_US <= nowUs
    if (!isOver && ofDay.length < OPEN_DAY_FILES_MIN) continue
    const cold = isOver
      ? ofDay
      : ofDay.filter((file) => windowStarts(file).lastUs + COLD_AGE_US <= nowUs)
    const sorted = cold.toSorted((a, b) => windowStarts(a).firstUs - windowStarts(b).firstUs)
    for (const inputs of runsOf(sorted, ({ rows }) => rows, METRICS_FILE_ROWS_MAX)) {
      if (isWorthMerging(inputs.map(({ rows }) => rows))) {
        merges.push({ kind: 'merge-metrics', day, inputs })
      }
    }
  }
  return merges.toSorted((a, b) => b.inputs.length - a.inputs.length)
}
