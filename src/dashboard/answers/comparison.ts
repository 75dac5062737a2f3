/**
 * What the figures of a view are compared with: another stretch of time, and whether figures of all
 * of it exist. Only complete steps are compared, because a window that is still filling would look
 * like a fall.
 */
import { type Comparison, comparedWith } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { momentText } from '../steps.ts'
import { completeWithin } from '../watermark.ts'
import type { View } from './view.ts'

type UnknownReason = NonNullable<NonNullable<Comparison['previous']>['reason']>

export type Compared = Readonly<{
  /** The complete steps of the span. */
  now: TimeSpan
  /** Null if nothing was asked to be compared. */
  then: TimeSpan | null
  /** Why there are no changes; null if there are. */
  reason: UnknownReason | null
}>

/** All of what a span may be compared with; null for nothing. */
export function previousOf(
  { span, by, compare, zone }: Pick<View, 'span' | 'by' | 'compare' | 'zone'>,
  toUs: number = span.toUs,
): TimeSpan | null {
  const period = { fromMs: span.fromUs / 1000, toMs: span.toUs / 1000, by }
  const found = comparedWith(period, toUs / 1000, compare, zone)
  if (found === null) return null
  // A clock change may end within a step.
  const whole = (ms: number): number => Math.floor((ms * 1000) / span.stepUs) * span.stepUs
  return { fromUs: whole(found.fromMs), toUs: whole(found.toMs) }
}

export function comparedOf(view: View): Compared {
  const { span, completeUs, isPreviousLoaded, dataFromUs } = view
  const toUs = Math.floor(completeWithin(span, completeUs) / span.stepUs) * span.stepUs
  const now = { fromUs: span.fromUs, toUs }
  const then = previousOf(view, toUs)
  return { now, then, reason: then === null ? null : reasonOf() }

  function reasonOf(): UnknownReason | null {
    if (!isPreviousLoaded) return 'too-large'
    if (now.toUs <= now.fromUs) return 'incomplete'
    if (dataFromUs === null || then === null || then.fromUs < dataFromUs) return 'before-data'
    return null
  }
}

/** As it is written in answers. */
export function comparisonOf(view: View, { now, then, reason }: Compared): Comparison {
  return {
    compared: namedStretch(now),
    previous: then === null ? null : { ...namedStretch(then), reason },
    dataFrom: view.dataFromUs === null ? null : momentText(view.dataFromUs),
  }
}

function namedStretch({ fromUs, toUs }: TimeSpan): Readonly<{ from: string; to: string }> {
  return { from: momentText(fromUs), to: momentText(toUs) }
}
