/**
 * What parsing costs, in nanoseconds an event, on bodies that differ in what the parser predicts:
 * key order, spacing, time stamps. JSON.parse over the same lines is the reference.
 *
 * usage: node bench/parse.ts [rounds=40]
 */

import { cpus } from 'node:os'
import { openLineParser } from '../src/engine/line-parser.ts'
import { instantiate, loadModule, type ParserExports } from '../src/engine/wasm.ts'
import { openInspector } from '../src/engine.ts'
import { KEEPS_ALL_US } from '../src/event.ts'
import { openRandom, type Random } from '../test/support/random.ts'

const SEED = 20_261_122
const EVENTS = 20_000
const ROUNDS = Number(process.argv[2] ?? 40)
const ARRIVAL_US = Date.UTC(2026, 10, 22, 20) * 1000

type Fields = readonly (readonly [key: string, value: unknown])[]
type Case = Readonly<{ name: string; line: (random: Random, index: number) => string }>

const CASES: readonly Case[] = [
  { name: 'one key order', line: (random, index) => compact(event(random, index)) },
  {
    name: 'two orders, alternating',
    line: (random, index) => compact(ordered(event(random, index), index % 2)),
  },
  {
    name: 'eight orders, at random',
    line: (random, index) => compact(ordered(event(random, index), random.below(8))),
  },
  {
    name: 'every order, at random',
    line: (random, index) => compact(shuffled(random, event(random, index))),
  },
  {
    name: 'spaced as Python does',
    line: (random, index) =>
      JSON.stringify(Object.fromEntries(event(random, index)), null, 1)
        .replaceAll(/\n */g, ' ')
        .replace('{ ', '{')
        .replace(' }', '}'),
  },
  {
    name: 'a nested unknown field',
    line: (random, index) =>
      compact([...event(random, index), ['context', { page: '/shop', tags: ['a', 'b'], ab: 7 }]]),
  },
  {
    name: 'late by up to 40 hours',
    line: (random, index) => compact(event(random, index, 40 * 3600)),
  },
  {
    name: 'sums of 17 digits',
    line: (random, index) =>
      compact(
        event(random, index).map(([key, value]) =>
          key === 'revenue' ? [key, 0.1 * random.below(99) + 0.2] : [key, value],
        ),
      ),
  },
  {
    name: 'campaigns in Chinese',
    line: (random, index) =>
      compact(
        event(random, index).map(([key, value]) =>
          key === 'campaign_id' ? [key, '双十一促销活动'] : [key, value],
        ),
      ),
  },
]

console.log(`${cpus()[0]?.model} x ${cpus().length}, node ${process.version}, seed ${SEED}`)
console.log(
  'ns of processor time an event: parse = lines to rows, inspect = body to verdicts and lines\n',
)
const engine = instantiate<ParserExports>(await loadModule('engine'))
const parser = openLineParser(engine)
const inspector = await openInspector()
for (const given of CASES) measureCase(given)

function measureCase(given: Case): void {
  const random = openRandom(SEED)
  const lines = Array.from({ length: EVENTS }, (_, index) => given.line(random, index))
  const body = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  const parse = median(() => parseAll(body))
  const inspect = median(() => {
    const inspection = inspector.inspect([body], 'lines', ARRIVAL_US)
    if ('unsplittable' in inspection) throw new Error(inspection.unsplittable)
    const [rejected] = inspection.rejected
    if (rejected !== undefined) throw new Error(`${rejected.reason}: ${lines[rejected.index]}`)
  })
  const plain = median(() => {
    for (const line of lines) JSON.parse(line)
  }, 3)
  const figures = [parse, inspect, plain].map((ns) => ns.toFixed(0).padStart(5))
  const bytes = (body.length / EVENTS).toFixed(0)
  console.log(
    `${given.name.padEnd(26)} ${bytes} bytes  parse ${figures[0]}  inspect ${figures[1]}  ` +
      `JSON.parse ${figures[2]}`,
  )
}

function parseAll(body: Uint8Array): void {
  parser.load(body)
  let events = 0
  const next = (): number => parser.next(ARRIVAL_US, KEEPS_ALL_US)
  for (let rows = next(); rows > 0; rows = next()) events += rows
  if (events !== EVENTS) throw new Error(`${events} events instead of ${EVENTS}`)
}

/** The median round, in processor time: other work on the machine counts less. */
function median(work: () => void, rounds: number = ROUNDS): number {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const started = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(started)
    times.push(((user + system) * 1000) / EVENTS)
  }
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN
}

function event(random: Random, index: number, lateSeconds = 0): Fields {
  const time = ARRIVAL_US / 1000 - 60_000 + index / 10 - random.below(lateSeconds * 1000 + 1)
  const type = random.below(100)
  return [
    ['event_id', uuid(random)],
    ['user_id', `user_${random.below(1_000_000)}`],
    ['campaign_id', `campaign_${random.below(500)}`],
    ['event_type', type < 90 ? 'impression' : type < 98 ? 'click' : 'conversion'],
    ['timestamp', new Date(time).toISOString()],
    ['revenue', type < 98 ? 0 : random.below(20_000) / 100],
    ['platform', random.pick(['mobile', 'web'])],
    ['country', random.pick(['DE', 'US', 'JP', 'BR'])],
    ['device_type', random.pick(['ios', 'android', 'desktop'])],
  ]
}

/** One of many fixed orders. */
function ordered(fields: Fields, order: number): Fields {
  return shuffled(openRandom(order), fields)
}

function shuffled(random: Random, fields: Fields): Fields {
  const rest = [...fields]
  return fields.flatMap(() => rest.splice(random.below(rest.length), 1))
}

function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.below(16).toString(16)).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function compact(fields: Fields): string {
  return JSON.stringify(Object.fromEntries(fields))
}
