/** Which of its faces the page shows to who may read; pure, so that every case can be said. */

export type PageState = 'loading' | 'empty' | 'ready' | 'error'

export type PageFacts = Readonly<{
  /** How many of the parts have had an answer. */
  shown: 'none' | 'some' | 'all'
  /** Events stored since ever, as the stream tells; null before it has told anything. */
  stored: number | null
  /** What keeps failing, and since when; null after an answer. */
  failure: Readonly<{ isFinal: boolean; sinceMs: number }> | null
  startedMs: number
  nowMs: number
}>

/** A server that is just starting says so with errors for a moment. */
const PATIENCE_MS = 3000
/** The tables may be empty; only the stream knows. So long it is waited for. */
const STREAM_MS_MAX = 2000

export function pageStateOf(facts: PageFacts): PageState {
  const { shown, stored, failure, startedMs, nowMs } = facts
  if (shown === 'all') {
    if (stored === 0) return 'empty'
    return stored !== null || nowMs - startedMs >= STREAM_MS_MAX ? 'ready' : 'loading'
  }
  if (failure === null) return 'loading'
  const isLasting = failure.isFinal || nowMs - failure.sinceMs >= PATIENCE_MS
  if (!isLasting) return 'loading'
  // One part that fails leaves the others standing.
  return shown === 'some' ? 'ready' : 'error'
}
