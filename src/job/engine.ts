/**
 * The contract of engines: how a job is started, what it reports, and how its tables are verified.
 * What an engine cannot report is absent here; no engine makes a figure up.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Config } from '../config.ts'
import type { EventLog } from '../log.ts'
import type { SnapshotVerifyOptions, Verification } from '../query.ts'
import type { LakeWriter, TableView } from '../table.ts'

export type JobEngine = Readonly<{
  /**
   * Resolves once the tables are open and agree with the log. `onProgress` has been called by then.
   */
  start(options: JobStart): Promise<Job>
  /**
   * How far the tables are while no process works for them: from the disk and the services,
   * changing nothing.
   */
  readProgress(config: Config, nowUs: number): Promise<JobStanding>
  /** Compares every window with its events through Trino. Null where the tables are empty. */
  verify(request: VerifyRequest): Promise<Verification | null>
}>

export type JobStart = Readonly<{
  config: Config
  log: EventLog
  nowUs: () => number
  /** The user's consent that filled tables go on with another log (`start --new-log`). */
  acceptNewLog: boolean
  /**
   * The user's consent to go on where event ids may have been forgotten (`start --accept-repeats`).
   */
  acceptRepeats: boolean
  /** Begin without the engine's state, and read it again from the log (`start --rebuild-state`). */
  rebuildState: boolean
  /** For crash tests, see kill-at.ts. */
  killAt: string | undefined
  onProgress: (progress: JobProgress) => void
  /** Things the user should know while it runs, one sentence each. */
  onWarning: (text: string) => void
}>

export type Job = Readonly<{
  progress(): JobProgress
  /** Rejects when the job can no longer do its work; never resolves. */
  failed: Promise<never>
  page: JobPage
  /** How clients of the REST catalog commit to the tables. */
  lakeWriter: LakeWriter
  /** Commits what the log holds, as far as time allows. */
  close(): Promise<void>
}>

/** Where the dashboard is. */
export type JobPage =
  /**
   * In this process: the job tells a port what the tables gain (see FeedMessage), in place of one
   * given before.
   */
  | Readonly<{ kind: 'live'; feed: (port: MessagePort) => void }>
  /** In another program: a sentence says where. */
  | Readonly<{ kind: 'elsewhere'; text: string }>

/** How far the tables are, whether a process runs or not. */
export type JobFigures = Readonly<{
  /** The first offset of the log that is not in the tables. */
  nextOffset: number
  /** Events taken from earlier logs; stored + duplicates + rejected = logBase + nextOffset. */
  logBase: number
  stored: number
  duplicates: number
  rejected: number
  /** Everything that arrived until then is in the tables; null where that is not known. */
  committedUntilUs: number | null
  tables: Readonly<{ events: TableFigures; metrics: TableFigures }>
  /**
   * The start of the first day that both tables keep whole; null while retention has dropped
   * nothing.
   */
  wholeFromUs: number | null
  /** `durationMs` is absent where the engine does not report how long a commit took. */
  lastCommit: Readonly<{ atUs: number; durationMs?: number }> | null
  /**
   * Of an engine whose job runs on a cluster, as far as that tells now; null where it has no such
   * job, absent where it does not answer.
   */
  job?: ClusterJobFigures | null | undefined
  /** Of an engine that adds a row when a window closes. */
  windows?: WindowFigures | undefined
  /** Of an engine that keeps event ids in this process. */
  dedupe?: Readonly<{ horizonMs: number; trueHorizonMs: number; ids: number; bytes: number }>
  /**
   * What both tables gained in the last day, of an engine that knows; null while less than an hour
   * is known.
   */
  bytesPerDay?: number | null
  /**
   * Rows that other programs have ever added and removed; beside Flink, clients of the REST catalog.
   */
  others?: Readonly<{ events: OtherRows; metrics: OtherRows }>
  /** What the user should know, though nothing is wrong: one sentence each. */
  notices?: readonly string[]
  /** Of an engine that keeps rejected events itself: whether only their counts are still kept. */
  rejectedCountsOnly?: boolean
}>

export type JobProgress = JobFigures &
  Readonly<{
    /**
     * 'rebuilding': ids of the last horizon are being read back; events wait in the log meanwhile.
     */
    state: 'rebuilding' | 'running'
    /** Why the tables do not move on for now; null when they do. */
    stalled: string | null
    /**
     * Which part of catalog and tables is missing or was replaced, of an engine that watches them:
     * no event is accepted meanwhile.
     */
    misplaced?: string | null
  }>

/** What the cluster does not tell, or does not know yet, is absent. */
export type ClusterJobFigures = Readonly<{
  id: string
  /** As the cluster names it: RUNNING, RESTARTING, … */
  state: string
  /** Since it was submitted; a job that was replaced has another id. */
  restarts?: number
  /** Since it was submitted. */
  checkpoints?: Readonly<{ completed: number; failed: number }>
  lastCheckpoint?: Readonly<{
    id: number
    completedUs: number
    durationMs: number
    /** The whole state, not only what this checkpoint has written of it. */
    bytes: number
  }>
  /** Windows that end until then are closed, or about to be. */
  watermarkUs?: number
  /** Event ids that it remembers: an estimate of the state backend. */
  ids?: number
}>

/** A window is five minutes (`windowSize`) of one campaign. */
export type WindowFigures = Readonly<{
  /** Rows of campaign_metrics. */
  closed: number
  /** All windows that end until then are closed; null while none is. */
  closedUntilUs: number | null
  /** Closed windows that have ever been written again for late events, each time counted. */
  amended: number
  /** Events that ever came after their window had closed, as far as windows were amended. */
  lateEvents: number
  /** Of the process that keeps the tables in order, where it is known. */
  open?: Readonly<{ windows: number; events: number }> | undefined
}>

export type OtherRows = Readonly<{ addedRows: number; removedRows: number }>

/** `problems`: why the job would not start, one sentence each. */
export type JobStanding = Readonly<{
  figures: JobFigures
  log: LogFigures
  problems?: readonly string[]
}>

/** `bytes`: on the disks of this machine; absent where the log is elsewhere. */
export type LogFigures = Readonly<{ id: string; start: number; end: number; bytes?: number }>

export type TableFigures = Readonly<{
  rows: number
  files: number
  bytes: number
  snapshotId: string | null
}>

export type VerifyRequest = Readonly<{
  /** Both tables as of one moment. */
  readTables: () => Promise<Readonly<{ events: TableView; metrics: TableView }>>
  verify: (options: SnapshotVerifyOptions) => Promise<Verification>
  windowUs: number
  horizonUs: number
  /** The start of the first day to compare; null compares all. */
  fromUs: number | null
  /** How many differing windows are listed. */
  differencesMax: number
  pause: (durationMs: number) => Promise<unknown>
}>

export function tableFigures(view: TableView): TableFigures {
  return {
    rows: view.files.reduce((sum, file) => sum + file.rows, 0),
    files: view.files.length,
    bytes: view.files.reduce((sum, file) => sum + file.bytes, 0),
    snapshotId: view.snapshotId === null ? null : String(view.snapshotId),
  }
}
