/** What the main thread and the job thread tell each other. */
import type { MessagePort } from 'node:worker_threads'
import type { Config } from '../config.ts'
import type { JobProgress } from '../job.ts'
import type { ClientAnswer, ClientChange } from '../table.ts'
import type { Checkpoint } from './checkpoint.ts'

/** All the job thread needs to know; plain values, since they cross to another thread. */
export type JobSettings = Readonly<{
  logCursor: SharedArrayBuffer
  /** The user's consent that filled tables go on with another log (`start --new-log`). */
  acceptNewLog: boolean
  /** For crash tests, see kill-at.ts. */
  killAt: string | undefined
}> &
  Pick<Config, 'log' | 'warehouse' | 'catalog' | 'cache' | 'rejectedDirectory' | 'windowUs'> &
  Pick<
    Config,
    'commitIntervalMs' | 'dedupe' | 'retention' | 'rejectedMaxBytes' | 'diskReserveBytes'
  >

/** The job's progress, as of the last commit. */
export type RunProgress = Readonly<{ checkpoint: Checkpoint }> &
  Pick<JobProgress, 'state' | 'tables' | 'wholeFromUs' | 'lastCommit'> &
  Required<
    Pick<JobProgress, 'dedupe' | 'bytesPerDay' | 'rejectedCountsOnly' | 'others' | 'notices'>
  >

export type FromJob =
  | Readonly<{ kind: 'progress'; progress: RunProgress }>
  /** Why reading or committing does not go on for now; null when it does again. */
  | Readonly<{ kind: 'stalled'; reason: string | null }>
  /** What of catalog and tables is not in its place; null when all is again. */
  | Readonly<{ kind: 'misplaced'; fault: string | null }>
  | Readonly<{ kind: 'warning'; text: string }>
  /** To the request with this number. */
  | Readonly<{ kind: 'client-expected'; request: number }>
  | Readonly<{ kind: 'client-answer'; request: number; answer: ClientAnswer }>
  /** `code`: of a RoomError, else null. */
  | Readonly<{ kind: 'failed'; message: string; stack: string; code: string | null }>
  | Readonly<{ kind: 'stopped' }>

export type ToJob =
  | Readonly<{ kind: 'stop'; untilOffset: number; readingMs: number }>
  | Readonly<{ kind: 'feed'; port: MessagePort }>
  /** A client of the REST catalog may commit soon. */
  | Readonly<{ kind: 'expect-client'; request: number }>
  | Readonly<{ kind: 'client-commit'; request: number; changes: readonly ClientChange[] }>
