/** Opens the dashboard: the thread of the figures, the event stream, and the routes of both. */
import { fileURLToPath } from 'node:url'
import type { MessagePort } from 'node:worker_threads'
import type { ReadRoute } from '../collect.ts'
import { WEEKDAYS, type Weekday } from '../dashboard-definition.ts'
import { openFiguresSupervisor } from './api/figures-supervisor.ts'
import { openLiveState, type PipelineStatus } from './api/live-state.ts'
import { openLiveStream } from './api/live-stream.ts'
import { openPageRoutes } from './api/page-files.ts'
import { openApiRoutes } from './api/routes.ts'
import type {
  FiguresSettings,
  FiguresThread,
  FiguresThreadEvents,
} from './figures/figures-thread.ts'
import { SECOND_US } from './steps.ts'

export type DashboardOptions = Readonly<{
  /** Makes the job send its feed to this port; called again after the thread was restarted. */
  feed: (port: MessagePort) => void
  live: () => PipelineStatus
  warehouse: FiguresSettings['warehouse']
  cache: FiguresSettings['cache']
  windowUs: number
  timezone: string
  /** null: as the reader's language says. */
  weekStart: Weekday | null
  currency: string | null
  /** The file with the names of campaigns; null if there is none. */
  campaignNames: string | null
  version: string
  /** Reading needs a key, so browsers must sign in. */
  authRequired: boolean
  nowUs: () => number
  /** A steady clock. */
  nowMs: () => number
  warn: (text: string) => void
}>

export type Dashboard = Readonly<{
  routes: readonly ReadRoute[]
  /**
   * One sentence while the figures cannot be read, else null. To be called every now and then: it
   * restarts a failed thread when the pause is over, even if nobody watches.
   */
  look(): string | null
  /** One sentence for each thing that the user should know, though the figures are right. */
  notices(): readonly string[]
  /**
   * Ends streams and answers under way. Call it before closing the collector, which awaits them.
   */
  stop(): void
  /** Call it after closing the collector. */
  close(): Promise<void>
}>

export type StartFiguresThread = (
  settings: FiguresSettings,
  events: FiguresThreadEvents,
) => Promise<FiguresThread>

/** Beside this file, both in the sources and in the published package. */
const PAGE_FOLDER = new URL('./build/', import.meta.url)

/** The thread starts in the background; nothing else waits for it. */
export async function openDashboardOn(
  options: DashboardOptions,
  startFiguresThread: StartFiguresThread,
): Promise<Dashboard> {
  const { warehouse, cache, windowUs, timezone, weekStart, currency, campaignNames } = options
  const { nowUs, nowMs } = options
  let namesProblem: string | null = null
  let warnedOf: string | null = null
  const state = openLiveState({
    status: () => {
      const status = options.live()
      const more = [figures.problem(), namesProblem].filter((problem) => problem !== null)
      return { ...status, problems: [...new Set([...status.problems, ...more])] }
    },
    windowUs,
    nowUs,
  })
  const stream = openLiveStream({ state, epoch: nowUs(), nowMs, onWatched: () => figures.wake() })
  const figures = openFiguresSupervisor({
    start: (events) => {
      const settings = { warehouse, cache, windowUs, timezone, weekStart, currency, campaignNames }
      return startFiguresThread(settings, events)
    },
    feed: options.feed,
    isWaiting: () => options.live().waiting > 0,
    onLive(live) {
      state.take(live)
      stream.move()
    },
    onNames(problem) {
      namesProblem = problem
      stream.move()
      // A thread that was started again reports the same once more.
      if (problem !== null && problem !== warnedOf) options.warn(problem)
      warnedOf = problem
    },
    nowMs,
    warn: options.warn,
  })
  const api = await openApiRoutes({
    settings: {
      product: 'campaign-metrics',
      version: options.version,
      timezone,
      weekStart: weekStart === null ? null : (WEEKDAYS[weekStart - 1] ?? null),
      currency,
      windowSeconds: windowUs / SECOND_US,
      signedIn: options.authRequired,
    },
    figures,
    stream,
  })
  const page = await openPageRoutes(fileURLToPath(PAGE_FOLDER))
  figures.wake()
  const stop = (): void => {
    stream.close()
    figures.stop()
  }
  return {
    routes: [...api, ...page],
    look() {
      figures.wake()
      return figures.problem()
    },
    notices: () => (namesProblem === null ? [] : [namesProblem]),
    stop,
    async close() {
      stop()
      await figures.close()
    },
  }
}
