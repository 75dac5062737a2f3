/**
 * Carries out one task. Outputs are written first and committed last, so a kill at any moment
 * leaves the tables as they were, and at most a file that the orphan sweep finds. An output is
 * removed here only where it is known that no commit has it: before the commit, or after a commit
 * that was refused because an input was gone (F9).
 */
import { strict as assert } from 'node:assert'
import { dirname } from 'node:path'
import { makeFolder } from '../../runtime.ts'
import type { OnStep } from '../commit.ts'
import type { DataFile } from '../data-file.ts'
import { footerOf } from '../data-files.ts'
import { dayText } from '../definition.ts'
import { TableError } from '../error.ts'
import { SUMMARY_KEYS } from '../keys.ts'
import type { Lake } from '../lake.ts'
import { compareRows } from '../metrics-row.ts'
import type { FileChange } from '../snapshot.ts'
import { newestValue, type TableView } from '../table-view.ts'
import type { Arrivals } from './arrivals.ts'
import type { Task } from './plan.ts'
import { type EventMerge, type MetricsMerge, mergesTogether } from './plan-merges.ts'

export type MergeEventFiles = (
  inputs: readonly string[],
  output: string,
  options: Readonly<{
    footer: Readonly<Record<string, string>>
    isSorted: boolean
    signal: AbortSignal
  }>,
) => Promise<unknown>

export type TaskParts = Readonly<{
  lake: Pick<
    Lake,
    | 'checkFile'
    | 'commit'
    | 'discard'
    | 'events'
    | 'importEventsFile'
    | 'local'
    | 'newEventsPath'
    | 'readMetricsFile'
    | 'sweepOrphans'
    | 'writeMetricsFile'
  >
  /** Merges raw files into one; removes the output when it fails. Needed by such tasks only. */
  mergeEventFiles?: MergeEventFiles
  /**
   * Runs `work` while nothing else selects metrics files to replace. The job amends windows under
   * the same lock: a merge must not replace a file that the job has read and is about to replace.
   * Also waits for other programs that are about to commit.
   */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>
  times: Arrivals
  newId: () => string
  /**
   * Called at each step of a file that a merge writes, as the lake does for its own files; for
   * tests that stop the process there.
   */
  onStep?: OnStep
  signal: AbortSignal
}>

/** `stale`: the files had changed meanwhile, and the work was discarded. */
export type Outcome = 'done' | 'stale'

/** A raw file with the rows of others, which it has replaced. */
export type MergedFile = Readonly<{ path: string; from: readonly string[] }>

export type TaskResult = Readonly<{ outcome: Outcome; merged: readonly MergedFile[] }>

/** Carries out `task`; together with a merge of raw files, some of the others. */
export async function runTask(
  task: Task,
  others: readonly Task[],
  parts: TaskParts,
): Promise<TaskResult> {
  switch (task.kind) {
    case 'merge-events': {
      const merges = others.filter((other) => other.kind === 'merge-events')
      return await mergeEvents(mergesTogether([task, ...merges]), parts)
    }
    case 'merge-metrics':
      return ofNoMerge(await parts.exclusively(() => mergeMetrics(task, parts)))
    case 'drop-days': {
      const summary = {
        [SUMMARY_KEYS.keptFrom]: dayText(task.keptFromDay),
        [SUMMARY_KEYS.droppedRows]: String(droppedRows(parts.lake.events, task.events)),
      }
      const change = { events: removal(task.events), metrics: removal(task.metrics) }
      return ofNoMerge(await parts.exclusively(() => commit(parts, 'drop', change, summary)))
    }
    case 'sweep-orphans':
      await parts.lake.sweepOrphans(task.beforeUs)
      return ofNoMerge('done')
  }
}

const ofNoMerge = (outcome: Outcome): TaskResult => ({ outcome, merged: [] })

