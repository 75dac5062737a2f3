/**
 * What moves, as the event stream tells it: the facts' newest word and the pipeline's figures together. Every change
 * counts `revision` up, and a second remembers the revision it last changed at; so a viewer is told exactly what
 * changed since the revision it has seen, and everything when it has seen none.
 */

import type { LiveMessage } from '../../dashboard-definition.ts'
import { completeToUs, seenUntilUs } from '../facts/complete.ts'
import type { LiveFacts } from '../facts/facts.ts'
import { momentText } from '../facts/range.ts'
import { SECOND_US } from '../facts/steps.ts'

/** What the pipeline knows beside the facts. */
export type LiveFigures = Readonly<{
  /** Events in the tables, since ever. */
  stored: number
  committedAtUs: number | null
  /** Events in the log that are not in the tables. */
  waiting: number
  secondsBehind: number
  problems: readonly string[]
}>

export type LiveState = {
  /** Takes the facts' word. */
  take(live: LiveFacts): void
  /** Looks at the figures, and returns the revision by now. */
  look(): number
  /** What changed since that revision; 0 = all there is. */
  message(sinceRevision: number): LiveMessage
}

export type LiveStateParts = Readonly<{
  figures: () => LiveFigures
  windowUs: number
  nowUs: () => number
}>

type Second = Readonly<{ revision: number; counts: readonly [number, number, number] }>

const SECONDS_KEPT = 300

export function openLiveState(parts: LiveStateParts): LiveState {
  const seconds = new Map<number, Second>()
  let revision = 1
  let facts: LiveFacts = { version: '0', seconds: [], newest: null, arrivedUs: null }
  let figuresSeen = ''
  let seenUs = Number.NEGATIVE_INFINITY

  const oldest = () => Math.floor(parts.nowUs() / SECOND_US) - SECONDS_KEPT

  return {
    take(live): void {
      facts = live
      revision += 1
      for (const [at, ...counts] of live.seconds) seconds.set(at, { revision, counts })
      const kept = oldest()
      for (const at of seconds.keys()) if (at < kept) seconds.delete(at)
    },
    look(): number {
      const { stored, committedAtUs, problems } = parts.figures()
      const now = JSON.stringify([stored, committedAtUs, problems])
      if (now !== figuresSeen) revision += 1
      figuresSeen = now
      return revision
    },
    message(sinceRevision): LiveMessage {
      const nowUs = parts.nowUs()
      const figures = parts.figures()
      const { arrivedUs, newest, version } = facts
      seenUs = seenUntilUs(seenUs, { nowUs, arrivedUs, waiting: figures.waiting > 0 })
      const kept = oldest()
      const changed = [...seconds]
        .filter(([at, second]) => at >= kept && second.revision > sinceRevision)
        .sort(([a], [b]) => a - b)
      return {
        now: momentText(nowUs),
        version,
        seconds: changed.map(([at, { counts }]) => [at, ...counts] as const),
        completeTo:
          arrivedUs === null && figures.stored === 0
            ? null
            : momentOrNull(completeToUs(seenUs, parts.windowUs)),
        committedAt: momentOrNull(figures.committedAtUs),
        secondsBehind: figures.secondsBehind,
        newest: newest === null ? null : newestOf(newest),
        stored: figures.stored,
        problems: figures.problems,
      }
    },
  }
}

function newestOf(newest: NonNullable<LiveFacts['newest']>): LiveMessage['newest'] {
  const { fromUs, toUs, ...sums } = newest
  return { from: momentText(fromUs), to: momentText(toUs), ...sums }
}

/** -Infinity: nothing has been seen yet. */
function momentOrNull(us: number | null): string | null {
  return us === null || !Number.isFinite(us) ? null : momentText(us)
}
