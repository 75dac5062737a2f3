/**
 * The dashboard on a lake with a past, against its goals: ten viewers while events arrive.
 *
 * usage: npm run bench:dashboard -- [--days 30] [--campaigns 1000] [--events 20000000]
 *          [--viewers 10] [--rate 100000] [--seconds 60] [--full 4000000] [--repeats 4]
 *          [--visits 7] [--seed 1] [--folder DIR]
 *
 * A folder is filled once and used again; without one, the lake is made in a temporary one. A
 * figure short of its goal is marked SHORT and is no failure; a wrong answer, or tables that
 * `verify` refuses, are.
 */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { type Folder, openFolder } from '../test/support/folder.ts'
import { runCommand, startProduct } from '../test/support/product.ts'
import {
  type Measured,
  type Measures,
  openMeasures,
  waitUntilAnswering,
} from './dashboard-measures.ts'
import { buildPast } from './support/dashboard-lake.ts'
import { median, type Percentiles } from './support/histogram.ts'
import { describeMachine, describeRevision } from './support/machine.ts'
import { measurePaint } from './support/paint.ts'
import {
  answerClasses,
  answersDuring,
  failuresOf,
  type RangeClass,
  slowestCold,
  slowestEndpoint,
  streamDelays,
} from './support/viewer-figures.ts'
import type { ViewersReport } from './support/viewers.ts'

type Row = Readonly<{ what: string; goal: string; got: string; ok: boolean | null }>

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '30' },
    campaigns: { type: 'string', default: '1000' },
    events: { type: 'string', default: '20000000' },
    viewers: { type: 'string', default: '10' },
    rate: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '60' },
    full: { type: 'string', default: '4000000' },
    repeats: { type: 'string', default: '4' },
    visits: { type: 'string', default: '7' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string' },
  },
})
const [campaigns, viewers, rate, seconds] = [
  Number(values.campaigns),
  Number(values.viewers),
  Number(values.rate),
  Number(values.seconds),
]
const MIB = 1024 * 1024
const VERIFY_LIMIT_MS = 900_000
/** The default configuration, as a user has it; only the port is chosen. */
const DEFAULTS = { commitInterval: '1s' }

console.log(`machine   ${describeMachine()}`)
console.log(`revision  ${describeRevision(import.meta.dirname)}   seed ${values.seed}`)
console.log(
  `before    load average ${loadavg()
    .map((each) => each.toFixed(1))
    .join(' ')}`,
)
console.log(
  'method    product, load generator, viewers and browser are processes that share these ' +
    'cores; a viewer asks for summary, trend,',
)
console.log(
  '          revenue, campaigns and a breakdown at once, at the pace of the page, with one event stream ' +
    'open; cold = a view asked for the first time',
)
const rows: Row[] = []
const folder = await openPast()
try {
  await measureAll()
  await verify()
} finally {
  if (values.folder === undefined) await folder.close()
}
const table = new Table({ head: ['measure', 'goal', 'got', ''], style: { head: [], border: [] } })
for (const { what, goal, got, ok } of rows) {
  table.push([what, goal, got, ok === null ? '' : ok ? 'PASS' : 'SHORT'])
}
console.log(table.toString())

async function openPast(): Promise<Folder> {
  const given = values.folder === undefined ? undefined : resolve(values.folder)
  const marker = given === undefined ? undefined : join(given, 'folder.json')
  if (marker !== undefined && existsSync(marker)) {
    const { default: kept } = await import(marker, { with: { type: 'json' } })
    console.log(`lake      in ${kept.path}, as an earlier run left it`)
    const known = kept as Omit<Folder, 'configure' | 'close'>
    return { ...known, configure: async () => {}, close: async () => {} }
  }
  if (given !== undefined) await mkdir(given, { recursive: true })
  const fresh = await openFolder(DEFAULTS, given)
  const startedMs = performance.now()
  const { events, metrics } = await buildPast(fresh, {
    days: Number(values.days),
    campaigns,
    events: Number(values.events),
    seed: Number(values.seed),
    nowUs: Date.now() * 1000,
  })
  const took = Math.round((performance.now() - startedMs) / 1000)
  console.log(`lake      ${count(events)} raw events, ${count(metrics)} windows, made in ${took} s`)
  if (marker !== undefined) await writeFile(marker, JSON.stringify(fresh))
  return fresh
}

