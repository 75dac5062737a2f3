/** Opens the dashboard: the facts thread, the event stream, and the routes that bring them and the page to browsers. */
import { fileURLToPath } from 'node:url'
import type { MessagePort } from 'node:worker_threads'
import type { ReadRoute } from '../collect.ts'
import { openFactsKeeper } from './api/facts-keeper.ts'
import { type LiveFigures, openLiveState } from './api/live-state.ts'
import { openLiveStream } from './api/live-stream.ts'
import { openPageRoutes } from './api/page-files.ts'
import { openApiRoutes } from './api/routes.ts'
import type { Facts, FactsEvents, FactsSettings } from './facts/facts.ts'
import { SECOND_US } from './facts/steps.ts'

export type DashboardOptions = Readonly<{
  /** Makes the job tell this port what the tables gain; called again after the facts thread was started anew. */
  feed: (port: MessagePort) => void
  live: () => LiveFigures
  warehouse: FactsSettings['warehouse']
  cache: FactsSettings['cache']
  windowUs: number
  timezone: string
  version: string
  /** Reading needs a key, so that browsers sign in. */
  authRequired: boolean
  nowUs: () => number
  /** A steady clock. */
  nowMs: () => number
  warn: (text: string) => void
}>

export type Dashboard = Readonly<{
  routes: readonly ReadRoute[]
  /**
   * One sentence while the figures cannot be read, else null. To be called now and then: what has failed is started again
   * when it is time, though nobody watches.
   */
  look(): string | null
  /** Ends streams and answers under way: before the collector is closed, which would wait for them. */
  stop(): void
  /** After the collector. */
  close(): Promise<void>
}>

export type StartFacts = (settings: FactsSettings, events: FactsEvents) => Promise<Facts>

/** Beside this file in the sources and in the published package alike. */
const PAGE_FOLDER = new URL('./build/', import.meta.url)

/** The facts thread starts in the background: whatever becomes of it, nothing else waits for it. */
export async function openDashboardOn(
  options: DashboardOptions,
  startFacts: StartFacts,
): Promise<Dashboard> {
  const { warehouse, cache, windowUs, timezone, nowUs, nowMs } = options
  const state = openLiveState({
    figures: () => {
      const figures = options.live()
      const problem = facts.problem()
      const isKnown = problem === null || figures.problems.includes(problem)
      return isKnown ? figures : { ...figures, problems: [...figures.problems, problem] }
    },
    windowUs,
    nowUs,
  })
  const stream = openLiveStream({ state, epoch: nowUs(), nowMs, onWatched: () => facts.wake() })
  const facts = openFactsKeeper({
    start: (events) => startFacts({ warehouse, cache, windowUs }, events),
    feed: options.feed,
    isWaiting: () => options.live().waiting > 0,
    onLive(live) {
      state.take(live)
      stream.move()
    },
    nowMs,
    warn: options.warn,
  })
  const api = await openApiRoutes({
    settings: {
      product: 'campaign-metrics',
      version: options.version,
      timezone,
      windowSeconds: windowUs / SECOND_US,
      signedIn: options.authRequired,
    },
    facts,
    stream,
  })
  const page = await openPageRoutes(fileURLToPath(PAGE_FOLDER))
  facts.wake()
  const stop = (): void => {
    stream.close()
    facts.stop()
  }
  return {
    routes: [...api, ...page],
    look() {
      facts.wake()
      return facts.problem()
    },
    stop,
    async close() {
      stop()
      await facts.close()
    },
  }
}
