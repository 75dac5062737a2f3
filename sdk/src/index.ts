/**
 * Sends ad events to a campaign-metrics collector, from browsers, React Native, Node, Deno and Bun.
 *
 *     const metrics = createTracker({ url, key })
 *     metrics.impression({ campaign_id: 'spring', user_id })
 *     await metrics.flush()
 */
import { type AppStorage, openAppStore } from './app-store.ts'
import type { Environment } from './environment.ts'
import { flushAtExit } from './exit.ts'
import type { OpenStore } from './store.ts'
import { systemEnvironment } from './system-environment.ts'
import { openTracker, type Tracker, type TrackerOptions } from './tracker.ts'

export type { AppStorage } from './app-store.ts'
export type { EventFields } from './event.ts'
export type { Tracker, TrackerOptions }

const TRACKERS = Symbol.for('campaign-metrics-sdk')

/**
 * In a page or an app, a second tracker of the same `url` and `key` is the first one: frameworks
 * mount twice, and two queues would be two batches.
 */
export function createTracker(options: TrackerOptions): Tracker {
  if (typeof (globalThis as { window?: unknown }).window === 'undefined') return open(options)
  const world = globalThis as { [TRACKERS]?: Map<string, Tracker> }
  world[TRACKERS] ??= new Map()
  const name = `${options.url} ${options.key ?? ''}`
  let tracker = world[TRACKERS].get(name)
  if (tracker === undefined) {
    tracker = open(options)
    world[TRACKERS].set(name, tracker)
  }
  return tracker
}

/** The collectors whose events a storage keeps for a tracker of this process. */
const KEPT = new WeakMap<AppStorage, Set<string>>()

function open(options: TrackerOptions): Tracker {
  const environment = systemEnvironment()
  const openStore = appStoreOf(options, environment)
  const tracker = openTracker(options, environment, openStore)
  flushAtExit(tracker, environment)
  return tracker
}

/** Two trackers would give two events one number. */
function appStoreOf(
  { storage, url, persist }: TrackerOptions,
  { report }: Environment,
): OpenStore | undefined {
  if (storage === undefined || !persist) return undefined
  const kept = KEPT.get(storage) ?? new Set()
  KEPT.set(storage, kept)
  if (kept.has(url)) {
    report(`another tracker keeps events for ${url} in this storage: this one has memory only`)
    return () => null
  }
  kept.add(url)
  return openAppStore(storage)
}
