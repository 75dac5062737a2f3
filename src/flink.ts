/**
 * The job on Flink: the same work as the embedded job, done by a cluster. `flink/job.sql` is the job; the rest submits it, keeps it running
 * and moves what it rejects.
 *
 * The job appends to both tables at its checkpoints. Each snapshot that it commits says in its summary which job and which checkpoint it
 * is of (`flink.job-id`, `flink.max-committed-checkpoint-id`, `flink.operator-id`); from these the job goes on when the cluster has
 * forgotten it. Maintenance must keep the newest snapshot of each `flink.job-id`: Flink's committer looks there for what it has
 * committed already.
 */
export { type Checkpoint, type Checkpoints, type Cluster, openCluster } from './flink/cluster.ts'
export { flinkJobOptions, type JobSeen, lookAtJob, openConfiguredJob } from './flink/configured.ts'
export { FlinkError, type FlinkErrorCode } from './flink/flink-error.ts'
export { openGatewaySession } from './flink/gateway.ts'
export {
  type FlinkJob,
  type FlinkJobSettings,
  type FlinkJobStatus,
  openFlinkJob,
} from './flink/job.ts'
export { consumerGroups, makeJobSql } from './flink/job-sql.ts'
export type { Life } from './flink/life.ts'
export { fitLog } from './flink/log-fit.ts'
export {
  openRejectedMover,
  type Place,
  type RejectedMover,
  type RejectedMoverOptions,
} from './flink/move-rejected.ts'
export type { FlinkJobOptions } from './flink/options.ts'
export { type FlinkCommit, flinkCommitIn } from './flink/recovery.ts'
export { openSeenFile, type SeenNote } from './flink/seen-file.ts'
export { openTrouble } from './flink/trouble.ts'
