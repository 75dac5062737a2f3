/**
 * The feed: what a job tells a reader in another thread, so that it has the figures of everything
 * that was taken, each event once, at every moment.
 */
import type { WindowDelta } from '../event.ts'

/** A data file of a table; `day` counts from 1970-01-01. */
export type LakeFile = Readonly<{ path: string; day: number; rows: number }>

/** A raw file with the rows of others, which it has replaced. */
export type MergedRawFile = Readonly<{ path: string; from: readonly string[] }>

/**
 * `events` and `metrics` are all files of both tables, which hold every event before `nextOffset`
 * of the log. The figures are those of the metrics files in any `files` or `commit`, and on top of
 * them the deltas of later commits and what is pending, as the last of these messages says.
 */
export type FeedMessage =
  /**
   * The first message; after maintenance: the same rows in other files, or without the days that
   * are dropped; and after other programs have changed rows.
   */
  | Readonly<{
      kind: 'files'
      nextOffset: number
      isRewritten: IsRewritten
      events: readonly LakeFile[]
      metrics: readonly LakeFile[]
      /** Since the message before. */
      merged: readonly MergedRawFile[]
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
      isRewritten: IsRewritten
      events: readonly LakeFile[]
      metrics: readonly LakeFile[]
      /** Since the message before. */
      merged: readonly MergedRawFile[]
      /** What is pending now, in place of what was; null for nothing, or for too much to tell. */
      pending: Pending | null
    }>
  /**
   * What was taken from `baseOffset` on and is not in the tables: all of it, in place of what was
   * pending before.
   */
  | (Readonly<{ kind: 'pending'; baseOffset: number }> & Pending)

/**
 * Another program has added, changed or removed rows since the last list of files: a day that has
 * other files than before may have other rows.
 */
type IsRewritten = boolean

export type Pending = Readonly<{
  /** Of the last event taken. */
  arrivedUs: number
  /** Each window once. */
  deltas: readonly WindowDelta[]
}>
