/**
 * The job on Flink: the same work as the embedded job, done by a cluster. `flink/job.sql` is the job; the rest submits it, keeps it running
 * and moves what it rejects.
 *
 * The job appends to both tables at its checkpoints. Each snapshot that it commits says in its summary which job and which checkpoint it
 * is of (`flink.job-id`, `flink.max-committed-checkpoint-id`, `flink.operator-id`); from these the job goes on when the cluster has
 * forgotten it. Maintenance must keep the newest snapshot of each `flink.job-id`: Flink's committer looks there for what it has
 * committed already.
 */
export {
  type Checkpoint,
  type Checkpoints,
  type Cluster,
  openCluster,
} from './flink/cluster/cluster.ts'
export { openGatewaySession } from './flink/cluster/gateway.ts'
export { FlinkError, type FlinkErrorCode } from './flink/error.ts'
export { consumerGroups, makeJobSql } from './flink/job/job-sql.ts'
export type { FlinkJobOptions } from './flink/job/options.ts'
export {
  flinkJobOptions,
  type JobSeen,
  lookAtJob,
  openConfiguredJob,
} from './flink/supervision/configured.ts'
export type { Life } from './flink/supervision/life.ts'
export { fitLog } from './flink/supervision/log-fit.ts'
export {
  openRejectedMover,
  type Place,
  type RejectedMover,
  type RejectedMoverOptions,
} from './flink/supervision/move-rejected.ts'
export { type FlinkCommit, flinkCommitIn } from './flink/supervision/recovery.ts'
export { openSeenFile, type SeenNote } from './flink/supervision/seen-file.ts'
export {
  type FlinkJob,
  type FlinkJobSettings,
  type FlinkJobStatus,
  openFlinkJob,
} from './flink/supervision/supervised-job.ts'
export { openTrouble } from './flink/supervision/trouble.ts'
export { openUpkeep, type Round, type Upkeep, type UpkeepOptions } from './flink/upkeep/upkeep.ts'
export { type VerifyClosedParts, verifyClosed } from './flink/upkeep/verify-closed.ts'
