/**
 * A device on which pages come and go, on the fake time of a world: its storage and its Web Locks
 * outlive them. A page can be killed before any effect that it has: a request, a beacon, a change
 * of storage.
 */
import { type AppStorage, openAppStore } from '../../sdk/src/app-store.ts'
import { openTracker, type Tracker, type TrackerOptions } from '../../sdk/src/tracker.ts'
import { openPage, type TestPage, type World } from './world.ts'

export type Device = {
  /** What localStorage holds. */
  readonly kept: Map<string, string>
  readonly locked: ReadonlyMap<string, Visit>
  /** Throws for a write that the storage refuses. */
  beforeSet(key: string, value: string): void
  refusesTracking: boolean
  visit(options?: Readonly<VisitOptions>): Visit
}

export type Visit = Readonly<{
  metrics: Tracker
  page: TestPage
  isDead(): boolean
  kill(): void
  /** As a browser closes a tab. */
  close(): void
  /** Of the page while it lived. */
  counts(): ReturnType<Tracker['counts']>
}>

type VisitOptions = Partial<TrackerOptions> & {
  /** Is killed before this effect, counted from one. */
  killAt?: number
  isPrerendered?: boolean
}

export const URL_OF_COLLECTOR = 'https://events.example'

export function openDevice(world: World, hasLocks = true): Device {
  const kept = new Map<string, string>()
  const locked = new Map<string, Visit>()
  const device: Device = {
    kept,
    locked,
    beforeSet: () => {},
    refusesTracking: false,
    visit: (options = {}) => openVisit(world, device, hasLocks, options),
  }
  return device
}

function openVisit(
  world: World,
  device: Device,
  hasLocks: boolean,
  { killAt = Number.POSITIVE_INFINITY, isPrerendered = false, ...options }: Readonly<VisitOptions>,
): Visit {
  const locked = device.locked as Map<string, Visit>
  const openedMs = world.environment.steadyMs()
  let effects = 0
  let releases = 0
  let last: ReturnType<Tracker['counts']> | null = null

  function kill(): void {
    last ??= visit.metrics.counts()
    unlock()
  }

  function unlock(): void {
    for (const [name, owner] of locked) if (owner === visit) locked.delete(name)
  }

  /** false = the page is dead. */
  function effect(): boolean {
    if (last === null && ++effects === killAt) kill()
    return last === null
  }

  const page = openPage()
  page.prerendering = isPrerendered
  Object.assign(page, {
    beacon(url: string, body: string) {
      if (!effect()) return false
      page.beacons.push(body)
      if (!page.takesBeacons) return false
      world.environment.request(url, { method: 'POST', body }).catch(() => {})
      return true
    },
  })
  const environment = {
    ...world.environment,
    steadyMs: () => world.environment.steadyMs() - openedMs,
    async request(url: string, init: RequestInit) {
      if (!effect()) return await never()
      const answered = await world.environment.request(url, init).catch((cause) => cause)
      if (last !== null) return await never()
      if (answered instanceof Error) throw answered
      return answered
    },
    after: (ms: number, run: () => void) =>
      world.environment.after(ms, () => {
        if (last === null) run()
      }),
    localStorage: () => ({
      getItem: (key: string) => device.kept.get(key) ?? null,
      setItem(key: string, value: string) {
        device.beforeSet(key, value)
        if (effect()) device.kept.set(key, value)
      },
      removeItem(key: string) {
        if (effect()) device.kept.delete(key)
      },
      key: (at: number) => [...device.kept.keys()][at] ?? null,
      get length() {
        return device.kept.size
      },
    }),
    locks: hasLocks
      ? {
          async take(name: string) {
            const before = releases
            await Promise.resolve()
            if (before !== releases) return false
            if (last !== null || locked.has(name)) return false
            locked.set(name, visit)
            return true
          },
          release() {
            releases++
            unlock()
          },
        }
      : null,
    refusesTracking: () => device.refusesTracking,
    page,
  }
  const { storage } = options
  const visit: Visit = {
    metrics: openTracker(
      { url: URL_OF_COLLECTOR, persist: true, ...options },
      environment,
      storage && openAppStore(dying(storage, effect)),
    ),
    page,
    isDead: () => last !== null,
    kill,
    close() {
      page.fire('hidden')
      page.fire('gone')
      kill()
    },
    counts: () => last ?? visit.metrics.counts(),
  }
  return visit
}

/** A storage whose changes are effects of the page. */
function dying(storage: AppStorage, effect: () => boolean): AppStorage {
  return {
    getItem: (key) => storage.getItem(key),
    setItem: (key, value) => (effect() ? storage.setItem(key, value) : never()),
    removeItem: (key) => (effect() ? storage.removeItem(key) : never()),
  }
}

function never<Value>(): Promise<Value> {
  return new Promise(() => {})
}

/** A storage that answers later, on the time of the world. */
export function openLateStorage(world: World, delayMs = 3): LateStorage {
  const kept = new Map<string, string>()
  const written = new Set<string>()
  const calls: string[] = []
  const later = async <Value>(answer: () => Value): Promise<Value> => {
    await new Promise<void>((resolve) => world.environment.after(storage.delayMs, resolve))
    return answer()
  }
  const storage: LateStorage = {
    kept,
    written,
    calls,
    delayMs,
    getItem: (key) => later(() => kept.get(key) ?? null),
    setItem(key, value) {
      calls.push(key)
      return later(() => {
        kept.set(key, value)
        const id = /"event_id":"([^"]*)"/.exec(value)?.[1]
        if (id !== undefined) written.add(id)
      })
    },
    removeItem(key) {
      calls.push(key)
      return later(() => void kept.delete(key))
    },
  }
  return storage
}

export type LateStorage = AppStorage & {
  readonly kept: Map<string, string>
  /** Ids of events. */
  readonly written: ReadonlySet<string>
  /** Keys in the order in which they were changed. */
  readonly calls: readonly string[]
  delayMs: number
}
