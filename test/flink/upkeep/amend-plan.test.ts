/**
 * Which windows are held against their events, and when: by hand, and against a whole replay of
 * Flink's behaviour.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AmendInput, type Marks, planAmend } from '../../../src/flink/upkeep/amend-plan.ts'
import { withoutCompared } from '../../../src/table/client-commit/client-rows.ts'
import { type ChangedSpan, changedSpans, PROPERTY_KEYS } from '../../../src/table.ts'

const WINDOW_US = 300

const NONE: Marks = { sequence: 0, untilUs: null }

function input(parts: {
  files?: readonly (readonly [firstUs: number, sequence: number])[]
  rawCheckpoint?: number | null
  checkpoint?: number | null
  closedUntilUs?: number | null
  marks?: Marks
  keptFromUs?: number
  changed?: AmendInput['raw']['changed']
}): AmendInput {
  const files = (parts.files ?? [[0, 1]]).map(([firstUs, sequence]) => ({
    path: `f${sequence}`,
    firstUs,
    sequence,
  }))
  return {
    raw: {
      files,
      sequence: Math.max(0, ...files.map(({ sequence }) => sequence)),
      checkpoint: parts.rawCheckpoint === undefined ? 9 : parts.rawCheckpoint,
      changed: parts.changed ?? [],
    },
    metrics: {
      checkpoint: parts.checkpoint === undefined ? 9 : parts.checkpoint,
      closedUntilUs: parts.closedUntilUs === undefined ? 600 : parts.closedUntilUs,
    },
    marks: parts.marks ?? NONE,
    keptFromUs: parts.keptFromUs ?? Number.NEGATIVE_INFINITY,
    windowUs: WINDOW_US,
  }
}

test('without a closed window or an event there is nothing to do', () => {
  assert.deepEqual(planAmend(input({ closedUntilUs: null })), { kind: 'nothing' })
  assert.deepEqual(planAmend(input({ files: [] })), { kind: 'nothing' })
})

test('a raw table that is behind the metrics is waited for, even without any checkpoint', () => {
  const behind = { kind: 'raw-behind', metrics: 9 }
  assert.deepEqual(planAmend(input({ rawCheckpoint: 8 })), { ...behind, raw: 8 })
  assert.deepEqual(planAmend(input({ rawCheckpoint: null })), { ...behind, raw: null })
})

test('the first check covers all that is closed, from the window of the earliest event on', () => {
  const files = [
    [350, 1],
    [901, 2],
  ] as const
  assert.deepEqual(planAmend(input({ files, closedUntilUs: 1200 })), {
    kind: 'check',
    fresh: { fromUs: 300, toUs: 1200 },
    late: null,
    changed: [],
    marks: { sequence: 2, untilUs: 1200 },
  })
})

test('later it is what closed since, and what late events touched', () => {
  const files = [
    [10, 1],
    [1210, 5],
    [320, 6],
  ] as const
  const plan = planAmend(
    input({ files, closedUntilUs: 1500, marks: { sequence: 4, untilUs: 1200 } }),
  )
  assert.deepEqual(plan, {
    kind: 'check',
    fresh: { fromUs: 1200, toUs: 1500 },
    late: {
      files: [{ path: 'f6', firstUs: 320, sequence: 6 }],
      span: { fromUs: 300, toUs: 1200 },
    },
    changed: [],
    marks: { sequence: 6, untilUs: 1500 },
  })
})

test('an event at the very end of the amended windows is not late, 1 µs before it is', () => {
  const marks = { sequence: 1, untilUs: 600 }
  const planned = (firstUs: number) => planAmend(input({ files: [[firstUs, 2]], marks }))
  assert.deepEqual(planned(600), {
    kind: 'check',
    fresh: null,
    late: null,
    changed: [],
    marks: { sequence: 2, untilUs: 600 },
  })
  const plan = planned(599)
  assert.ok(plan.kind === 'check')
  assert.deepEqual(plan.late?.span, { fromUs: 300, toUs: 600 })
})

test('a file without a bound is looked through, and days that were dropped are not', () => {
  const plan = planAmend(
    input({
      files: [[Number.NEGATIVE_INFINITY, 7]],
      keptFromUs: 300,
      marks: { sequence: 6, untilUs: 600 },
    }),
  )
  assert.ok(plan.kind === 'check')
  assert.deepEqual(plan.late?.span, { fromUs: 300, toUs: 600 })
})

test('where a client removed rows, whole windows are compared, as far as they are closed', () => {
  const changed = [
    { sequence: 3, fromUs: 10, toUs: 20 },
    { sequence: 3, fromUs: 310, toUs: 910 },
    { sequence: 3, fromUs: 900, toUs: 1300 },
    { sequence: 3, fromUs: 2000, toUs: 2100 },
  ]
  const marks = { sequence: 3, untilUs: 1200 }
  const plan = planAmend(
    input({ files: [[0, 3]], changed, marks, closedUntilUs: 1200, keptFromUs: 300 }),
  )
  assert.deepEqual(plan, {
    kind: 'check',
    fresh: null,
    late: null,
    changed: [
      { fromUs: 300, toUs: 1200 },
      { fromUs: 900, toUs: 1200 },
    ],
    marks,
  })
  const emptied = planAmend(input({ files: [], changed, marks, closedUntilUs: 1200 }))
  assert.equal(emptied.kind, 'check', 'also where no row is left')
})

test('in any order of events, removals, heartbeats, closings and checks closed windows are right', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('event' as const), at: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({ kind: fc.constant('heartbeat' as const), at: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({ kind: fc.constant('commit' as const) }),
    fc.record({ kind: fc.constant('remove' as const), nth: fc.nat({ max: 20 }) }),
    fc.record({ kind: fc.constant('check' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const flink = openModel()
      for (const each of steps) {
        if (each.kind === 'event') flink.event(each.at)
        else if (each.kind === 'heartbeat') flink.heartbeat(each.at)
        else if (each.kind === 'commit') flink.commit()
        else if (each.kind === 'remove') flink.remove(each.nth)
        else flink.check()
      }
      flink.commit()
      flink.check()
      flink.assertRight()
    }),
    { numRuns: 2000 },
  )
})

function propertyOf(spans: readonly ChangedSpan[]): Record<string, string> {
  const texts = spans.map(({ sequence, fromUs, toUs }) => `${sequence} ${fromUs} ${toUs}`)
  return { [PROPERTY_KEYS.changedSpans]: texts.join(',') }
}

/**
 * Flink as the plan sees it: one campaign, a watermark of the latest event, a raw file for each
 * commit.
 */
