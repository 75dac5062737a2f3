/**
 * Requests what each part of the page shows: when `shouldAsk` says so, one request at a time for
 * each part; a request for an outdated view is aborted.
 */
import type { ApiClient, ApiFailure } from './api-client.ts'
import { rangeSeconds, type View } from './view.ts'

export type Part<Answer> = Readonly<{
  /** The request that a view needs: a path below /api/v1/ with its query. Null if it needs none. */
  request: (view: View) => string | null
  /** The length of what it asks for, if that is not the range of the view. */
  rangeSeconds?: number
  /** `isNews` is false if the same request was answered before: only its figures have changed. */
  show: (answer: Answer, view: View, isNews: boolean) => void
  /** Busy while what is shown belongs to another view than the chosen one. */
  setBusy: (isBusy: boolean) => void
}>

export type PartLoader = Readonly<{
  /** Sends requests that are due; to be called after each change and a few times a second. */
  tick: () => void
  /** Forgets failures and retries at once. */
  retry: () => void
  shown: () => 'none' | 'some' | 'all'
  /** A sign-out, or else the longest lasting failure; null if there is none. */
  failing: () => Failing | null
  close: () => void
}>

type Failing = Readonly<{ failure: ApiFailure; sinceMs: number }>

type LoaderOptions = Readonly<{
  client: ApiClient
  view: () => View
  version: () => string | null
  nowMs: () => number
  /** After each answer and each failure of any part. */
  onOutcome: () => void
}>

type Watched = {
  part: Part<never>
  progress: PartProgress
  failing: Failing | null
  stop: AbortController | null
}

export function openPartLoader(parts: readonly Part<never>[], options: LoaderOptions): PartLoader {
  const watched: Watched[] = parts.map((part) => ({
    part,
    progress: NOTHING_ASKED,
    failing: null,
    stop: null,
  }))
  const { view, version, nowMs } = options
  let isClosed = false

  const tick = (): void => {
    if (isClosed) return
    const shown = view()
    for (const one of watched) {
      const request = one.part.request(shown)
      if (request === null) {
        leavePart(one)
        continue
      }
      const isDue = shouldAsk(one.progress, {
        request,
        version: version(),
        rangeSeconds: one.part.rangeSeconds ?? rangeSeconds(shown.range),
        isHidden: document.visibilityState === 'hidden',
        nowMs: nowMs(),
      })
      if (isDue) void askPart(one, request, options)
    }
  }

  return {
    tick,
    retry: () => {
      for (const one of watched) one.progress = { ...one.progress, failed: null }
      tick()
    },
    shown: () => {
      const needed = watched.filter(({ part }) => part.request(view()) !== null)
      const shown = needed.filter(({ progress }) => progress.shown !== null).length
      return shown === needed.length ? 'all' : shown > 0 ? 'some' : 'none'
    },
    failing: () => {
      const all = watched.flatMap(({ failing }) => failing ?? [])
      const oldest = all.sort((a, b) => a.sinceMs - b.sinceMs)[0] ?? null
      return all.find(({ failure }) => failure.kind === 'signed-out') ?? oldest
    },
    close: () => {
      isClosed = true
      for (const { stop } of watched) stop?.abort()
    },
  }
}

/** The view has no need of it: what it asked for and why it failed no longer matter. */
function leavePart(one: Watched): void {
  if (one.progress === NOTHING_ASKED) return
  one.stop?.abort()
  one.progress = NOTHING_ASKED
  one.failing = null
  one.part.setBusy(false)
}

async function askPart(one: Watched, request: string, options: LoaderOptions): Promise<void> {
  const { client, view, version, nowMs, onOutcome } = options
  one.stop?.abort()
  const stop = new AbortController()
  one.stop = stop
  const asked = { request, version: version(), askedMs: nowMs() }
  const askedView = view()
  const isNews = one.progress.shown?.request !== request
  one.progress = { ...one.progress, asking: request }
  if (one.progress.failed?.request !== request) one.failing = null
  if (isNews) one.part.setBusy(true)
  const result = await client.get<never>(request, stop.signal)
  if (stop.signal.aborted) return
  if (result.kind === 'answer') {
    one.progress = { shown: asked, asking: null, failed: null }
    one.failing = null
    one.part.show(result.answer, askedView, isNews)
    one.part.setBusy(false)
  } else {
    const { failed } = one.progress
    const times = failed?.request === request ? failed.times + 1 : 1
    one.progress = { ...one.progress, asking: null, failed: { request, times, lastMs: nowMs() } }
    one.failing = { failure: result, sinceMs: one.failing?.sinceMs ?? nowMs() }
  }
  onOutcome()
}

export type PartProgress = Readonly<{
  /** The request whose answer is shown, and its version; null before the first answer. */
  shown: Readonly<{ request: string; version: string | null; askedMs: number }> | null
  /** The request under way. */
  asking: string | null
  /** The failing request, how often in a row it failed, and when it failed last. */
  failed: Readonly<{ request: string; times: number; lastMs: number }> | null
}>

export type Wanted = Readonly<{
  request: string
  /** The newest version from the stream; null while there is no stream. */
  version: string | null
  rangeSeconds: number
  isHidden: boolean
  nowMs: number
}>

export const NOTHING_ASKED: PartProgress = { shown: null, asking: null, failed: null }

/** Without a new version too: windows begin and end with the clock, and the stream may be down. */
const AGE_MS_MAX = 30_000
const RETRY_MS = [500, 1000, 2000, 5000, 10_000] as const

/**
 * Whether a part requests its answer now. Pure: the clock is passed in. A new request is sent at
 * once; a repeated one when there is a new version, but not more often than its range needs.
 */
export function shouldAsk(progress: PartProgress, wanted: Wanted): boolean {
  const { shown, asking, failed } = progress
  if (asking !== null) return asking !== wanted.request
  const isFailing = failed?.request === wanted.request
  if (isFailing && wanted.nowMs < failed.lastMs + retryPause(failed.times)) return false
  if (shown === null || shown.request !== wanted.request) return true
  if (wanted.isHidden) return false
  if (isFailing) return true
  const age = wanted.nowMs - shown.askedMs
  if (age >= Math.max(AGE_MS_MAX, refreshPause(wanted.rangeSeconds))) return true
  return shown.version !== wanted.version && age >= refreshPause(wanted.rangeSeconds)
}

/** The least time between two requests of a part: a month does not change visibly in a second. */
export function refreshPause(rangeSeconds: number): number {
  if (rangeSeconds <= 3600) return 1000
  return rangeSeconds <= 86_400 ? 2000 : 10_000
}

function retryPause(times: number): number {
  return RETRY_MS[Math.min(times, RETRY_MS.length) - 1] ?? 0
}
