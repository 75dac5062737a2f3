/**
 * When a heartbeat is due, and what it has closed: decided without touching anything.
 *
 * Flink's watermark moves with what comes, so a window stays open while nothing comes. A heartbeat
 * is due once a window that may hold events has ended, the watermark's delay has passed, and the
 * topic stands still. Where no window can be open, none is due, however long the silence lasts:
 *
 *   events   ▪▪▪▪▪ ▪▪  ▪          ▪ = dated ahead
 *   windows  │         │         │         │         │
 *   due                   ▲         ▲       one a window, `delay` after its end
 *
 * What a heartbeat closes is known later (`Claim`): windows that end before it may have no row, and
 * then nothing in the tables tells that they are closed.
 */
import type { JobAttempt } from '../cluster/cluster.ts'
import type { FlinkCommit } from '../supervision/recovery.ts'

/** The topic as it was seen last. */
export type Standing = Readonly<{
  ends: readonly number[]
  /** Since when it has had these ends; also when something else than a heartbeat last came. */
  sinceUs: number
}>

export type DueFacts = Readonly<{
  nowUs: number
  standing: Standing
  /** How long the topic must have stood still. */
  quietUs: number
  watermarkDelayUs: number
  windowUs: number
  /** The first and the last event in the raw table; null where it holds none. */
  events: Readonly<{ firstUs: number; lastUs: number }> | null
  /** Windows that end until then are closed, or will be by a heartbeat that was written. */
  closedUntilUs: number | null
}>

/** `areHeartbeats`: nothing else has come since the topic was seen last. */
export function noteEnds(
  standing: Standing | null,
  ends: readonly number[],
  nowUs: number,
  areHeartbeats: boolean,
): Standing {
  return { ends, sinceUs: standing !== null && areHeartbeats ? standing.sinceUs : nowUs }
}

/**
 * What came last may not be in the tables yet, nor is it known what it was: until they tell more,
 * the window in which it came counts as open, and the one before while events still come for it.
 */
export function isHeartbeatDue(facts: DueFacts): boolean {
  const { nowUs, standing, quietUs, watermarkDelayUs, windowUs, events } = facts
  if (nowUs - standing.sinceUs < quietUs) return false
  const endOf = (us: number): number => (Math.floor(us / windowUs) + 1) * windowUs
  const closedUntilUs = facts.closedUntilUs ?? Number.NEGATIVE_INFINITY
  const endedUs = closesUntil(nowUs, watermarkDelayUs, windowUs)
  if (events !== null) {
    const emptyUntilUs = endOf(events.firstUs) - windowUs
    const isOpen = Math.min(endedUs, endOf(events.lastUs)) > Math.max(closedUntilUs, emptyUntilUs)
    if (isOpen) return true
  }
  const cameIn = [endOf(standing.sinceUs - watermarkDelayUs), endOf(standing.sinceUs)]
  return cameIn.some((end) => end <= endedUs && end > closedUntilUs)
}

/** The end of the last window that a heartbeat of this time closes. */
export function closesUntil(atUs: number, watermarkDelayUs: number, windowUs: number): number {
  return Math.floor((atUs - watermarkDelayUs) / windowUs) * windowUs
}

/**
 * That windows are closed: by a heartbeat that was read, and lies behind a checkpoint that both
 * tables have committed.
 *
 *   written ──► taken ──► awaited ──► committed ──► closed
 *     │           │         │            └ the job has not been restarted meanwhile
 *     │           │         └ both tables have committed `checkpoint`
 *     │           └ a while later: a checkpoint that is begun now is behind the watermark
 *     └ the offsets of Flink's group are behind the heartbeats
 *
 * A heartbeat may be in a checkpoint that its watermark is not in: the watermark is sent a moment
 * after the record was read, and is lost when the job restarts in between. So a later checkpoint
 * counts, and a restart at any time ends the claim: its windows may be open, and another heartbeat
 * is written.
 *
 * A part of the source that has read nothing holds the watermark up until it counts as idle: a task
 * without a partition, after each start, and a partition that is new. So a claim waits for as long
 * as that takes, and ends when a partition is added, to which its heartbeat was not written.
 */
export type Claim = Readonly<{
  jobId: string
  restored: number
  /** By partition: the offset behind its heartbeat. */
  offsets: readonly number[]
  closesUntilUs: number
}> &
  Readonly<
    | { stage: 'written' }
    | { stage: 'taken'; sinceMs: number }
    | { stage: 'awaited'; checkpoint: number }
    | { stage: 'committed'; sinceMs: number }
    | { stage: 'closed' }
  >

export type ClaimFacts = Readonly<{
  nowMs: number
  /** Null where not all tasks of the job run. */
  attempt: JobAttempt | null
  /** By partition: the offset of Flink's group. */
  taken: readonly (number | null)[]
  /** The newest commit of Flink in each table. */
  commits: readonly (FlinkCommit | null)[]
}>

/** Of the topic, and of the job. */
export type ClaimBounds = Readonly<{ partitions: number; idleTimeoutMs: number }>

/** Longer than the cluster answers from its memory, and longer than a watermark waits to be sent. */
export const SETTLE_MS = 10_000

/** One step further, as far as the facts allow; null where the claim no longer holds. */
export function advanceClaim(claim: Claim, facts: ClaimFacts & ClaimBounds): Claim | null {
  const { attempt, nowMs } = facts
  if (claim.stage === 'closed') return claim
  if (claim.offsets.length < facts.partitions) return null
  if (attempt?.jobId !== claim.jobId || attempt.restored !== claim.restored) return null
  switch (claim.stage) {
    case 'written': {
      const isTaken = claim.offsets.every((offset, at) => (facts.taken[at] ?? -1) >= offset)
      return isTaken ? { ...claim, stage: 'taken', sinceMs: nowMs } : claim
    }
    case 'taken':
      if (nowMs - claim.sinceMs < SETTLE_MS + facts.idleTimeoutMs) return claim
      return { ...claim, stage: 'awaited', checkpoint: attempt.newestCheckpoint + 1 }
    case 'awaited': {
      const { checkpoint, jobId } = claim
      const isCommitted = facts.commits.every(
        (commit) => commit?.jobId === jobId && commit.checkpointId >= checkpoint,
      )
      return isCommitted ? { ...claim, stage: 'committed', sinceMs: nowMs } : claim
    }
    case 'committed':
      return nowMs - claim.sinceMs < SETTLE_MS ? claim : { ...claim, stage: 'closed' }
  }
}
