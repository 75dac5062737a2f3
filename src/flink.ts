/**
 * Flink as the engine: the same work as the embedded engine, done by a cluster. `flink/job/job.sql`
 * is the job; the rest submits it, supervises it, keeps the tables in order beside it, and moves
 * what it rejects.
 *
 * The job appends to both tables at its checkpoints. The summary of each snapshot that it commits
 * names the job and the checkpoint (`flink.job-id`, `flink.max-committed-checkpoint-id`,
 * `flink.operator-id`); from these the job goes on when the cluster has forgotten it. Maintenance
 * must keep the newest snapshot of each `flink.job-id`: there Flink's committer finds what it has
 * committed already.
 */
export { openCluster } from './flink/cluster/cluster.ts'
export { openGatewaySession } from './flink/cluster/gateway.ts'
export { FLINK_ENGINE } from './flink/engine.ts'
export { FlinkError, type FlinkErrorCode } from './flink/error.ts'
export { type FlinkJobOptions, makeJobSql } from './flink/job/job-sql.ts'
export { readStateNotice } from './flink/state-outlook.ts'
export {
  checkLog,
  findJob,
  flinkJobOptions,
  openConfiguredJob,
  whyClusterUnfit,
} from './flink/supervision/configured-job.ts'
export {
  type FlinkCommit,
  flinkCommitIn,
  openCheckpointNote,
} from './flink/supervision/recovery.ts'
export { openRejectedMover } from './flink/supervision/rejected-mover.ts'
export { openStateNote, type StateNote } from './flink/supervision/state-mark.ts'
export { type FlinkJob, openFlinkJob } from './flink/supervision/supervised-job.ts'
