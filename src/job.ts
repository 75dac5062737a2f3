/**
 * The job: takes events from the log, counts each exactly once and commits both tables, in a thread of its own.
 */

export { type Checkpoint, readCheckpoint, resumeFrom } from './job/checkpoint.ts'
export { tableFigures } from './job/table-figures.ts'
export { JobError, type JobErrorCode } from './job/error.ts'
export type { JobProgress, JobSettings } from './job/message.ts'
export { type Job, startJob } from './job/thread.ts'
