/**
 * The state behind the event stream: the newest live update of the figures, and the status of the
 * pipeline. Every change increases `revision`, and each second records the revision of its last
 * change. So a viewer is sent exactly what changed since the revision it has seen.
 */

import type { LiveMessage } from '../../dashboard-definition.ts'
import type { LiveUpdate } from '../live/live-updates.ts'
import { momentText, SECOND_US } from '../steps.ts'
import { advanceWatermark, completeToUs } from '../watermark.ts'

/** What the pipeline knows and the thread of the figures does not. */
export type PipelineStatus = Readonly<{
  /** Events in the tables in all. */
  stored: number
  committedAtUs: number | null
  /** Events in the log that are not in the tables. */
  waiting: number
  secondsBehind: number
  problems: readonly string[]
}>

export type LiveState = {
  take(live: LiveUpdate): void
  /** Checks the pipeline's status; returns the current revision. */
  look(): number
  /** What changed since that revision; 0 means everything. */
  message(sinceRevision: number): LiveMessage
}

export type LiveStateParts = Readonly<{
  status: () => PipelineStatus
  windowUs: number
  nowUs: () => number
}>

type Second = Readonly<{ revision: number; counts: readonly [number, number, number] }>

const SECONDS_KEPT = 300

export function openLiveState(parts: LiveStateParts): LiveState {
  const seconds = new Map<number, Second>()
  let revision = 1
  let update: LiveUpdate = { version: '0', seconds: [], newest: null, arrivedUs: null }
  let lastStatus = ''
  let watermarkUs = Number.NEGATIVE_INFINITY

  const oldest = () => Math.floor(parts.nowUs() / SECOND_US) - SECONDS_KEPT

  return {
    take(live): void {
      update = live
      revision += 1
      for (const [at, ...counts] of live.seconds) seconds.set(at, { revision, counts })
      const kept = oldest()
      for (const at of seconds.keys()) if (at < kept) seconds.delete(at)
    },
    look(): number {
      const { stored, committedAtUs, problems } = parts.status()
      const now = JSON.stringify([stored, committedAtUs, problems])
      if (now !== lastStatus) revision += 1
      lastStatus = now
      return revision
    },
    message(sinceRevision): LiveMessage {
      const nowUs = parts.nowUs()
      const status = parts.status()
      const { arrivedUs, newest, version } = update
      watermarkUs = advanceWatermark(watermarkUs, { nowUs, arrivedUs, waiting: status.waiting > 0 })
      const kept = oldest()
      const changed = [...seconds]
        .filter(([at, second]) => at >= kept && second.revision > sinceRevision)
        .sort(([a], [b]) => a - b)
      return {
        now: momentText(nowUs),
        version,
        seconds: changed.map(([at, { counts }]) => [at, ...counts] as const),
        completeTo:
          arrivedUs === null && status.stored === 0
            ? null
            : momentOrNull(completeToUs(watermarkUs, parts.windowUs)),
        committedAt: momentOrNull(status.committedAtUs),
        secondsBehind: status.secondsBehind,
        newest: newest === null ? null : newestOf(newest),
        stored: status.stored,
        problems: status.problems,
      }
    },
  }
}

function newestOf(newest: NonNullable<LiveUpdate['newest']>): LiveMessage['newest'] {
  const { fromUs, toUs, ...sums } = newest
  return { from: momentText(fromUs), to: momentText(toUs), ...sums }
}

/** -Infinity: there is no watermark yet. */
function momentOrNull(us: number | null): string | null {
  return us === null || !Number.isFinite(us) ? null : momentText(us)
}