async function measureAll(): Promise<void> {
  const product = await startProduct(folder)
  try {
    const measures = await openMeasures(product, Number(values.seed), campaigns)
    await measures.paced(rate, 3, 0)
    const alone = await measures.paced(rate, seconds, 0)
    say('at a rate, nobody looks', alone)
    const watched = await measures.paced(rate, seconds, viewers)
    say(`at a rate, ${viewers} look`, watched)
    reportAnswers(watched)
    reportRate(`ingest at an offered ${rate / 1000} K/s`, [alone], [watched], 'answered')
    const { readyMs, firstThirtyDaysMs } = await waitUntilAnswering(product.url)
    console.log(`at rest   first answer ${ms(readyMs)}, 30 days ${ms(firstThirtyDaysMs)}`)
    await reportPaint('nothing else runs', () => measurePaint(product.url, Number(values.visits)))
    await reportPaint(`${rate / 1000} K/s and ${viewers} viewers`, () =>
      measures.beside(rate, 3 * Number(values.visits), viewers, () =>
        measurePaint(product.url, Number(values.visits)),
      ),
    )
    await reportFull(measures)
  } finally {
    await product.stop()
  }
}

/**
 * Without and with viewers in turn, every second time the other way round, so that both meet the
 * same machine and lake.
 */
async function reportFull(measures: Measures): Promise<void> {
  const alone: Measured[] = []
  const watched: Measured[] = []
  for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
    for (const count of repeat % 2 === 0 ? [0, viewers] : [viewers, 0]) {
      const measured = await measures.full(Number(values.full), count)
      say(count === 0 ? 'full speed, nobody looks' : `full speed, ${count} look`, measured)
      ;(count === 0 ? alone : watched).push(measured)
    }
  }
  if (alone.length === 0) return
  reportRate('ingest at full speed', alone, watched, 'answered')
  reportRate('ingest at full speed', alone, watched, 'committed')
}

function say(what: string, measured: Measured): void {
  const { load, seen, threads } = measured
  const shares = threads.slice(0, 6).map(([name, share]) => `${name} ${share.toFixed(2)}`)
  const seconds = seen?.cpuSeconds.toFixed(1)
  const viewers = seen === null ? '' : `, the viewers used ${seconds} s of processor time`
  console.log(
    `${what}: ${perSecond(measured.answeredPerSecond)} answered, ` +
      `${perSecond(measured.committedPerSecond)} committed, ` +
      `answer p50 ${ms(load.latencyMs.p50)} p99 ${ms(load.latencyMs.p99)}, ` +
      `${load.refused} refused, ` +
      `memory ${Math.round(measured.peakBytes / MIB)} MiB ` +
      `(${Math.round(measured.peakWithoutIdsBytes / MIB)} without ids)` +
      `${viewers}; ` +
      `others used ${measured.othersUsed.toFixed(2)} processors; used by thread: ` +
      `${shares.join(', ')}`,
  )
}

function reportAnswers(measured: Measured): void {
  const { seen, load } = measured
  if (seen === null) return
  const answers = answersDuring(seen, load)
  const detail = new Table({
    head: [
      'range',
      'filter',
      'answer',
      'warm n',
      'p50',
      'p95',
      'p99',
      'cold n',
      'p50',
      'p95',
      'p99',
    ],
    style: { head: [], border: [], compact: true },
  })
  for (const { range, filter, endpoint, warm, cold } of answerClasses(answers)) {
    detail.push([range, filter, endpoint, ...cells(warm), ...cells(cold)])
  }
  console.log(`answers to ${viewers} viewers at ${rate / 1000} K/s, ms\n${detail.toString()}`)
  const goals: readonly (readonly [RangeClass, number | null])[] = [
    ['up to 24 h', 100],
    ['7 d', null],
    ['30 d', 400],
  ]
  for (const [range, limitMs] of goals) {
    const slowest = slowestEndpoint(answers, range)
    if (slowest === null) continue
    const { endpoint, ms: found } = slowest
    rows.push({
      what: `slowest answer, ${range}, all filters, cold and warm`,
      goal: limitMs === null ? '' : `p95 < ${limitMs} ms`,
      got:
        `${endpoint}: p50 ${ms(found.p50)}, p95 ${ms(found.p95)}, p99 ${ms(found.p99)} of ` +
        `${found.count}`,
      ok: limitMs === null ? null : found.p95 < limitMs,
    })
  }
  reportCold(answers)
  reportFailures(failuresOf(answers), answers.length)
  const delays = streamDelays(load, seen.streams)
  rows.push({
    what: 'event answered to seen in the stream',
    goal: 'p99 < 1000 ms',
    got: `p50 ${ms(delays.p50)}, p99 ${ms(delays.p99)}, max ${ms(delays.max)}`,
    ok: delays.p99 < 1000,
  })
  rows.push({
    what: `memory with ${viewers} viewers, without the ids`,
    goal: '',
    got:
      `${Math.round(measured.peakWithoutIdsBytes / MIB)} MiB ` +
      `(${Math.round(measured.peakBytes / MIB)} with)`,
    ok: null,
  })
}

