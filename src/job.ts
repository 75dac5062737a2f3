/**
 * The job: takes events from the log, counts each exactly once and commits both tables, in a thread of its own.
 */

export { type Checkpoint, readCheckpoint, resumeFrom } from './job/checkpoint.ts'
export type { FeedMessage, JobProgress, JobSettings, LakeFile, Pending } from './job/message.ts'
export { tableFigures } from './job/table-figures.ts'
export { type Job, startJob } from './job/thread.ts'
export { type MetricsChange, type MetricsFiles, openWindows, type Windows } from './job/windows.ts'
