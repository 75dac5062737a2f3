/**
 * A device and a collector on fake time: the device's clocks, its network, and a model of the
 * collector that keeps every line it was sent. Time passes only in `pass`.
 */
import assert from 'node:assert/strict'
import type { Answer, Environment, Page } from '../../sdk/src/environment.ts'
import { openRandom, type Random } from '../support/random.ts'

/** 2026-11-22T10:00:00Z. */
export const START_MS = 1_795_341_600_000

export type Stored = Readonly<{
  event_id: string
  user_id: string
  event_type: string
  timestamp: string
  index: number
}>

export type World = {
  readonly environment: Environment
  readonly random: Random
  readonly warnings: readonly string[]
  /** By `event_id`: the bytes of each line the collector took. */
  readonly lines: ReadonlyMap<string, Set<string>>
  /** By `event_id`: when the collector took it, in real time. */
  readonly arrivals: ReadonlyMap<string, number[]>
  /** Bodies in order of arrival, also of refused requests. */
  readonly bodies: readonly string[]
  readonly requests: readonly string[]
  /** How far the device's wall clock is ahead. */
  aheadMs: number
  /** One way, to the collector and back. */
  delaysMs: readonly [number, number]
  horizonMs: number
  /** What the network does to the next request. */
  fate(path: string): Fate
  /** The real time. */
  trueMs(): number
  pass(ms: number): Promise<void>
  /** Distinct events, as the tables would hold them. */
  stored(): Stored[]
}

/** `lost-answer`: the collector took it, the device does not learn of it. */
export type Fate = 'ok' | 'lost-request' | 'lost-answer' | Answer

type Waiting = Readonly<{ atMs: number; run: () => void }>

export function openWorld({
  seed = 1,
  page = null,
}: Readonly<{ seed?: number; page?: ((world: World) => Page) | null }> = {}): World {
  const random = openRandom(seed)
  const warnings: string[] = []
  const lines = new Map<string, Set<string>>()
  const arrivals = new Map<string, number[]>()
  const bodies: string[] = []
  const requests: string[] = []
  let elapsedMs = 0
  let timers: Waiting[] = []
  let ids = 0

  const wait = (ms: number): Promise<void> =>
    new Promise((run) => timers.push({ atMs: elapsedMs + ms, run }))

  function take(body: string): Answer {
    bodies.push(body)
    for (const line of body.split('\n')) {
      const { event_id: id } = JSON.parse(line) as Stored
      if (!lines.has(id)) lines.set(id, new Set())
      lines.get(id)?.add(line)
      arrivals.set(id, [...(arrivals.get(id) ?? []), world.trueMs()])
    }
    const accepted = body.split('\n').length
    return answer(200, JSON.stringify({ accepted, rejected: [] }))
  }

  const world: World = {
    environment: {
      async request(url, init) {
        const { pathname } = new URL(url)
        requests.push(`${init.method} ${url}`)
        const fate = world.fate(pathname)
        const [thereMs, backMs] = world.delaysMs
        await wait(thereMs)
        if (fate === 'lost-request') throw new TypeError('network')
        let answered: Answer
        if (typeof fate === 'object') {
          answered = fate
          if (typeof init.body === 'string') bodies.push(init.body)
        } else if (pathname === '/v1/time') {
          const told = { nowMs: world.trueMs(), dedupeHorizonMs: world.horizonMs }
          answered = answer(200, JSON.stringify(told))
        } else {
          answered = take(init.body as string)
        }
        await wait(backMs)
        if (fate === 'lost-answer') throw new TypeError('network')
        return answered
      },
      wallMs: () => Math.floor(world.trueMs() + world.aheadMs),
      steadyMs: () => 1_000 + elapsedMs,
      after(ms, run) {
        const waiting = { atMs: elapsedMs + ms, run }
        timers.push(waiting)
        return () => {
          timers = timers.filter((other) => other !== waiting)
        }
      },
      random: random.next,
      uuid: () => `id-${++ids}`,
      byteLength: (text) => Buffer.byteLength(text),
      report: (message) => warnings.push(message),
      localStorage: () => assert.fail('storage is touched'),
      locks: null,
      refusesTracking: () => false,
      page: null,
    },
    random,
    warnings,
    lines,
    arrivals,
    bodies,
    requests,
    aheadMs: 0,
    delaysMs: [10, 10],
    horizonMs: 3_600_000,
    fate: () => 'ok',
    trueMs: () => START_MS + elapsedMs,
    async pass(ms) {
      const untilMs = elapsedMs + ms
      for (;;) {
        await settle()
        const next = timers.toSorted((a, b) => a.atMs - b.atMs)[0]
        if (next === undefined || next.atMs > untilMs) break
        timers = timers.filter((other) => other !== next)
        elapsedMs = Math.max(elapsedMs, next.atMs)
        next.run()
      }
      elapsedMs = untilMs
    },
    stored: () => [...lines.values()].map(([line = '{}']) => JSON.parse(line) as Stored),
  }
  if (page !== null) {
    Object.assign(world.environment, { page: page(world) })
  }
  return world
}

export function answer(status: number, text = '', retryAfter: string | null = null): Answer {
  return { status, text, retryAfter }
}

/** A page without storage whose visibility the test sets; `send` takes its beacons. */
export type TestPage = Page & {
  prerendering: boolean
  takesBeacons: boolean
  readonly beacons: string[]
  fire(name: 'activated' | 'hidden' | 'gone' | 'visible' | 'restored'): void
}

export function openPage(): TestPage {
  const listeners = new Map<string, (() => void)[]>()
  const on = (name: string) => (listener: () => void) =>
    void listeners.set(name, [...(listeners.get(name) ?? []), listener])
  const page: TestPage = {
    prerendering: false,
    takesBeacons: true,
    beacons: [],
    isPrerendering: () => page.prerendering,
    beacon(_url, body) {
      if (page.takesBeacons) page.beacons.push(body)
      return page.takesBeacons
    },
    onActivated: on('activated'),
    onHidden: on('hidden'),
    onGone: on('gone'),
    onVisible: on('visible'),
    onRestored: on('restored'),
    fire(name) {
      for (const listener of listeners.get(name) ?? []) listener()
    },
  }
  return page
}

/** Lets every promise that can go on do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
