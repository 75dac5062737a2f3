/**
 * Sends ad events to a campaign-metrics collector, from browsers, React Native, Node, Deno and Bun.
 *
 *     const metrics = createTracker({ url, key })
 *     metrics.impression({ campaign_id: 'spring', user_id })
 *     await metrics.flush()
 */
import { openAppStore } from './app-store.ts'
import { flushAtExit } from './exit.ts'
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

function open(options: TrackerOptions): Tracker {
  const { storage } = options
  const openStore = storage === undefined ? undefined : openAppStore(storage)
  const environment = systemEnvironment()
  const tracker = openTracker(options, environment, openStore)
  flushAtExit(tracker, environment)
  return tracker
}
