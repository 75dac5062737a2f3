/**
 * The job: takes events from the log, counts each exactly once and commits both tables, in a thread of its own.
 */

export { type Checkpoint, readCheckpoint, resumeFrom } from './embedded/checkpoint.ts'
export type {
  FeedMessage,
  JobProgress,
  JobSettings,
  LakeFile,
  Pending,
} from './embedded/message.ts'
export { tableFigures } from './embedded/table-figures.ts'
export { type Job, startJob } from './embedded/thread.ts'
