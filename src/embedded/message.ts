/** What the main thread and the job thread say to each other, and what the job thread tells a reader of its feed. */
import type { MessagePort } from 'node:worker_threads'
import type { WindowDelta } from '../event.ts'
import type { LogPlace } from '../log.ts'
import type { LakePlaces } from '../table.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { DedupStats } from './dedup-memory.ts'

/** All the job thread needs to know; plain values, since they cross to another thread. */
export type JobSettings = Readonly<{
  log: LogPlace
  logCursor: SharedArrayBuffer
  warehouse: LakePlaces['warehouse']
  catalog: LakePlaces['catalog']
  /** Copies of data files, for a warehouse on S3. */
  cache: LakePlaces['cache']
  rejectedDirectory: string
  windowUs: number
  commitIntervalMs: number
  dedupeHorizonMs: number
  dedupeMemoryMaxBytes: number
  retentionEventsMs: number
  retentionMetricsMs: number
  rejectedMaxBytes: number
  /** The user's word that filled tables go on with another log (`start --new-log`). */
  acceptNewLog: boolean
  /** For crash tests, see kill-at.ts. */
  killAt: string | undefined
}>

export type TableFigures = Readonly<{
  rows: number
  files: number
  bytes: number
  snapshotId: string | null
}>

/** Where the job stands after a commit. */
export type JobProgress = Readonly<{
  checkpoint: Checkpoint
  /** 'rebuilding': ids of the last horizon are being read back; events wait in the log meanwhile. */
  state: 'rebuilding' | 'running'
  dedupe: DedupStats
  tables: Readonly<{ events: TableFigures; metrics: TableFigures }>
  /** The start of the first day that both tables keep whole; null while retention has dropped nothing. */
  wholeFromUs: number | null
  /** What both tables gained in the last day; null while less than an hour is known. */
  bytesPerDay: number | null
  rejectedCountsOnly: boolean
  /** Why reading or committing is held up for now; null when it is not. */
  heldUp: string | null
  lastCommit: Readonly<{ atUs: number; durationMs: number }> | null
}>

export type FromJob =
  | Readonly<{ kind: 'progress'; progress: JobProgress }>
  | Readonly<{ kind: 'warning'; text: string }>
  | Readonly<{ kind: 'failed'; message: string; stack: string }>
  | Readonly<{ kind: 'stopped' }>

export type ToJob =
  | Readonly<{ kind: 'stop'; untilOffset: number; readingMs: number }>
  | Readonly<{ kind: 'feed'; port: MessagePort }>

/** A data file of a table; `day` counts from 1970-01-01. */
export type LakeFile = Readonly<{ path: string; day: number; rows: number }>

/**
 * The feed (feed.ts). `events` and `metrics` are all files of both tables, which hold every event before `nextOffset` of the
 * log. To have the figures of everything that was taken: the metrics files of any `files` or `commit`, and on top of
 * them the deltas of later commits and what is pending, as the last of these messages says.
 */
export type FeedMessage =
  /** The first message; and after maintenance: the same rows in other files, or without the days that are dropped. */
  | Readonly<{
      kind: 'files'
      nextOffset: number
      events: readonly LakeFile[]
      metrics: readonly LakeFile[]
    }>
  /** Both tables have moved on to `nextOffset`. */
  | Readonly<{
      kind: 'commit'
      nextOffset: number
      /** Of the last event in the tables. */
      arrivedUs: number
      /** What each window has gained by this commit. */
      deltas: readonly WindowDelta[]
      /** The raw files that hold the events of this commit. */
      added: readonly LakeFile[]
      events: readonly LakeFile[]
      metrics: readonly LakeFile[]
      /** What is pending now, in place of what was; null for nothing, or for too much to tell. */
      pending: Pending | null
    }>
  /** What was taken from `baseOffset` on and is not in the tables: all of it, in place of what was pending before. */
  | (Readonly<{ kind: 'pending'; baseOffset: number }> & Pending)

export type Pending = Readonly<{
  /** Of the last event taken. */
  arrivedUs: number
  /** A window stands in one of them. */
  deltas: readonly WindowDelta[]
}>
