/**
 * From which checkpoint the job goes on after the cluster has forgotten it (a session cluster
 * without high availability forgets its jobs), and whether it may.
 *
 * The tables know: the summary of each snapshot that Flink commits has `flink.job-id` and
 * `flink.max-committed-checkpoint-id`, and a checkpoint N of job J lies under `<checkpoint
 * directory>/J/chk-N`. Going on from one that is older than the newest commit would append its rows
 * again; a newer one is right, its files are committed when it is restored. Flink keeps the newest
 * three: while events come, N is among them. While none come, the sink commits every tenth
 * checkpoint only (`flink.max-continuous-empty-commits`), and one that was aborted takes a number
 * too. Nothing lists the directory for us: a path is tried by submitting the job with it, and one
 * that is not there costs a second or two, and leaves a failed job in Flink's list. Of three numbers
 * in a row one is enough to try, unless numbers were skipped: those in between come last.
 *
 *   N   gone                      kept        tried: N, N+3, N+6, N+9
 *   100 101 102 103 104 105 106  107 108 109
 *
 * The tables cannot tell what happened after their last commit: a savepoint that a job was stopped
 * with, and checkpoints of a job that has had nothing to commit yet. `start` notes these as it sees
 * them, and the note is used where it is newer than what the tables tell.
 */

import { FLINK_SUMMARY_KEYS } from '../../table.ts'
import { FlinkError } from '../error.ts'
import { REMEMBERED_HORIZONS } from '../job/job-settings.ts'
import { readNoteFile, writeNoteFile } from './note-file.ts'

export type FlinkCommit = Readonly<{ jobId: string; checkpointId: number }>

/** What `start` has noted of the job: the newest checkpoint or savepoint of `jobId`. */
export type NotedCheckpoint = Readonly<{
  jobId: string
  /**
   * `flink.job-id` of the newest commit when `jobId` was submitted; where there was none, the id of
   * the mark of a rebuilt state, or null.
   */
  after: string | null
  checkpointId: number
  path: string
}>

export type RecoveryFacts = Readonly<{
  /** Of each table, its newest commit by Flink. */
  commits: readonly FlinkCommit[]
  noted: NotedCheckpoint | null
  /** Of the cluster: `execution.checkpointing.dir`. */
  directory: string | null
  /** Rows in both tables. */
  rows: number
  /** The mark of a rebuilt state, after which `commits` were made; null where there is none. */
  rebuilt: Readonly<{ id: string }> | null
}>

export type Recovery =
  | Readonly<{ kind: 'fresh' }>
  /** Paths to try, one after the other. */
  | Readonly<{ kind: 'restore'; paths: readonly string[] }>
  | Readonly<{ kind: 'refused'; why: string }>

/**
 * Numbers of checkpoints that may have passed since the newest commit: thrice what an idle job
 * takes.
 */
const NEWER_MAX = 30
/** `execution.checkpointing.num-retained` of the job. */
const KEPT = 3
const MS_PER_MINUTE = 60_000

/** The commit in a snapshot's summary; null where another writer made it. */
export function flinkCommitIn(summary: Readonly<Record<string, string>>): FlinkCommit | null {
  const jobId = summary[FLINK_SUMMARY_KEYS.jobId]
  const id = summary[FLINK_SUMMARY_KEYS.checkpointId]
  if (jobId === undefined || id === undefined || !/^\d+$/.test(id)) return null
  return { jobId, checkpointId: Number(id) }
}

export function recoverFrom(facts: RecoveryFacts): Recovery {
  const { commits, noted, directory, rows, rebuilt } = facts
  const newest = newestOf(commits)
  if (newest === null) {
    if (noted !== null && noted.after === (rebuilt?.id ?? null))
      return { kind: 'restore', paths: [noted.path] }
    if (rows === 0 || rebuilt !== null) return { kind: 'fresh' }
    return { kind: 'refused', why: 'the tables hold rows that no Flink job has committed' }
  }
  const isNewer =
    noted?.jobId === newest.jobId
      ? noted.checkpointId >= newest.checkpointId
      : noted?.after === newest.jobId
  const paths = noted !== null && isNewer ? [noted.path] : []
  if (directory !== null) paths.push(...pathsOf(newest, directory))
  if (paths.length > 0) return { kind: 'restore', paths: [...new Set(paths)] }
  return {
    kind: 'refused',
    why:
      "the tables hold rows, and Flink's configuration has no execution.checkpointing.dir to " +
      'go on from',
  }
}

