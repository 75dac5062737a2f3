/**
 * The soak: steady traffic for a long time, and hostile clients beside it. At the end the memory
 * must be flat, every answer have been right, the ledger closed over what was accepted, and
 * `verify` equal.
 * usage: npm run test:soak -- [--minutes 30] [--rate 20000] [--seed S]
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeTraffic } from '../../src/demo-traffic.ts'
import { openAgent, postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { openRandom } from '../support/random.ts'
import { HOSTILE } from './hostile.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const [minutes, rate, seed] = [values.minutes, values.rate, values.seed].map(Number) as [
  number,
  number,
  number,
]
/** Event ids of two horizons are kept: with two minutes their memory is flat soon. */
const folder = await openFolder({ commitInterval: '1s', dedupe: { horizon: '2m' } })
const product = await startProduct(folder)
const random = openRandom(seed)
const untilMs = Date.now() + minutes * 60_000
const visits = new Map<string, number>()
const memory: { atMs: number; mib: number }[] = []
let accepted = 0

async function sendTraffic(): Promise<void> {
  const startMs = Date.now()
  const agent = openAgent()
  let sent = 0
  for (const { bytes, events } of makeTraffic({
    seed,
    startUs: startMs * 1000,
    eventsPerSecond: rate,
    chunkEvents: 500,
  })) {
    if (Date.now() >= untilMs) break
    const answer = await postAccepted(product.url, bytes, { agent })
    accepted += answer.accepted
    sent += events
    await sleep(Math.max(0, startMs + (sent * 1000) / rate - Date.now()))
  }
  agent.destroy()
}

async function visitAgainAndAgain(worker: number): Promise<void> {
  for (let visit = 0; Date.now() < untilMs; visit++) {
    const hostile = random.pick(HOSTILE)
    try {
      const taken = await hostile.visit(product.url, random, `h${worker}-${visit}`)
      accepted += taken
    } catch (error) {
      throw new Error(`the answer to ${hostile.name} was wrong`, { cause: error })
    }
    visits.set(hostile.name, (visits.get(hostile.name) ?? 0) + 1)
    await sleep(200 + random.below(2_000))
  }
}

/** Without event ids, whose memory follows the traffic. */
async function watchMemory(): Promise<void> {
  while (Date.now() < untilMs) {
    const rssMib =
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${product.pid}/status`, 'utf8'))?.[1]) / 1024
    const { dedupe } = (await readStatus(product.url)) as unknown as { dedupe: { bytes: number } }
    memory.push({ atMs: Date.now(), mib: rssMib - dedupe.bytes / 2 ** 20 })
    await sleep(2_000)
  }
}

function medianMib(fromShare: number, toShare: number): number {
  const some = memory.slice(memory.length * fromShare, memory.length * toShare)
  const sorted = some.map(({ mib }) => mib).sort((a, b) => a - b)
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0)
}

console.log(`soak: ${minutes} minutes at ${rate} events/s, seed ${seed}`)
try {
  await Promise.all([sendTraffic(), watchMemory(), visitAgainAndAgain(0), visitAgainAndAgain(1)])
  const ledger = await waitUntilSettled(product.url, 120_000)
  const [early, late] = [medianMib(0.2, 0.4), medianMib(0.8, 1)]
  const most = Math.round(Math.max(...memory.map(({ mib }) => mib)))
  console.log(`ledger: ${JSON.stringify(ledger)}`)
  console.log(`visits: ${JSON.stringify(Object.fromEntries(visits))}`)
  console.log(`memory without event ids: ${early} MiB early, ${late} MiB late, ${most} MiB at most`)
  const verify = await runCommand(folder, ['verify'])
  console.log(verify.stdout.trim())
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  assert.equal(ledger.stored + ledger.duplicates, accepted)
  assert.equal(ledger.received, ledger.stored + ledger.duplicates + ledger.rejected)
  assert.ok(late <= early * 1.2 + 50, `memory has grown from ${early} to ${late} MiB`)
} finally {
  await product.stop()
}
await folder.close()
