/**
 * Demo traffic to a running collector, over HTTP like any client. It waits when the collector says so; when it has
 * fallen behind for long it goes on from now, as real traffic would, instead of catching up with old events.
 */

import { setMaxListeners } from 'node:events'
import { makeTraffic, type TrafficChunk } from '../demo-traffic.ts'
import { CliError } from './cli-error.ts'
import type { Collector } from './options.ts'
import { postEvents, sleep } from './post-events.ts'

export type DemoOptions = Readonly<{
  collector: Collector
  eventsPerSecond: number
  nowMs: () => number
  warn: (text: string) => void
}>

export type Demo = Readonly<{ close(): Promise<void> }>

const US_PER_MS = 1000
/** Batches a second; a faster demo sends larger ones. */
const BATCHES_PER_SECOND = 5
const BATCH_EVENTS_MAX = 4000
const BEHIND_MAX_MS = 5000
/** For ever: the demo ends with the process that it is the demo of. */
const PATIENCE_MS = Number.MAX_SAFE_INTEGER

export function startDemo(options: DemoOptions): Demo {
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const done = sendTraffic(options, stop.signal).catch((error: unknown) => {
    const isStopped = error instanceof CliError && error.code === 'interrupted'
    if (!isStopped)
      options.warn(
        `the demo traffic has stopped: ${error instanceof Error ? error.message : String(error)}`,
      )
  })
  return {
    close: async () => {
      stop.abort()
      await done
    },
  }
}

async function sendTraffic(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { nowMs } = options
  while (!signal.aborted) {
    // The time as seed: a second run must not repeat the ids of the first.
    for (const chunk of trafficFrom(options, nowMs())) {
      const dueMs = chunk.sentUs / US_PER_MS
      if (nowMs() - dueMs > BEHIND_MAX_MS) break
      await sleep(Math.max(0, dueMs - nowMs()), signal)
      if (signal.aborted) return
      await postEvents(options.collector, chunk.bytes, {
        gzip: false,
        patienceMs: PATIENCE_MS,
        signal,
        onWait: () => {},
      })
    }
  }
}

function trafficFrom({ eventsPerSecond }: DemoOptions, startMs: number): Generator<TrafficChunk> {
  const perBatch = Math.ceil(eventsPerSecond / BATCHES_PER_SECOND)
  return makeTraffic({
    seed: startMs,
    startUs: startMs * US_PER_MS,
    eventsPerSecond,
    chunkEvents: Math.min(BATCH_EVENTS_MAX, perBatch),
  })
}
