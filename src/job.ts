/**
 * What an engine is to the rest of the program: it takes events from the log and fills both tables.
 * A third engine is a room that exports a `JobEngine`, and one line in `pipeline/engines.ts`.
 */
export {
  type ClusterJobFigures,
  type Job,
  type JobEngine,
  type JobFigures,
  type JobProgress,
  type JobStanding,
  type JobStart,
  type LogFigures,
  type OtherRows,
  type TableFigures,
  tableFigures,
  type VerifyRequest,
  type WindowFigures,
} from './job/engine.ts'
export type { FeedMessage, LakeFile, MergedRawFile, Pending } from './job/feed.ts'
