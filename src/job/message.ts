/** What the main thread and the job thread say to each other. */
import type { Checkpoint } from './checkpoint.ts'
import type { DedupStats } from './dedup-memory.ts'

/** All the job thread needs to know; plain values, since they cross to another thread. */
export type JobSettings = Readonly<{
  logDirectory: string
  logCursor: SharedArrayBuffer
  catalogPath: string
  warehousePath: string
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
  rejectedCountsOnly: boolean
  /** Why commits are held up for now; null when they are not. */
  heldUp: string | null
  lastCommit: Readonly<{ atUs: number; durationMs: number }> | null
}>

export type FromJob =
  | Readonly<{ kind: 'progress'; progress: JobProgress }>
  | Readonly<{ kind: 'warning'; text: string }>
  | Readonly<{ kind: 'failed'; message: string; stack: string }>
  | Readonly<{ kind: 'stopped' }>

export type ToJob = Readonly<{ kind: 'stop'; untilOffset: number; readingMs: number }>
