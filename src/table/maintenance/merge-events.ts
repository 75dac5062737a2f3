/**
 * Which raw files to merge. A commit a second makes 86,400 files a day; they are merged by the dedupe time at which their
 * events came (which no step of the wall clock moves), in steps, so that an event is rewritten three times in its life:
 *
 *   a second ──► a minute ──► an hour ──► a day of arrivals ──► the partition's day
 *   60 files     60 files     24 files    sorted by campaign and time, up to MERGED_BYTES
 *
 * Never across partitions. And never across two generations of the dedup memory while it may still be rebuilt from the
 * files: the memory cuts dedupe time into generations as long as the horizon, and puts the ids of a file into the
 * generation of its newest event. A merge within one generation changes nothing of that, whatever its span; one
 * across two would have the older ids remembered for up to a generation too long. Files of the current generation and
 * the one before are therefore merged within theirs only; older ones are not read any more and are free. The newest
 * event in the table decides what is current: a job that is hours behind goes on from there.
 */
import type { DataFile } from '../data-file.ts'
import { type FileTimes, joinTimes, type TimeRange } from '../file-times.ts'

/** A raw file with the times from its footer. */
export type TimedFile = Readonly<{ file: DataFile; times: FileTimes }>

export type EventMerge = Readonly<{
  kind: 'merge-events'
  day: number
  inputs: readonly DataFile[]
  times: FileTimes
  /** By campaign and time. A minute's merge is not worth sorting unless it is so large that no other follows. */
  isSorted: boolean
}>

export type MergeRules = Readonly<{
  /** Dedupe time. */
  nowUs: number
  horizonUs: number
  /** Merge what can be merged, without waiting for a minute or an hour to be over. */
  isUrgent: boolean
}>

const MINUTE_US = 60_000_000
const SPANS_US = [MINUTE_US, 60 * MINUTE_US, 24 * 60 * MINUTE_US] as const
/** Fewer files of one minute wait for the hour. */
const MINUTE_FILES_MIN = 4
/** What an urgent merge is worth. */
const URGENT_FILES_MIN = 8
/** A file of this size is large enough; it is not rewritten any more. */
const LARGE_BYTES = 128 * 2 ** 20
/** Inputs of one merge: bounds its memory, its time, and what a crash in it costs. */
const MERGED_BYTES = 256 * 2 ** 20
const INPUTS_MAX = 256

/** What is merged before one commit: a commit of a table of many files costs more than the merge of two small ones. */
const TOGETHER_BYTES_MAX = 32 * 2 ** 20
const TOGETHER_INPUTS_MAX = INPUTS_MAX

/** The first merge, and those after it that are to be committed with it. */
export function mergesTogether(merges: readonly EventMerge[]): readonly EventMerge[] {
  let inputs = 0
  let bytes = 0
  const end = merges.findIndex((merge) => {
    inputs += merge.inputs.length
    bytes += merge.inputs.reduce((sum, file) => sum + file.bytes, 0)
    return inputs > TOGETHER_INPUTS_MAX || bytes > TOGETHER_BYTES_MAX
  })
  return end === -1 ? merges : merges.slice(0, Math.max(1, end))
}

/** The merges that are due, those that take away most files first. */
export function planEventMerges(
  files: readonly TimedFile[],
  rules: MergeRules,
): readonly EventMerge[] {
  const { nowUs, horizonUs, isUrgent } = rules
  const newestUs = files.reduce((newest, { times }) => Math.max(newest, times.dedupe.maxUs), 0)
  const settledUs = (Math.floor(newestUs / horizonUs) - 1) * horizonUs
  const groups: (readonly TimedFile[])[] = []
  for (const ofDay of Map.groupBy(files.filter(isSmall), ({ file }) => file.day).values()) {
    for (const [part, members] of Map.groupBy(ofDay, generationPart(horizonUs, settledUs))) {
      if (part === null) continue
      if (isUrgent) groups.push(...(members.length < URGENT_FILES_MIN ? [] : [members]))
      else if (part !== SETTLED) groups.push(...spanGroups(members, nowUs))
      // A span that reaches into generations not yet settled waits for them, so as to be merged once.
      else groups.push(...settledGroups(members, Math.min(nowUs, settledUs)))
    }
  }
  return groups
    .flatMap(cutToSize)
    .toSorted((a, b) => b.length - a.length)
    .map(mergeOf)
}

const SETTLED = 'settled'

/** What may be merged with each other: a generation, or everything settled; null where a file spans two of them. */
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
 * The files of each span that ended before `untilUs`. The widest such span takes all in it: what was not merged by the
 * minute goes straight into the hour.
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

/** Also files that came on different days: those of late events, once they are worth a merge with the rest. */
function settledGroups(members: readonly TimedFile[], untilUs: number): Groups {
  const groups = spanGroups(members, untilUs)
  if (groups.length > 0) return groups
  const ended = members.filter(({ times }) => dayEndUs(times.dedupe.maxUs) <= untilUs)
  return isWorthMerging(ended.map(({ file }) => file.bytes)) ? [ended] : []
}

/** The number of the span that holds a whole file, if it has ended; null if not, or if the file lies in several. */
function endedSpan({ minUs, maxUs }: TimeRange, spanUs: number, untilUs: number): number | null {
  const number = Math.floor(minUs / spanUs)
  const isWhole = number === Math.floor(maxUs / spanUs)
  return isWhole && (number + 1) * spanUs <= untilUs ? number : null
}

function dayEndUs(dedupeUs: number): number {
  const [, , dayUs] = SPANS_US
  return (Math.floor(dedupeUs / dayUs) + 1) * dayUs
}

function isDue(found: readonly TimedFile[], spanUs: number): boolean {
  return found.length >= (spanUs === MINUTE_US ? MINUTE_FILES_MIN : 2)
}

/** Four files, or small ones that together are a quarter of the largest: a few late rows do not rewrite a day. */
export function isWorthMerging(sizes: readonly number[]): boolean {
  const largest = Math.max(...sizes)
  const others = sizes.reduce((sum, size) => sum + size, 0) - largest
  return sizes.length >= 4 || (sizes.length >= 2 && others * 4 >= largest)
}

function isSmall({ file }: TimedFile): boolean {
  return file.bytes < LARGE_BYTES
}

/** Neighbours in dedupe time, up to MERGED_BYTES; a lone file is no merge. */
function cutToSize(group: readonly TimedFile[]): readonly (readonly TimedFile[])[] {
  const parts: TimedFile[][] = []
  let bytes = 0
  for (const each of group.toSorted((a, b) => a.times.dedupe.minUs - b.times.dedupe.minUs)) {
    const part = parts.at(-1)
    if (part === undefined || bytes + each.file.bytes > MERGED_BYTES || part.length >= INPUTS_MAX) {
      parts.push([each])
      bytes = each.file.bytes
    } else {
      part.push(each)
      bytes += each.file.bytes
    }
  }
  return parts.filter((part) => part.length >= 2)
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
