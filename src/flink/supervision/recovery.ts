/**
 * From which checkpoint the job goes on after the cluster has forgotten it (a session cluster without high availability forgets its jobs).
 *
 * The tables know: the summary of each snapshot that Flink commits has `flink.job-id` and `flink.max-committed-checkpoint-id`, and a
 * checkpoint N of job J lies under `<checkpoint directory>/J/chk-N`. Going on from one that is older than the newest commit would
 * append its rows again; a newer one is right, its files are committed when it is restored. Flink keeps the newest three: while events
 * come, N is among them. While none come, the sink commits every tenth checkpoint only (`flink.max-continuous-empty-commits`), and one
 * that was aborted takes a number too; so the ones after N are tried in turn, and each that is not there costs a second.
 *
 * What the tables cannot tell is what happened after their last commit: a savepoint that a job was stopped with, and checkpoints of
 * a job that has had nothing to commit yet. `start` notes these as it sees them, and the note is used when it continues what the
 * tables say.
 */
import { FLINK_SUMMARY_KEYS } from '../../table.ts'

export type FlinkCommit = Readonly<{ jobId: string; checkpointId: number }>

/** What `start` has seen of the job: the newest checkpoint or savepoint of `jobId`. */
export type SeenCheckpoint = Readonly<{
  jobId: string
  /** `flink.job-id` of the newest commit when `jobId` was submitted; null where there was none. */
  after: string | null
  checkpointId: number
  path: string
}>

export type RecoveryFacts = Readonly<{
  /** Of each table, its newest commit by Flink. */
  commits: readonly FlinkCommit[]
  seen: SeenCheckpoint | null
  /** Of the cluster: `execution.checkpointing.dir`. */
  directory: string | null
  /** Rows in both tables. */
  rows: number
}>

export type Recovery =
  | Readonly<{ kind: 'fresh' }>
  /** Paths to try, one after the other. */
  | Readonly<{ kind: 'restore'; paths: readonly string[] }>
  | Readonly<{ kind: 'refused'; why: string }>

/** Numbers of checkpoints that may have passed since the newest commit: thrice what an idle job takes. */
const NEWER_MAX = 30

/** The commit that a snapshot's summary tells; null where another writer made it. */
export function flinkCommitIn(summary: Readonly<Record<string, string>>): FlinkCommit | null {
  const jobId = summary[FLINK_SUMMARY_KEYS.jobId]
  const id = summary[FLINK_SUMMARY_KEYS.checkpointId]
  if (jobId === undefined || id === undefined || !/^\d+$/.test(id)) return null
  return { jobId, checkpointId: Number(id) }
}

export function recoverFrom({ commits, seen, directory, rows }: RecoveryFacts): Recovery {
  const newest = newestOf(commits)
  if (newest === null) {
    if (seen !== null && seen.after === null) return { kind: 'restore', paths: [seen.path] }
    if (rows === 0) return { kind: 'fresh' }
    return { kind: 'refused', why: 'the tables hold rows that no Flink job has committed' }
  }
  const continues =
    seen !== null && (seen.jobId === newest.jobId || seen.after === newest.jobId) ? seen : null
  const isNewer =
    continues !== null &&
    (continues.jobId !== newest.jobId || continues.checkpointId >= newest.checkpointId)
  const paths = isNewer ? [continues.path] : []
  if (directory !== null) paths.push(...pathsOf(newest, directory))
  if (paths.length > 0) return { kind: 'restore', paths: [...new Set(paths)] }
  return {
    kind: 'refused',
    why: "the tables hold rows, and Flink's configuration has no execution.checkpointing.dir to go on from",
  }
}

export function newestJob(commits: readonly FlinkCommit[]): string | null {
  return newestOf(commits)?.jobId ?? null
}

/** Of two tables the job with the higher checkpoint is the later one: numbers go on over restores. */
function newestOf(commits: readonly FlinkCommit[]): FlinkCommit | null {
  return commits.reduce<FlinkCommit | null>(
    (best, one) => (best === null || one.checkpointId > best.checkpointId ? one : best),
    null,
  )
}

function pathsOf({ jobId, checkpointId }: FlinkCommit, directory: string): string[] {
  const ids = Array.from({ length: NEWER_MAX + 1 }, (_, newer) => checkpointId + newer)
  return ids.map((id) => `${directory}/${jobId}/chk-${id}`)
}
