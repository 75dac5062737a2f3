/** What takes events from the log and fills the tables, as the pipeline sees it: the job thread, or Flink. */
import type { Dashboard } from '../dashboard.ts'
import type { JobProgress } from '../embedded.ts'
import type { Watch } from './watch.ts'

export type EngineSide = Readonly<{
  progress(): JobProgress
  /** Rejects when it can no longer do its work; never resolves. */
  failed: Promise<never>
  /** What is shown under the collector's address. */
  openPage(watch: Watch): Promise<Dashboard>
  close(): Promise<void>
}>