/** Filters that nobody had asked for: one value, and values of two columns. */
function reportCold(answers: ViewersReport['answers']): void {
  const goals: readonly (readonly [RangeClass, 'value' | 'values', number])[] = [
    ['up to 24 h', 'value', 100],
    ['7 d', 'value', 300],
    ['30 d', 'value', 300],
    ['up to 24 h', 'values', 1_000],
    ['7 d', 'values', 1_000],
    ['30 d', 'values', 1_000],
  ]
  for (const [range, filter, limitMs] of goals) {
    const slowest = slowestCold(answers, range, filter)
    if (slowest === null) continue
    const { endpoint, ms: found } = slowest
    rows.push({
      what: `slowest answer, ${range}, ${filter === 'value' ? 'one filter' : 'two filters'}, cold`,
      goal: `p95 < ${limitMs} ms`,
      got: `${endpoint}: p50 ${ms(found.p50)}, p95 ${ms(found.p95)} of ${found.count}`,
      ok: found.p95 < limitMs,
    })
  }
}

function reportFailures(failures: ReadonlyMap<number, number>, asked: number): void {
  const failed = [...failures].map(([status, times]) => `${times} × ${status}`)
  rows.push({
    what: 'answers that were none',
    goal: '0',
    got: failed.length === 0 ? `0 of ${asked}` : failed.join(', '),
    ok: failed.length === 0,
  })
  if (failed.length > 0) process.exitCode = 1
}

function reportRate(
  what: string,
  alone: readonly Measured[],
  watched: readonly Measured[],
  until: 'answered' | 'committed',
): void {
  const rateOf = (measured: Measured): number =>
    until === 'answered' ? measured.answeredPerSecond : measured.committedPerSecond
  const [without, withViewers] = [median(alone.map(rateOf)), median(watched.map(rateOf))]
  const fall = (1 - withViewers / without) * 100
  rows.push({
    what: `${what}, ${until}, ${viewers} viewers`,
    goal: 'falls by < 5 %',
    got: `${perSecond(without)} to ${perSecond(withViewers)}: ${fall.toFixed(1)} %`,
    ok: fall < 5,
  })
}

async function reportPaint(
  when: string,
  measure: () => ReturnType<typeof measurePaint>,
): Promise<void> {
  const paints = await measure()
  if (paints === null) return
  const first = paints.map(({ firstMs }) => firstMs)
  const ready = paints.map(({ readyMs }) => readyMs)
  rows.push({
    what: `first contentful paint, ${when}`,
    goal: '< 1000 ms',
    got:
      `median ${ms(median(first))}, max ${ms(Math.max(...first))} of ${first.length}; figures ` +
      `after ${ms(median(ready))}`,
    ok: median(first) < 1000,
  })
}

async function verify(): Promise<void> {
  const { exit, stdout, stderr } = await runCommand(folder, ['verify'], {
    limitMs: VERIFY_LIMIT_MS,
  })
  console.log(`verify    ${(stdout + stderr).trim()}`)
  if (exit.code !== 0) process.exitCode = 1
}

function cells({ count: n, p50, p95, p99 }: Percentiles): string[] {
  return n === 0
    ? ['0', '', '', '']
    : [String(n), ...[p50, p95, p99].map((each) => each.toFixed(0))]
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

function perSecond(value: number): string {
  return `${(value / 1000).toFixed(1)} K events/s`
}

function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`
}
