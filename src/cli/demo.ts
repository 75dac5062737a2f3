/**
 * Demo traffic to a running collector, over HTTP like any client. On empty tables it begins with
 * events of the hours before, so that there is something to look at, and to compare with. It waits
 * when the collector asks for it. When it is far behind, it goes on from now, as real traffic
 * would, instead of catching up with old events.
 */

import { setMaxListeners } from 'node:events'
import { makeTraffic, type TrafficChunk } from '../demo-traffic.ts'
import { pause, reasonOf } from '../runtime.ts'
import { CliError } from './error.ts'
import type { Collector } from './options.ts'
import { postEvents } from './post-events.ts'

export type DemoOptions = Readonly<{
  collector: Collector
  eventsPerSecond: number
  /** The length of the history that is sent first; 0 for none. */
  historyMs: number
  nowMs: () => number
  warn: (text: string) => void
}>

export type Demo = Readonly<{ close(): Promise<void> }>

const US_PER_MS = 1000
/** Batches a second; a faster demo sends larger ones. */
const BATCHES_PER_SECOND = 5
const BATCH_EVENTS_MAX = 4000
const BEHIND_MAX_MS = 5000
const HISTORY_MS = 2 * 60 * 60 * 1000
/** Sent in seconds; a faster demo has a shorter history. */
const HISTORY_EVENTS_MAX = 1_500_000
/** Without end: the demo stops with the process that it belongs to. */
const PATIENCE_MS = Number.MAX_SAFE_INTEGER

export function startDemo(options: DemoOptions): Demo {
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const done = sendTraffic(options, stop.signal).catch((error: unknown) => {
    const isStopped = error instanceof CliError && error.code === 'interrupted'
    if (!isStopped) options.warn(`the demo traffic has stopped: ${reasonOf(error)}`)
  })
  return {
    close: async () => {
      stop.abort()
      await done
    },
  }
}

/**
 * The history of a demo that begins on empty tables: long enough for the page's first view and the
 * hour before it.
 */
export function demoHistoryMs(eventsPerSecond: number): number {
  return Math.min(HISTORY_MS, (HISTORY_EVENTS_MAX / eventsPerSecond) * 1000)
}

async function sendTraffic(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { nowMs, historyMs, eventsPerSecond } = options
  const startMs = nowMs() - historyMs
  const events = Math.round((historyMs / 1000) * eventsPerSecond)
  const chunkEvents = Math.min(BATCH_EVENTS_MAX, Math.ceil(eventsPerSecond / BATCHES_PER_SECOND))
  for (const chunk of trafficFrom(options, startMs, { events, chunkEvents: BATCH_EVENTS_MAX })) {
    if (signal.aborted) return
    await postChunk(options, chunk, signal)
  }
  while (!signal.aborted) {
    // The time as seed: a second run must not repeat the ids of the first.
    for (const chunk of trafficFrom(options, nowMs(), { chunkEvents })) {
      const dueMs = chunk.sentUs / US_PER_MS
      if (nowMs() - dueMs > BEHIND_MAX_MS) break
      await pause(Math.max(0, dueMs - nowMs()), signal)
      if (signal.aborted) return
      await postChunk(options, chunk, signal)
    }
  }
}

async function postChunk(
  { collector }: DemoOptions,
  { bytes }: TrafficChunk,
  signal: AbortSignal,
): Promise<void> {
  const gzip = false
  await postEvents(collector, bytes, { gzip, patienceMs: PATIENCE_MS, signal, onWait: () => {} })
}

function trafficFrom(
  { eventsPerSecond }: DemoOptions,
  startMs: number,
  size: Readonly<{ events?: number; chunkEvents: number }>,
): Generator<TrafficChunk> {
  return makeTraffic({ seed: startMs, startUs: startMs * US_PER_MS, eventsPerSecond, ...size })
}