async function mergeEvents(merges: readonly EventMerge[], parts: TaskParts): Promise<TaskResult> {
  const { lake, times } = parts
  const merged: DataFile[] = []
  try {
    for (const merge of merges) merged.push(await writeMerged(merge, parts))
  } catch (error) {
    await lake.discard(merged)
    throw error
  }
  const remove = merges.flatMap(({ inputs }) => inputs)
  const change = { events: { add: merged, remove, rewrite: true } }
  const outcome = await parts.exclusively(() => commit(parts, 'merge', change))
  if (outcome === 'stale') {
    await lake.discard(merged)
    return ofNoMerge(outcome)
  }
  const replaced = merges.flatMap((merge, index) => {
    const file = merged[index]
    if (file === undefined) return []
    times.add(file, merge.times)
    return [{ path: file.path, from: merge.inputs.map(({ path }) => path) }]
  })
  return { outcome, merged: replaced }
}

async function writeMerged(task: EventMerge, parts: TaskParts): Promise<DataFile> {
  const { lake, signal, mergeEventFiles } = parts
  assert(mergeEventFiles !== undefined, 'raw files that others merge are not planned to be merged')
  const output = lake.newEventsPath(task.day)
  const local = lake.local.pathOf(output)
  const options = { footer: footerOf(task.times), isSorted: task.isSorted, signal }
  const inputs = await lake.local.hold(task.inputs.map(({ path }) => path))
  try {
    for (const [index, input] of task.inputs.entries()) {
      await lake.checkFile(input, inputs.paths[index] ?? input.path)
    }
    makeFolder(dirname(local))
    await mergeEventFiles(inputs.paths, local, options)
  } finally {
    inputs.release()
  }
  parts.onStep?.('data-file-written')
  const merged = await importOrDiscard(task, output, lake)
  parts.onStep?.('data-file-synced')
  return merged
}

async function importOrDiscard(
  task: EventMerge,
  output: string,
  lake: TaskParts['lake'],
): Promise<DataFile> {
  try {
    const merged = await lake.importEventsFile(output)
    const rows = task.inputs.reduce((sum, file) => sum + file.rows, 0)
    if (merged.rows === rows && merged.day === task.day) return merged
    const found = `${merged.rows} rows of day ${merged.day}`
    const reason = `it has ${found} instead of ${rows} of day ${task.day}`
    throw new TableError('file-unfit', { path: output, table: 'campaign_events', reason })
  } catch (error) {
    const [likeOutput] = task.inputs
    if (likeOutput !== undefined) await lake.discard([{ ...likeOutput, path: output }])
    throw error
  }
}

async function mergeMetrics(task: MetricsMerge, parts: TaskParts): Promise<Outcome> {
  const { lake } = parts
  const rows = []
  for (const input of task.inputs) rows.push(...(await lake.readMetricsFile(input)))
  const merged = await lake.writeMetricsFile(task.day, rows.sort(compareRows))
  const change: FileChange = { add: [merged], remove: task.inputs, rewrite: true }
  const outcome = await commit(parts, 'merge', { metrics: change })
  if (outcome === 'stale') await lake.discard([merged])
  return outcome
}

/**
 * After any error but a missing input the outcome may be unknown: the output stays, and the orphan
 * sweep decides.
 */
async function commit(
  { lake, newId }: TaskParts,
  what: string,
  change: Readonly<{ events?: FileChange; metrics?: FileChange }>,
  summary: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  try {
    await lake.commit({ ...change, summary, commitId: `${what}-${newId()}` })
    return 'done'
  } catch (error) {
    if (error instanceof TableError && error.code === 'missing-file') return 'stale'
    throw error
  }
}

function removal(files: readonly DataFile[]): FileChange {
  return { add: [], remove: files }
}

function droppedRows(events: TableView, dropped: readonly DataFile[]): number {
  const before = Number(newestValue(events, SUMMARY_KEYS.droppedRows) ?? 0)
  return dropped.reduce((sum, { rows }) => sum + rows, before)
}
