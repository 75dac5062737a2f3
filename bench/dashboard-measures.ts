/**
 * Measures the product while people look at its dashboard, from outside: the load generator, the
 * viewers and the product are processes of their own.
 *
 *   paced   events at a rate; the viewers begin to ask a second after them, with nothing loaded
 *   full    events as fast as they are answered, the viewers have been there for a while
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { get, readStatus } from '../test/support/client.ts'
import type { Product } from '../test/support/product.ts'
import { waitUntilCommitted, watchMemory } from './pipeline.ts'
import { runLoad, startViewers } from './support/children.ts'
import { campaignName } from './support/dashboard-lake.ts'
import type { LoadReport } from './support/load.ts'
import { readBusySeconds, readThreads, readUsedSeconds } from './support/machine.ts'
import type { ViewersReport } from './support/viewers.ts'

export type Measured = Readonly<{
  load: LoadReport
  /** Null without viewers. */
  seen: ViewersReport | null
  answeredPerSecond: number
  /** From the first request until both tables held everything. */
  committedPerSecond: number
  /**
   * Processors that programs of others took meanwhile: past a tenth, the figures are not this
   * product's alone.
   */
  othersUsed: number
  /** CPU seconds a second, of each thread of the product, the busiest first. */
  threads: readonly (readonly [name: string, share: number])[]
  peakBytes: number
  peakWithoutIdsBytes: number
}>

export type Measures = Readonly<{
  paced(rate: number, seconds: number, viewers: number): Promise<Measured>
  full(events: number, viewers: number): Promise<Measured>
  /** Events at a rate and viewers while `work` runs, neither of them measured. */
  beside<T>(rate: number, seconds: number, viewers: number, work: () => Promise<T>): Promise<T>
}>

const PACED = { eventsPerBody: 250, connections: 16 } as const
const BULK = { eventsPerBody: 4_200, connections: 4, rate: 0 } as const
const BEGIN_AFTER_MS = 1_000
const WARM_MS = 5_000
/** For the last messages of the streams. */
const TAIL_MS = 2_000
const READY_LIMIT_MS = 60_000

export async function openMeasures(
  product: Product,
  seed: number,
  campaigns: number,
): Promise<Measures> {
  const { url, pid } = product
  const { received } = (await readStatus(url)).ledger
  let runs = 0

  /**
   * Every run has a seed of its own, also on a lake that was used before, so that no event id comes
   * twice.
   */
  const nextSeed = (): number => {
    runs += 1
    return seed * 100 + runs + Math.floor(received / 1_000_000) * 1_000
  }

  const openViewers = (count: number) =>
    count === 0
      ? null
      : startViewers({
          url,
          viewers: count,
          seed: nextSeed(),
          campaigns: Array.from({ length: campaigns }, (_, campaign) => campaignName(campaign)),
        })

  async function measure(
    wanted: Readonly<{ events: number; eventsPerBody: number; connections: number; rate: number }>,
    count: number,
  ): Promise<Measured> {
    const isPaced = wanted.rate > 0
    const { ledger } = await readStatus(url)
    const others = watchOthers(pid)
    const viewers = await openViewers(count)
    if (!isPaced) {
      viewers?.begin()
      await sleep(WARM_MS)
    }
    const peak = watchMemory(product)
    const before = readThreads(pid)
    const loading = runLoad({ url, seed: nextSeed(), trace: isPaced, ...wanted })
    if (isPaced) {
      await sleep(BEGIN_AFTER_MS)
      viewers?.begin()
    }
    const load = await loading
    await waitUntilCommitted(url, ledger.stored + ledger.duplicates + load.events)
    const elapsedMs = performance.timeOrigin + performance.now() - load.startedMs
    const threads = threadShares(before, readThreads(pid), elapsedMs / 1000)
    await sleep(TAIL_MS)
    const { bytes, withoutIds } = await peak.stop()
    const seen = (await viewers?.stop()) ?? null
    return {
      load,
      seen,
      othersUsed: others.stop(),
      answeredPerSecond: (load.events * 1000) / load.elapsedMs,
      committedPerSecond: (load.events * 1000) / elapsedMs,
      threads,
      peakBytes: bytes,
      peakWithoutIdsBytes: withoutIds,
    }
  }

  return {
    paced: (rate, seconds, viewers) => measure({ events: rate * seconds, rate, ...PACED }, viewers),
    full: (events, viewers) => measure({ events, ...BULK }, viewers),
    async beside(rate, seconds, count, work) {
      const viewers = await openViewers(count)
      viewers?.begin()
      const loading = runLoad({ url, seed: nextSeed(), events: rate * seconds, rate, ...PACED })
      await sleep(WARM_MS)
      try {
        return await work()
      } finally {
        await loading
        await viewers?.stop()
      }
    },
  }
}

/** How long until the API answers, and how long its first answer over thirty days takes then. */
export async function waitUntilAnswering(
  url: string,
): Promise<Readonly<{ readyMs: number; firstThirtyDaysMs: number }>> {
  const startedMs = performance.now()
  const deadline = AbortSignal.timeout(READY_LIMIT_MS)
  for (;;) {
    const answer = await get(url, '/api/v1/summary?range=1h')
    if (answer.status === 200) break
    if (deadline.aborted) throw new Error(`the API answers ${answer.status}: ${answer.text}`)
    await sleep(20)
  }
  const readyMs = performance.now() - startedMs
  const askedMs = performance.now()
  const answer = await get(url, '/api/v1/summary?range=30d')
  if (answer.status !== 200) throw new Error(`30 days: ${answer.status} ${answer.text}`)
  return { readyMs, firstThirtyDaysMs: performance.now() - askedMs }
}

/** What the machine did, less this process, its children that have ended, and the product. */
function watchOthers(pid: number): Readonly<{ stop(): number }> {
  const startedMs = performance.now()
  const read = (): number => readBusySeconds() - readUsedSeconds(pid) - readUsedSeconds(process.pid)
  const before = read()
  return { stop: () => ((read() - before) * 1000) / (performance.now() - startedMs) }
}

function threadShares(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  seconds: number,
): Measured['threads'] {
  return [...after]
    .map(([name, used]) => [name, (used - (before.get(name) ?? 0)) / seconds] as const)
    .filter(([, share]) => share >= 0.02)
    .sort(([, a], [, b]) => b - a)
}
