/**
 * Holds the engine against the reference parser for as long as one likes: random bodies, any form,
 * any bytes.
 *
 * Stops at the first difference, crash or growth of memory, prints the smallest body it could cut
 * out and the seed to have it again, and ends with exit code 1. Each round of 500 bodies has a seed
 * of its own.
 * usage: npm run fuzz -- [--minutes N=1] [--seed S=drawn]
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type Inspector, openInspector } from '../src/engine.ts'
import type { BodyForm } from '../src/event.ts'
import {
  assertSame,
  assertSameInspection,
  type EngineUnderTest,
  openEngine,
} from '../test/engine/both-parsers.ts'
import { type RandomBody, randomBody } from '../test/engine/random-bodies.ts'
import { openRandom, type Random } from '../test/support/random.ts'

const ROUND_BODIES = 500
const EVENTS_MAX = 12
/** One body in a hundred is longer than the engine's blocks of 1024. */
const MANY_EVENTS_MAX = 1500
const ARRIVAL_US = Date.UTC(2026, 10, 22, 19, 30) * 1000
/**
 * After the first rounds nothing may grow: linear memory not at all, the process by no more than
 * this.
 */
const GROWTH_BYTES_MAX = 256 * 1024 * 1024
const REPORT_MS = 10_000

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } },
})
const firstSeed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed)
const minutes = Number(values.minutes)
if (!Number.isInteger(firstSeed) || !(minutes > 0)) {
  console.error('usage: npm run fuzz -- [--minutes N] [--seed S], both numbers')
  process.exit(2)
}
process.exitCode = await fuzz(firstSeed, Date.now() + minutes * 60_000)

async function fuzz(seed: number, untilMs: number): Promise<number> {
  const engine = await openEngine()
  const inspector = await openInspector()
  const memoryBytes = engine.memoryBytes()
  let residentBytes = Number.POSITIVE_INFINITY
  let reportMs = Date.now() + REPORT_MS
  const totals = { bodies: 0, events: 0, accepted: 0 }
  console.log(`seed ${seed}`)
  for (let round = 0; Date.now() < untilMs; round++) {
    const roundSeed = (seed + round) >>> 0
    if (!fuzzRound(engine, inspector, roundSeed, totals)) return 1
    if (round === 20) residentBytes = process.memoryUsage.rss()
    const isGrown = process.memoryUsage.rss() - residentBytes > GROWTH_BYTES_MAX
    if (engine.memoryBytes() !== memoryBytes || isGrown) {
      console.error(`memory has grown by round ${round}, seed ${roundSeed}: ${memoryText(engine)}`)
      return 1
    }
    if (Date.now() > reportMs) {
      console.log(`round ${round}: ${totalsText(totals)}; ${memoryText(engine)}`)
      reportMs = Date.now() + REPORT_MS
    }
  }
  console.log(`no difference: ${totalsText(totals)}; ${memoryText(engine)}`)
  return 0
}

type Totals = { bodies: number; events: number; accepted: number }

function fuzzRound(
  engine: EngineUnderTest,
  inspector: Inspector,
  seed: number,
  totals: Totals,
): boolean {
  const random = openRandom(seed)
  for (let index = 0; index < ROUND_BODIES; index++) {
    const given = randomBody(random, random.chance(0.01) ? MANY_EVENTS_MAX : EVENTS_MAX)
    try {
      const outcomes = assertSame(engine, given.body, given.form, ARRIVAL_US)
      if (index % 4 === 0) {
        assertSameInspection(inspector, inChunks(random, given.body), given.form, ARRIVAL_US)
      }
      totals.bodies++
      if ('unsplittable' in outcomes) continue
      totals.events += outcomes.length
      totals.accepted += outcomes.filter(({ verdict }) => typeof verdict !== 'string').length
    } catch (error) {
      report(engine, given, seed, error)
      return false
    }
  }
  return true
}

function inChunks(random: Random, body: Uint8Array): Uint8Array[] {
  const middle = random.below(body.length + 1)
  return random.chance(0.5) ? [body] : [body.subarray(0, middle), body.subarray(middle)]
}

function report(engine: EngineUnderTest, given: RandomBody, seed: number, error: unknown): void {
  const small = smallest(engine, given.body, given.form)
  console.error(error)
  console.error(`\nseed ${seed} (npm run fuzz -- --seed ${seed}), form ${given.form}`)
  if (small === null) console.error('the body alone shows no difference: it takes the ones before')
  const shown = small ?? given.body
  console.error(
    `body, ${shown.length} bytes: ${JSON.stringify(Buffer.from(shown).toString('latin1'))}`,
  )
}

/** Cuts out pieces as long as both parsers still differ; null: they do not. */
function smallest(engine: EngineUnderTest, body: Uint8Array, form: BodyForm): Uint8Array | null {
  if (!differs(engine, body, form)) return null
  let now = Buffer.from(body)
  for (let size = now.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= now.length; ) {
      const without = Buffer.concat([now.subarray(0, at), now.subarray(at + size)])
      if (differs(engine, without, form)) now = without
      else at += size
    }
  }
  return now
}

function differs(engine: EngineUnderTest, body: Uint8Array, form: BodyForm): boolean {
  try {
    assertSame(engine, body, form, ARRIVAL_US)
    return false
  } catch {
    return true
  }
}

function totalsText({ bodies, events, accepted }: Totals): string {
  return `${bodies} bodies, ${events} events, ${accepted} accepted`
}

function memoryText(engine: EngineUnderTest): string {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  return `linear memory ${mib(engine.memoryBytes())}, process ${mib(process.memoryUsage.rss())}`
}
