/**
 * What a leader knows of the topic and of its heartbeats, from one look to the next: an immutable
 * state, and what each thing that happens makes of it. No clock and no network.
 *
 *   noteLook     the ends of the topic were read       noteWritten   a heartbeat was written
 *   noteFacts    what Flink and the tables tell        noteFailed    one could not be written
 *
 * A heartbeat, whoever wrote it, is no reason for another: two leaders, of which one does not know
 * yet that it has lost the lock, would keep each other writing for ever.
 */
import type { Heartbeat } from '../../log.ts'
import type { JobAttempt } from '../cluster/cluster.ts'
import {
  advanceClaim,
  type Claim,
  type ClaimFacts,
  closesUntil,
  type DueFacts,
  isHeartbeatDue,
  noteEnds,
  type Standing,
} from './heartbeat-plan.ts'

export type HeartbeatState = Readonly<{
  standing: Standing | null
  claims: readonly Claim[]
  /** Windows that end until then are closed by a heartbeat; null while that is known of none. */
  closedUs: number | null
  /** Nothing is written before. */
  pausedUntilUs: number
  /** Attempts to write that failed since the last that did not. */
  failures: number
}>

export type HeartbeatRules = Readonly<{
  windowUs: number
  watermarkDelayUs: number
  idleTimeoutUs: number
}>

export const NOTHING_KNOWN: HeartbeatState = {
  standing: null,
  claims: [],
  closedUs: null,
  pausedUntilUs: Number.NEGATIVE_INFINITY,
  failures: 0,
}

/** The next attempt to write, after one that failed, or whose broker's clock is behind ours. */
const RETRY_US = 5_000_000
const RETRY_US_MAX = 60_000_000
/** Of heartbeats that are being followed; a later one stands in for an earlier. */
const CLAIMS_MAX = 16

/** `areHeartbeats`: nothing else has come since the last look. */
export function noteLook(
  state: HeartbeatState,
  look: Readonly<{ ends: readonly number[]; areHeartbeats: boolean; nowUs: number }>,
): HeartbeatState {
  const { ends, areHeartbeats, nowUs } = look
  return { ...state, standing: noteEnds(state.standing, ends, nowUs, areHeartbeats) }
}

/** `tables`: what both tables tell. */
export function isDue(
  state: HeartbeatState,
  tables: Pick<DueFacts, 'events' | 'closedUntilUs'>,
  nowUs: number,
  { windowUs, watermarkDelayUs, idleTimeoutUs }: HeartbeatRules,
): boolean {
  const { standing, claims, closedUs, pausedUntilUs } = state
  if (standing === null || nowUs < pausedUntilUs) return false
  const known = [
    tables.closedUntilUs,
    closedUs,
    ...claims.map(({ closesUntilUs }) => closesUntilUs),
  ]
  const closed = known.filter((us) => us !== null)
  return isHeartbeatDue({
    nowUs,
    standing,
    // The other half is for seeing it, and for the job to read it.
    quietUs: idleTimeoutUs / 2,
    watermarkDelayUs,
    windowUs,
    events: tables.events,
    closedUntilUs: closed.length === 0 ? null : Math.max(...closed),
  })
}

/**
 * The next look need not read what was written now; what came in between it sees.
 * `beganUs`: our time when the writing began. Where the broker's clock is behind ours, the windows
 * that have ended by ours are tried again once they have ended by the broker's.
 */
export function noteWritten(
  state: HeartbeatState,
  written: readonly Heartbeat[],
  { jobId, restored }: JobAttempt,
  beganUs: number,
  { windowUs, watermarkDelayUs }: HeartbeatRules,
): HeartbeatState {
  const offsets: number[] = []
  const ends = [...(state.standing?.ends ?? [])]
  for (const { partition, offset } of written) {
    offsets[partition] = offset + 1
    if (offset === ends[partition]) ends[partition] = offset + 1
  }
  const appendedUs = Math.min(...written.map(({ appendedMs }) => appendedMs)) * 1000
  const closesUntilUs = closesUntil(appendedUs, watermarkDelayUs, windowUs)
  const claim = { jobId, restored, offsets, closesUntilUs, stage: 'written' } as const
  const isWhole = closesUntilUs >= closesUntil(beganUs, watermarkDelayUs, windowUs)
  return {
    ...state,
    standing: state.standing && { ...state.standing, ends },
    claims: [...state.claims.slice(0, CLAIMS_MAX - 1), claim],
    pausedUntilUs: isWhole
      ? Number.NEGATIVE_INFINITY
      : beganUs + Math.max(RETRY_US, beganUs - appendedUs),
    failures: 0,
  }
}

export function noteFailed(state: HeartbeatState, beganUs: number): HeartbeatState {
  const pauseUs = Math.min(RETRY_US * 2 ** Math.min(state.failures, 10), RETRY_US_MAX)
  return { ...state, pausedUntilUs: beganUs + pauseUs, failures: state.failures + 1 }
}

/** Where a claim no longer holds, its windows are open: another heartbeat is due. */
export function noteFacts(
  state: HeartbeatState,
  facts: ClaimFacts,
  { idleTimeoutUs }: HeartbeatRules,
): HeartbeatState {
  const partitions = state.standing?.ends.length ?? 0
  const next = state.claims.map((claim) =>
    advanceClaim(claim, { ...facts, partitions, idleTimeoutMs: idleTimeoutUs / 1000 }),
  )
  const closed = next.flatMap((claim) => (claim?.stage === 'closed' ? [claim.closesUntilUs] : []))
  return {
    ...state,
    claims: next.filter((claim) => claim !== null && claim.stage !== 'closed'),
    closedUs: closed.length === 0 ? state.closedUs : Math.max(state.closedUs ?? 0, ...closed),
  }
}
