/**
 * What viewers saw, by endpoint and class of view, and how long after its answer an event was in
 * their streams.
 */
import type { RangeId } from '../../src/dashboard-definition/definition.ts'
import { type Percentiles, percentiles } from './histogram.ts'
import type { LoadReport } from './load.ts'
import type { AnswerSeen, FilterKind, Told, ViewersReport } from './viewers.ts'

export type RangeClass = 'up to 24 h' | '7 d' | '30 d'

export type AnswerClass = Readonly<{
  endpoint: string
  range: RangeClass
  filter: FilterKind
  /** Of views about which somebody had an answer before. */
  warm: Percentiles
  /** Of views asked for the first time, by one or by several at once. */
  cold: Percentiles
}>

const RANGE_CLASSES: readonly RangeClass[] = ['up to 24 h', '7 d', '30 d']
const ENDPOINTS = ['summary', 'trend', 'revenue', 'campaigns', 'breakdown', 'values'] as const
const FILTERS: readonly FilterKind[] = ['none', 'campaign', 'value', 'values']
/** Changed or not. */
const GOOD: readonly number[] = [200, 304]

export function rangeClassOf(range: RangeId): RangeClass {
  return range === '7d' ? '7 d' : range === '30d' ? '30 d' : 'up to 24 h'
}

/** Those asked for while the load ran. */
export function answersDuring(report: ViewersReport, load: LoadReport): readonly AnswerSeen[] {
  const endMs = load.startedMs + load.elapsedMs
  return report.answers.filter(({ startedMs }) => startedMs >= load.startedMs && startedMs <= endMs)
}

export function answerClasses(answers: readonly AnswerSeen[]): readonly AnswerClass[] {
  return RANGE_CLASSES.flatMap((range) =>
    FILTERS.flatMap((filter) =>
      ENDPOINTS.flatMap((endpoint): AnswerClass[] => {
        const found = answers.filter(
          (answer) =>
            rangeClassOf(answer.range) === range &&
            answer.filter === filter &&
            answer.endpoint === endpoint,
        )
        if (found.length === 0) return []
        const warm = percentiles(found.filter(({ isCold }) => !isCold).map(({ ms }) => ms))
        const cold = percentiles(found.filter(({ isCold }) => isCold).map(({ ms }) => ms))
        return [{ endpoint, range, filter, warm, cold }]
      }),
    ),
  )
}

/** The endpoint whose p95 is the longest, over all filters, cold and warm, in a class of ranges. */
export function slowestEndpoint(
  answers: readonly AnswerSeen[],
  range: RangeClass,
): Readonly<{ endpoint: string; ms: Percentiles }> | null {
  const inRange = answers.filter((answer) => rangeClassOf(answer.range) === range)
  const [slowest] = [...Map.groupBy(inRange, ({ endpoint }) => endpoint)]
    .map(([endpoint, found]) => ({ endpoint, ms: percentiles(found.map(({ ms }) => ms)) }))
    .sort((a, b) => b.ms.p95 - a.ms.p95)
  return slowest ?? null
}

/** The same of views that nobody had asked for, with this filter. */
export function slowestCold(
  answers: readonly AnswerSeen[],
  range: RangeClass,
  filter: FilterKind,
): Readonly<{ endpoint: string; ms: Percentiles }> | null {
  return slowestEndpoint(
    answers.filter((answer) => answer.isCold && answer.filter === filter),
    range,
  )
}

export function failuresOf(answers: readonly AnswerSeen[]): ReadonlyMap<number, number> {
  const bad = answers.filter(({ status }) => !GOOD.includes(status))
  const byStatus = Map.groupBy(bad, ({ status }) => status)
  return new Map([...byStatus].map(([status, found]) => [status, found.length]))
}

/**
 * From the answer to a body until a stream has reported as many events as were sent by then, which
 * is at least the body's own: never too early. Nothing else may be sent meanwhile.
 */
export function streamDelays(load: LoadReport, streams: ViewersReport['streams']): Percentiles {
  return percentiles(streams.flatMap((told) => delaysOf(load, told)))
}

function delaysOf(load: LoadReport, told: readonly Told[]): number[] {
  const answered = load.trace.toSorted(([, a], [, b]) => a - b)
  let at = 0
  return answered.map(([, sentEvents, answeredMs]) => {
    const wanted = Math.min(sentEvents, load.events)
    while (at < told.length && (told[at]?.[1] ?? 0) < wanted) at += 1
    const seen = told[at]
    return seen === undefined ? Number.POSITIVE_INFINITY : Math.max(0, seen[0] - answeredMs)
  })
}
