/**
 * Asks the server for what each part of the page shows: when `refresh.ts` says so, never twice at once for one part,
 * and not any longer for what nobody wants to see.
 */
import type { ApiClient, ApiFailure } from './api-client.ts'
import { NOTHING_ASKED, type PartProgress, shouldAsk } from './refresh.ts'
import { rangeSeconds, type View } from './url-state.ts'

export type Part<Answer> = Readonly<{
  /** The request that a view needs: a path below /api/v1/ with its query. */
  request: (view: View) => string
  /** `isNews` is false when the same request was answered before: only its figures have moved. */
  show: (answer: Answer, view: View, isNews: boolean) => void
  /** Whether what is shown belongs to another view than the chosen one. */
  setBusy: (isBusy: boolean) => void
}>

export type PartLoader = Readonly<{
  /** Looks what is due; to be called after each change and a few times a second. */
  tick: () => void
  /** Forgets failures and asks at once. */
  retry: () => void
  shown: () => 'none' | 'some' | 'all'
  /** Being signed out, or what has failed for the longest time; null when all goes well. */
  failing: () => Failing | null
  close: () => void
}>

export type Failing = Readonly<{ failure: ApiFailure; sinceMs: number }>

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
      const isDue = shouldAsk(one.progress, {
        request,
        version: version(),
        rangeSeconds: rangeSeconds(shown.range),
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
      const shown = watched.filter(({ progress }) => progress.shown !== null).length
      return shown === watched.length ? 'all' : shown > 0 ? 'some' : 'none'
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
