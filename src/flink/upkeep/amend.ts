/**
 * Amends windows: Trino compares those that `planAmend` names with the raw table, and rows that
 * differ are replaced, in metrics files of their own (copy-on-write, no delete files). Each round
 * commits what it found, so a kill between two of them loses nothing: the marks move on with the
 * last one, and what was amended before no longer differs.
 */

import type { TimeSpan } from '../../event.ts'
import type { DifferingWindow, TrinoQuery } from '../../query.ts'
import type { MetricsChange, MetricsRow } from '../../table.ts'
import { type AmendPlan, type Marks, planAmend } from './amend-plan.ts'
import type { Amended, AmendView } from './amend-view.ts'

export type AmendParts = Readonly<{
  /** Null while a table is empty. */
  readView(): Promise<AmendView | null>
  trino: Pick<TrinoQuery, 'touchedSpans' | 'differingWindows'>
  /** Writes the files that hold these rows. */
  replace(rows: readonly MetricsRow[]): Promise<MetricsChange>
  commit(change: MetricsChange, marks: Marks, amended: Amended): Promise<void>
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
      const fit = fitOf(found)
      const change = await parts.replace(rowsOf(fit))
      if (change.add.length === 0) break
      const isLast = found.length < ROUND_WINDOWS
      const lateEvents = fit.reduce((sum, { uncounted }) => sum + Math.max(0, uncounted), 0)
      const amended = { windows: fit.length, lateEvents }
      await parts.commit(change, isLast ? plan.marks : (marks ?? view.marks), amended)
      if (isLast) break
      view = (await parts.readView()) ?? view
    }
    marks = plan.marks
  }

  async function spansOf({ fresh, late }: Check, snapshotId: bigint): Promise<readonly TimeSpan[]> {
    if (late === null) return fresh === null ? [] : [fresh]
    const { fromUs, toUs } = late.span
    const files = late.files.map(({ path }) => path)
    const touched = await trino.touchedSpans({ snapshotId, files, untilUs: toUs })
    const within = touched.flatMap((span) => {
      const cut = { fromUs: Math.max(span.fromUs, fromUs), toUs: span.toUs }
      return cut.fromUs < cut.toUs ? [cut] : []
    })
    return fresh === null ? within : [...within, fresh]
  }

  /**
   * No late event explains a row that should not be there: the user decides what to do about it.
   */
  function fitOf(found: readonly DifferingWindow[]): readonly DifferingWindow[] {
    const isFit = (window: DifferingWindow): boolean =>
      window.rows <= 1 && window.sums.impressions + window.sums.clicks + window.sums.conversions > 0
    const unfit = found.filter((window) => !isFit(window))
    if (unfit.length > 0) {
      parts.onWarning(
        `${unfit.length} windows stand in campaign_metrics twice or without events, and are ` +
          'left as they are: `campaign-metrics verify` names them',
      )
    }
    return found.filter(isFit)
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
