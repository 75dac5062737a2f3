/**
 * When a part of the page asks the server again. Pure: the clock is handed in. A part asks at once for what it has
 * never asked for, and otherwise when the stream has told of something new, at a pace that fits the range: nobody sees
 * a month move by the second.
 */

export type PartProgress = Readonly<{
  /** The request whose answer is shown, and the version it was asked at; null before the first answer. */
  shown: Readonly<{ request: string; version: string | null; askedMs: number }> | null
  /** The request under way. */
  asking: string | null
  /** The request that fails, how often in a row, and when it failed last. */
  failed: Readonly<{ request: string; times: number; lastMs: number }> | null
}>

export type Wanted = Readonly<{
  request: string
  /** The newest version that the stream told of; null while there is no stream. */
  version: string | null
  rangeSeconds: number
  isHidden: boolean
  nowMs: number
}>

export const NOTHING_ASKED: PartProgress = { shown: null, asking: null, failed: null }

/** Even without news: windows come and go with the clock, and the stream may be down. */
const AGE_MS_MAX = 30_000
const RETRY_MS = [500, 1000, 2000, 5000, 10_000] as const

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

/** The least time between two requests of a part. */
export function refreshPause(rangeSeconds: number): number {
  if (rangeSeconds <= 3600) return 1000
  return rangeSeconds <= 86_400 ? 2000 : 10_000
}

function retryPause(times: number): number {
  return RETRY_MS[Math.min(times, RETRY_MS.length) - 1] ?? 0
}
