/**
 * Which windows to compare with their events, decided without touching anything.
 *
 * Flink adds a window's row when its watermark passes the window's end, and drops what comes later:
 * those late events are in the raw table only. A window may be amended once Flink has committed it,
 * because from then on it never adds a row for it again. `closedUntil` is the largest window_end
 * that it has committed: windows close in the order of their ends, so all that end until then are
 * closed, also those without a row. A heartbeat closes windows too, and where they have no rows,
 * what it has closed is known from its place in the topic (heartbeat-plan.ts).
 *
 *   raw files      ──1──2──3──┬──4──5──►   by sequence number
 *                             │ `sequence`: files up to here were checked
 *   windows   ────────────────┼───┬────►   by their end
 *                 `untilUs`  ─┘   └─ closedUntil
 *
 *   fresh   windows that closed since: each is compared with its events once, whole, in whatever
 *           files they are
 *   late    files that came since and begin before `untilUs`: the windows that their rows touch
 *           are compared again
 *   changed where a client of the REST catalog has removed rows: all windows that are closed are
 *           compared; those that are not yet wait in the property of the table
 *
 * The raw table must be at least as far as the metrics: read at an older checkpoint it would lack
 * events that a row has counted. Rewritten files count as new ones: their days are checked once
 * more, which is expensive and does no harm.
 */
import type { TimeSpan } from '../../event.ts'
import type { ChangedSpan } from '../../table.ts'

export type RawFile = Readonly<{
  path: string
  /** Time of its earliest event; -Infinity where the file does not tell. */
  firstUs: number
  /** Of the snapshot that brought it. */
  sequence: number
}>

/** What was compared with its events so far. */
export type Marks = Readonly<{ sequence: number; untilUs: number | null }>

export type AmendInput = Readonly<{
  raw: Readonly<{
    sequence: number
    checkpoint: number | null
    files: readonly RawFile[]
    changed: readonly ChangedSpan[]
  }>
  metrics: Readonly<{ checkpoint: number | null; closedUntilUs: number | null }>
  marks: Marks
  /** Before it, days were dropped from the raw table: their rows cannot be recomputed. */
  keptFromUs: number
  windowUs: number
}>

export type AmendPlan =
  | Readonly<{ kind: 'nothing' }>
  /** Flink has committed windows whose events it has not committed yet. */
  | Readonly<{ kind: 'raw-behind'; raw: number | null; metrics: number }>
  | Readonly<{
      kind: 'check'
      fresh: TimeSpan | null
      late: Readonly<{ files: readonly RawFile[]; span: TimeSpan }> | null
      /** Whole windows from which rows may be gone: those without events have no row any more. */
      changed: readonly TimeSpan[]
      /** Once all is amended. */
      marks: Marks
    }>

export function planAmend(input: AmendInput): AmendPlan {
  const { raw, metrics, marks, keptFromUs, windowUs } = input
  const { closedUntilUs } = metrics
  const isEmpty = raw.files.length === 0 && raw.changed.length === 0
  if (closedUntilUs === null || isEmpty) return { kind: 'nothing' }
  if (metrics.checkpoint !== null && (raw.checkpoint ?? -1) < metrics.checkpoint) {
    return { kind: 'raw-behind', raw: raw.checkpoint, metrics: metrics.checkpoint }
  }
  const windowOf = (us: number): number => Math.floor(us / windowUs) * windowUs
  const startOf = (files: readonly RawFile[]): number =>
    Math.max(keptFromUs, windowOf(Math.min(...files.map(({ firstUs }) => firstUs))))
  const amendedUntilUs = marks.untilUs ?? Math.min(closedUntilUs, startOf(raw.files))
  const untilUs = Math.max(amendedUntilUs, closedUntilUs)
  const fresh = spanOf(Math.max(amendedUntilUs, windowOf(keptFromUs)), untilUs)
  const files = raw.files.filter(
    ({ sequence, firstUs }) => sequence > marks.sequence && firstUs < amendedUntilUs,
  )
  const lateSpan = files.length === 0 ? null : spanOf(startOf(files), amendedUntilUs)
  const late = lateSpan === null ? null : { files, span: lateSpan }
  const changed = raw.changed.flatMap(({ fromUs, toUs }) => {
    const endUs = Math.ceil(toUs / windowUs) * windowUs
    const cut = spanOf(
      Math.max(windowOf(fromUs), windowOf(keptFromUs)),
      Math.min(endUs, windowOf(untilUs)),
    )
    return cut === null ? [] : [cut]
  })
  const isSame = fresh === null && late === null && changed.length === 0
  if (isSame && raw.sequence === marks.sequence) return { kind: 'nothing' }
  return { kind: 'check', fresh, late, changed, marks: { sequence: raw.sequence, untilUs } }
}

function spanOf(fromUs: number, toUs: number): TimeSpan | null {
  return fromUs < toUs ? { fromUs, toUs } : null
}
