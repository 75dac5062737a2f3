/**
 * What clients of the REST catalog have done to the rows of campaign_events beside Flink. There the
 * windows cannot follow in the same commit: Flink may be about to add rows for them. So a property of
 * the table, set in the commit of the client, says which stretches of time have to be compared with
 * the events, and is taken back once they have been. It outlives restarts and the snapshots of the
 * client.
 *
 *     sequence number from to, …      µs since the epoch, `to` excluded
 *
 * Two more properties count the rows for the ledger, and one tells when rows were last removed.
 */
import type { TimeSpan } from '../../event.ts'
import { type DataFile, eventTimes } from '../data-file.ts'
import { DAY_US } from '../definition.ts'
import { PROPERTY_KEYS } from '../keys.ts'
import type { RowChange } from './fit.ts'

type Properties = Readonly<Record<string, string>>

/** Rows were removed from it by a snapshot of this sequence number, or by several up to it. */
export type ChangedSpan = TimeSpan & Readonly<{ sequence: number }>

/** What was compared: every change up to this sequence number, in windows that end by then. */
export type ComparedSpans = Readonly<{ sequence: number; untilUs: number }>

/** Conditions on time in one statement of Trino. */
const SPANS_MAX = 64

/** The properties once a snapshot with this sequence number has made the change. */
export function withRowChange(
  properties: Properties,
  { added, removed }: RowChange,
  { sequence, nowMs }: Readonly<{ sequence: number; nowMs: number }>,
): Properties {
  if (added.length + removed.length === 0) return properties
  const rows = clientRows(properties)
  const count = (files: readonly DataFile[]): number =>
    files.reduce((sum, file) => sum + file.rows, 0)
  // Files that were only rewritten hold as many rows as before.
  const isFewer = count(removed) > count(added)
  const spans = removed.map((file) => ({ ...spanOf(file), sequence }))
  return withSpans(
    {
      ...properties,
      [PROPERTY_KEYS.clientAddedRows]: String(rows.addedRows + count(added)),
      [PROPERTY_KEYS.clientRemovedRows]: String(rows.removedRows + count(removed)),
      ...(isFewer ? { [PROPERTY_KEYS.clientRemovedMs]: String(nowMs) } : {}),
    },
    [...changedSpans(properties), ...spans],
  )
}

/** Rows that clients have ever added and removed; rows of rewritten files are among both. */
export function clientRows(properties: Properties): { addedRows: number; removedRows: number } {
  return {
    addedRows: Number(properties[PROPERTY_KEYS.clientAddedRows] ?? 0),
    removedRows: Number(properties[PROPERTY_KEYS.clientRemovedRows] ?? 0),
  }
}

/** When a client last removed rows; null where none has. */
export function clientRemovedMs(properties: Properties): number | null {
  const text = properties[PROPERTY_KEYS.clientRemovedMs]
  return text === undefined ? null : Number(text)
}

/** The stretches that have yet to be compared, in order; 64 at most. */
export function changedSpans(properties: Properties): readonly ChangedSpan[] {
  const text = properties[PROPERTY_KEYS.changedSpans] ?? ''
  return text.split(',').flatMap((each) => {
    const [sequence = Number.NaN, fromUs = Number.NaN, toUs = Number.NaN] = each
      .split(' ')
      .map(Number)
    return fromUs < toUs ? [{ sequence, fromUs, toUs }] : []
  })
}

/** The properties without what was compared. */
export function withoutCompared(
  properties: Properties,
  { sequence, untilUs }: ComparedSpans,
): Properties {
  const left = changedSpans(properties).map((span) =>
    span.sequence > sequence ? span : { ...span, fromUs: Math.max(span.fromUs, untilUs) },
  )
  return withSpans(properties, left)
}

function withSpans(properties: Properties, spans: readonly ChangedSpan[]): Properties {
  const { [PROPERTY_KEYS.changedSpans]: _, ...others } = properties
  const joined = joinSpans(spans.filter(({ fromUs, toUs }) => fromUs < toUs))
  if (joined.length === 0) return others
  const texts = joined.map(({ sequence, fromUs, toUs }) => `${sequence} ${fromUs} ${toUs}`)
  return { ...others, [PROPERTY_KEYS.changedSpans]: texts.join(',') }
}

/** Joins spans that overlap or touch, and past the limit those with the smallest gaps. */
function joinSpans(spans: readonly ChangedSpan[]): readonly ChangedSpan[] {
  const joined: ChangedSpan[] = []
  for (const span of spans.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const last = joined.at(-1)
    if (last === undefined || span.fromUs > last.toUs) joined.push(span)
    else joined[joined.length - 1] = union(last, span)
  }
  while (joined.length > SPANS_MAX) {
    const gapAt = (at: number): number => joined[at + 1]!.fromUs - joined[at]!.toUs
    let narrowest = 0
    for (let at = 1; at < joined.length - 1; at++) if (gapAt(at) < gapAt(narrowest)) narrowest = at
    joined.splice(narrowest, 2, union(joined[narrowest]!, joined[narrowest + 1]!))
  }
  return joined
}

function union(a: ChangedSpan, b: ChangedSpan): ChangedSpan {
  return {
    sequence: Math.max(a.sequence, b.sequence),
    fromUs: Math.min(a.fromUs, b.fromUs),
    toUs: Math.max(a.toUs, b.toUs),
  }
}

/** Of the file's events; its day where the file does not tell. */
function spanOf(file: DataFile): TimeSpan {
  const { firstUs, lastUs } = eventTimes(file)
  const dayUs = file.day * DAY_US
  return {
    fromUs: Number.isFinite(firstUs) ? firstUs : dayUs,
    toUs: Number.isFinite(lastUs) ? lastUs + 1 : dayUs + DAY_US,
  }
}
