/**
 * The measurements of the whole product, against its goals.
 *
 * usage: npm run bench -- [--events 5000000] [--rate 100000] [--seconds 30] [--seed 1]
 *          [--repeats 3] [--only throughput,latency,start,single,reference]
 */
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Folder } from '../test/support/folder.ts'
import {
  type BenchOptions,
  measureLatency,
  measureReference,
  measureSingle,
  measureStart,
  measureThroughput,
} from './pipeline.ts'
import { median } from './support/histogram.ts'
import { describeMachine, describeRevision } from './support/machine.ts'

type Row = Readonly<{ what: string; goal: string; got: string; ok: boolean | null }>

const MEASURES = ['reference', 'throughput', 'start', 'latency', 'single'] as const
const MIB = 1024 * 1024

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '5000000' },
    rate: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '3' },
    only: { type: 'string', default: MEASURES.join(',') },
  },
})
const options: BenchOptions = {
  events: Number(values.events),
  rate: Number(values.rate),
  seconds: Number(values.seconds),
  seed: Number(values.seed),
}
const repeats = Number(values.repeats)
const only = new Set(values.only.split(','))
for (const name of only) {
  if (!MEASURES.some((measure) => measure === name)) {
    throw new Error(`--only ${name}: expected some of ${MEASURES.join(', ')}`)
  }
}

console.log(`machine   ${describeMachine()}`)
console.log(`revision  ${describeRevision(import.meta.dirname)}   seed ${options.seed}`)
const rows: Row[] = []
const folders: Folder[] = []
if (only.has('reference')) await reference()
if (only.has('throughput') || only.has('start')) await throughput()
if (only.has('start')) await start()
if (only.has('latency')) await latency()
if (only.has('single')) await single()
for (const folder of folders) await folder.close()

const table = new Table({ head: ['measure', 'goal', 'got', ''], style: { head: [], border: [] } })
for (const { what, goal, got, ok } of rows) {
  table.push([what, goal, got, ok === null ? '' : ok ? 'ok' : 'SHORT'])
}
console.log(table.toString())

async function reference(): Promise<void> {
  const got = await measureReference(options)
  rows.push(
    {
      what: 'reference: bare node:http, same bodies',
      goal: '',
      got: perSecond(got.sinkEventsPerSecond, 'events'),
      ok: null,
    },
    {
      what: 'reference: bare node:http, one core, one event',
      goal: '',
      got: perSecond(got.sinkRequestsPerSecond, 'requests'),
      ok: null,
    },
    {
      what: 'reference: write + fdatasync of 1 MiB',
      goal: '',
      got: `${Math.round(got.diskMibPerSecond)} MiB/s`,
      ok: null,
    },
  )
}

async function throughput(): Promise<void> {
  const results = []
  for (let repeat = 0; repeat < (only.has('throughput') ? repeats : 1); repeat += 1) {
    const { result, folder } = await measureThroughput({ ...options, seed: options.seed + repeat })
    results.push(result)
    // The last one stays: the start-up is measured on its data.
    await folders.pop()?.close()
    folders.push(folder)
    const threads = result.threads.map(([name, ns]) => `${name} ${Math.round(ns)}`).join(', ')
    console.log(
      `throughput ${repeat + 1}: ${perSecond(result.committedPerSecond, 'events')} committed, ` +
        `${perSecond(result.answeredPerSecond, 'events')} answered, ` +
        `${result.bytesPerEvent.toFixed(1)} bytes each, ` +
        `${result.stored} stored in ${result.bytesPerRow.toFixed(1)} bytes each, verify ` +
        `${result.verified}, ` +
        `${result.refused} requests refused; CPU ns/event by thread: ${threads}`,
    )
  }
  if (!only.has('throughput')) return
  const committed = median(results.map((result) => result.committedPerSecond))
  const peak = median(results.map((result) => result.peakWithoutIdsBytes)) / MIB
  const whole = median(results.map((result) => result.peakBytes)) / MIB
  rows.push(
    {
      what: 'HTTP to both tables committed',
      goal: '>= 500 K events/s',
      got: perSecond(committed, 'events'),
      ok: committed >= 500_000,
    },
    {
      what: 'resident memory without the ids',
      goal: '< 1024 MiB',
      got: `${Math.round(peak)} MiB (${Math.round(whole)} with)`,
      ok: peak < 1024,
    },
  )
}

async function start(): Promise<void> {
  const [folder] = folders
  if (folder === undefined) throw new Error('start needs the data of a throughput run')
  const runs = []
  for (let repeat = 0; repeat < repeats; repeat += 1) runs.push(await measureStart(folder))
  const listening = median(runs.map((run) => run.listeningMs))
  const ready = median(runs.map((run) => run.readyMs))
  rows.push(
    {
      what: 'start-up on existing data, listening',
      goal: '< 2000 ms',
      got: `${Math.round(listening)} ms`,
      ok: listening < 2000,
    },
    {
      what: 'start-up on existing data, first answer',
      goal: '< 2000 ms',
      got: `${Math.round(ready)} ms`,
      ok: ready < 2000,
    },
  )
}

async function latency(): Promise<void> {
  const { ackMs, visibleMs, sentPerSecond, rate } = await measureLatency(options)
  console.log(`latency: asked for ${rate} events/s, sent ${Math.round(sentPerSecond)} events/s`)
  rows.push(
    {
      what: `answer after fsync at ${rate / 1000} K/s`,
      goal: 'p99 < 50 ms',
      got:
        `p50 ${ms(ackMs.p50)}, p99 ${ms(ackMs.p99)}, p99.9 ${ms(ackMs.p999)}, max ` +
        `${ms(ackMs.max)}`,
      ok: ackMs.p99 < 50,
    },
    {
      what: 'event to visible in Iceberg',
      goal: 'p99 < 1500 ms',
      got: `p50 ${ms(visibleMs.p50)}, p99 ${ms(visibleMs.p99)}, max ${ms(visibleMs.max)}`,
      ok: visibleMs.p99 < 1500,
    },
  )
}

async function single(): Promise<void> {
  const runs = []
  for (let repeat = 0; repeat < repeats; repeat += 1) runs.push(await measureSingle(options))
  const rate = median(runs.map((run) => run.requestsPerSecond))
  const p99 = median(runs.map((run) => run.ackMs.p99))
  rows.push({
    what: `requests of one event, one core, ${runs[0]?.connections} connections`,
    goal: '>= 10 K requests/s',
    got: `${perSecond(rate, 'requests')}, p99 ${ms(p99)}`,
    ok: rate >= 10_000,
  })
}

function perSecond(count: number, unit: string): string {
  return `${(count / 1000).toFixed(1)} K ${unit}/s`
}

function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`
}