function openModel() {
  const files: { firstUs: number; sequence: number; events: number[] }[] = []
  const metrics = new Map<number, number>()
  const open = new Map<number, number>()
  const closing = new Map<number, number>()
  let pending: number[] = []
  let watermark = -1
  let marks = NONE
  let sequence = 0
  /** Until when a heartbeat closes windows, and until when that is committed. */
  let claimedUs: number | null = null
  let heartbeatsUntilUs: number | null = null
  /** As the table's property has them. */
  let changed: AmendInput['raw']['changed'] = []

  const windowOf = (us: number): number => Math.floor(us / WINDOW_US) * WINDOW_US
  const closedUntilUs = (): number | null => {
    if (metrics.size === 0) return heartbeatsUntilUs
    return Math.max(...metrics.keys(), (heartbeatsUntilUs ?? 0) - WINDOW_US) + WINDOW_US
  }
  const moveWatermark = (at: number): void => {
    watermark = Math.max(watermark, at)
    for (const [each, count] of open) {
      if (each + WINDOW_US > watermark) continue
      closing.set(each, count)
      open.delete(each)
    }
  }
  const truth = (start: number, among = files.flatMap(({ events }) => events)): number =>
    among.filter((at) => windowOf(at) === start).length

  return {
    event(at: number): void {
      pending.push(at)
      const start = windowOf(at)
      if (start + WINDOW_US > watermark) open.set(start, (open.get(start) ?? 0) + 1)
      moveWatermark(at)
    },
    heartbeat(at: number): void {
      moveWatermark(at)
      claimedUs = Math.max(claimedUs ?? 0, windowOf(at))
    },
    commit(): void {
      if (pending.length > 0) {
        sequence++
        files.push({ firstUs: Math.min(...pending), sequence, events: pending })
      }
      pending = []
      for (const [start, count] of closing) {
        assert.ok(!metrics.has(start), 'Flink adds no second row')
        metrics.set(start, count)
      }
      closing.clear()
      heartbeatsUntilUs = claimedUs
    },
    /** A client removes one event: its file is gone, or written again without it. */
    remove(nth: number): void {
      const index = nth % Math.max(1, files.length)
      const file = files[index]
      if (file === undefined) return
      sequence++
      const times = file.events.toSorted((a, b) => a - b)
      const span = { sequence, fromUs: times[0]!, toUs: times.at(-1)! + 1 }
      changed = [...changed, span]
      const events = file.events.toSpliced(nth % file.events.length, 1)
      const rest = { firstUs: Math.min(...events), sequence, events }
      files.splice(index, 1, ...(events.length === 0 ? [] : [rest]))
    },
    check(): void {
      const plan = planAmend({
        raw: {
          files: files.map((file) => ({ ...file, path: '' })),
          sequence,
          checkpoint: 1,
          changed,
        },
        metrics: { checkpoint: 1, closedUntilUs: closedUntilUs() },
        marks,
        keptFromUs: Number.NEGATIVE_INFINITY,
        windowUs: WINDOW_US,
      })
      if (plan.kind !== 'check') return
      const { fresh, late } = plan
      const starts = new Set<number>()
      if (fresh !== null) {
        for (let at = fresh.fromUs; at < fresh.toUs; at += WINDOW_US) starts.add(at)
      }
      for (const { sequence: of } of late?.files ?? []) {
        const events = files.find((file) => file.sequence === of)?.events ?? []
        for (const at of events) {
          const start = windowOf(at)
          if (late !== null && start >= late.span.fromUs && start < late.span.toUs) {
            starts.add(start)
          }
        }
      }
      const gone = new Set<number>()
      for (const span of plan.changed) {
        for (let at = span.fromUs; at < span.toUs; at += WINDOW_US) gone.add(at)
      }
      for (const start of new Set([...starts, ...gone])) {
        const count = truth(start)
        if (count > 0) metrics.set(start, count)
        else if (gone.has(start)) metrics.delete(start)
      }
      marks = plan.marks
      const { untilUs } = plan.marks
      changed = changedSpans(withoutCompared(propertyOf(changed), { sequence, untilUs: untilUs! }))
    },
    assertRight(): void {
      const until = closedUntilUs()
      if (until === null) return
      for (let start = 0; start < until; start += WINDOW_US) {
        assert.equal(metrics.get(start) ?? 0, truth(start), `window ${start}`)
      }
    },
  }
}