/** What a note of a job that is submitted now has as `after`. */
export function submittedAfter({
  commits,
  rebuilt,
}: Pick<RecoveryFacts, 'commits' | 'rebuilt'>): string | null {
  return newestOf(commits)?.jobId ?? rebuilt?.id ?? null
}

/**
 * Of two tables the job with the higher checkpoint is the later one: numbers continue over
 * restores.
 */
function newestOf(commits: readonly FlinkCommit[]): FlinkCommit | null {
  return commits.toSorted((a, b) => b.checkpointId - a.checkpointId)[0] ?? null
}

function pathsOf({ jobId, checkpointId }: FlinkCommit, directory: string): string[] {
  const newer = Array.from({ length: NEWER_MAX + 1 }, (_, at) => at)
  const inOrder = [...newer.filter((at) => at % KEPT === 0), ...newer.filter((at) => at % KEPT > 0)]
  return inOrder.map((at) => `${directory}/${jobId}/chk-${checkpointId + at}`)
}

/**
 * Flink remembers an id for a time by the wall clock, also while the job does not run; what waits
 * in the topic meanwhile came earlier than it is read. A record that has waited for longer than the
 * memory outlasts the horizon may repeat an id that is forgotten, and would be counted again.
 */
export type IdMemory = Readonly<{
  horizonMs: number
  /** When Flink has committed last; null where it never has. */
  committedMs: number | null
  nowMs: number
  /** Records that wait, and reached the topic before this time. */
  countWaiting: (beforeMs: number) => Promise<number>
}>

/** Why the job must not go on unasked; null when it may. */
export async function whyForgotten(memory: IdMemory): Promise<string | null> {
  const { horizonMs, committedMs, nowMs, countWaiting } = memory
  const waitMaxMs = (REMEMBERED_HORIZONS - 1) * horizonMs
  // Of a backlog that it was reading until now the ids are as young as the reading.
  if (committedMs === null || nowMs - committedMs <= waitMaxMs) return null
  const waiting = await countWaiting(nowMs - waitMaxMs)
  if (waiting === 0) return null
  const spare = elapsedText(waitMaxMs)
  return (
    `Flink has committed nothing for ${elapsedText(nowMs - committedMs)}, by this machine's ` +
    `clock, and ${waiting} records have waited for more than ${spare}. It remembers event ids ` +
    `for ${spare} longer than ` +
    'dedupe.horizon, so repeats among these records could be counted twice. To have it read the ' +
    'ids again from the topic: campaign-metrics start --rebuild-state. If their senders ' +
    'have sent nothing twice, or for good: campaign-metrics start --accept-repeats'
  )
}

function elapsedText(ms: number): string {
  return ms < MS_PER_MINUTE
    ? `${Math.round(ms / 1000)} s`
    : `${Math.round(ms / MS_PER_MINUTE)} minutes`
}

/** The note of the newest checkpoint. */
export type CheckpointNote = {
  /** null when nothing has been noted yet. */
  read(): Promise<NotedCheckpoint | null>
  write(noted: NotedCheckpoint): Promise<void>
}

export function openCheckpointNote(path: string): CheckpointNote {
  return { read: () => readNote(path), write: (noted) => writeNoteFile(path, noted) }
}

async function readNote(path: string): Promise<NotedCheckpoint | null> {
  const text = await readNoteFile(path)
  if (text === null) return null
  try {
    const noted: unknown = JSON.parse(text)
    if (isNoted(noted)) return noted
  } catch {
    // Reported below.
  }
  throw new FlinkError('no-checkpoint', { path })
}

function isNoted(value: unknown): value is NotedCheckpoint {
  if (typeof value !== 'object' || value === null) return false
  const { jobId, after, checkpointId, path } = value as Record<string, unknown>
  const isAfter = after === null || typeof after === 'string'
  return (
    typeof jobId === 'string' &&
    isAfter &&
    Number.isSafeInteger(checkpointId) &&
    typeof path === 'string'
  )
}
