/**
 * Amends windows: Trino compares those that `planAmend` names with the raw table, and rows that
 * differ are replaced, in metrics files of their own (copy-on-write, no delete files). Each round
 * commits what it found, so a kill between two of them loses nothing: the marks move on with the
 * last one, and what was amended before no longer differs.
 */

import type { TimeSpan, WindowKey } from '../../event.ts'
import type { DifferingWindow, TrinoQuery } from '../../query.ts'
import type { ComparedSpans, MetricsChange, MetricsRow } from '../../table.ts'
import { type AmendPlan, type Marks, planAmend } from './amend-plan.ts'
import type { Amended, AmendView } from './amend-view.ts'

export type AmendParts = Readonly<{
  /** Null while a table is empty. */
  readView(): Promise<AmendView | null>
  trino: Pick<TrinoQuery, 'touchedSpans' | 'differingWindows'>
  /** Writes the files that hold these rows, and no longer those of the windows that are gone. */
  replace(rows: readonly MetricsRow[], gone: readonly WindowKey[]): Promise<MetricsChange>
  commit(change: MetricsChange, marks: Marks, amended: Amended): Promise<void>
  /** What clients have changed of the raw table was compared, as far as windows are closed. */
  settle(compared: ComparedSpans): Promise<void>
  windowUs: number
  nowUs: () => number
  /** One sentence for the user. */
  onWarning(text: string): void
}>

export type Amendments = Readonly<{
  /** One pass over what is closed now. */
  step(): Promise<void>
  marks(): Marks | null
}>

type Check = Extract<AmendPlan, { kind: 'check' }>

/** Windows of one commit. */
const ROUND_WINDOWS = 20_000

export function openAmendments(parts: AmendParts): Amendments {
  const { trino, windowUs } = parts
  let marks: Marks | null = null

  async function step(): Promise<void> {
    let view = await parts.readView()
    if (view === null) return
    const plan = planAmend({ ...view, marks: marks ?? view.marks, windowUs })
    if (plan.kind !== 'check') return
    const spans = await spansOf(plan, view.snapshots.eventsId)
    for (;;) {
      const found = await trino.differingWindows({
        snapshots: view.snapshots,
        spans,
        limit: ROUND_WINDOWS,
      })
      if (found.length === 0) break
      const { fit, gone } = sortOut(found, plan.changed)
      const change = await parts.replace(rowsOf(fit), gone)
      if (change.add.length + change.remove.length === 0) break
      const isLast = found.length < ROUND_WINDOWS
      const lateEvents = fit.reduce((sum, { uncounted }) => sum + Math.max(0, uncounted), 0)
      const amended = { windows: fit.length, lateEvents }
      await parts.commit(change, isLast ? plan.marks : (marks ?? view.marks), amended)
      if (isLast) break
      view = (await parts.readView()) ?? view
    }
    marks = plan.marks
    const { sequence, untilUs } = plan.marks
    if (plan.changed.length > 0 && untilUs !== null) await parts.settle({ sequence, untilUs })
  }

  async function spansOf(plan: Check, snapshotId: bigint): Promise<readonly TimeSpan[]> {
    const { fresh, late } = plan
    const whole = [...plan.changed, ...(fresh === null ? [] : [fresh])]
    if (late === null) return whole
    const { fromUs, toUs } = late.span
    const files = late.files.map(({ path }) => path)
    const touched = await trino.touchedSpans({ snapshotId, files, untilUs: toUs })
    const within = touched.flatMap((span) => {
      const cut = { fromUs: Math.max(span.fromUs, fromUs), toUs: span.toUs }
      return cut.fromUs < cut.toUs ? [cut] : []
    })
    return [...within, ...whole]
  }

  /**
   * No late event explains a row that should not be there: the user decides what to do about it,
   * unless a client has removed its events.
   */
  function sortOut(
    found: readonly DifferingWindow[],
    changed: readonly TimeSpan[],
  ): Readonly<{ fit: readonly DifferingWindow[]; gone: readonly DifferingWindow[] }> {
    const gone = found.filter((window) => isGone(window, changed))
    const isFit = (window: DifferingWindow): boolean => window.rows <= 1 && hasEvents(window)
    const unfit = found.filter((window) => !isFit(window) && !gone.includes(window))
    if (unfit.length > 0) {
      parts.onWarning(
        `${unfit.length} windows stand in campaign_metrics twice or without events, and are ` +
          'left as they are: `campaign-metrics verify` names them',
      )
    }
    return { fit: found.filter(isFit), gone }
  }

  function rowsOf(fit: readonly DifferingWindow[]): readonly MetricsRow[] {
    const processedAtUs = parts.nowUs()
    return fit.map(({ campaignId, windowStartUs, sums }) => ({
      campaignId,
      windowStartUs,
      ...sums,
      processedAtUs,
    }))
  }

  return { step, marks: () => marks }
}

function isGone(window: DifferingWindow, changed: readonly TimeSpan[]): boolean {
  const { windowStartUs, rows } = window
  const isIn = ({ fromUs, toUs }: TimeSpan): boolean =>
    windowStartUs >= fromUs && windowStartUs < toUs
  return rows === 1 && !hasEvents(window) && changed.some(isIn)
}

function hasEvents({ sums }: DifferingWindow): boolean {
  return sums.impressions + sums.clicks + sums.conversions > 0
}
