/** The states of the page for a signed-in reader: which one applies, and what is shown in it. */
import type { ApiFailure } from './api-client.ts'
import { setAttribute } from './element.ts'
import type { PartLoader } from './part-loader.ts'
import { openEmptyState, openErrorState, openNotice } from './states.ts'

type PageState = 'loading' | 'empty' | 'ready' | 'error'

type PageConditions = Readonly<{
  /** How many of the parts have been answered. */
  shown: 'none' | 'some' | 'all'
  /** Events stored in all, from the stream; null before its first message. */
  stored: number | null
  /** What fails, and since when; null after an answer. */
  failure: Readonly<{ isFinal: boolean; sinceMs: number }> | null
  startedMs: number
  nowMs: number
}>

/** Errors of a starting server are over sooner. */
const TOLERATED_MS = 3000
/** How long to wait for the stream, which alone knows whether there are events. */
const STREAM_MS_MAX = 2000

export function pageStateOf(conditions: PageConditions): PageState {
  const { shown, stored, failure, startedMs, nowMs } = conditions
  if (shown === 'all') {
    if (stored === 0) return 'empty'
    return stored !== null || nowMs - startedMs >= STREAM_MS_MAX ? 'ready' : 'loading'
  }
  if (failure === null) return 'loading'
  const isLasting = failure.isFinal || nowMs - failure.sinceMs >= TOLERATED_MS
  if (!isLasting) return 'loading'
  // If one part fails, the others are still shown.
  return shown === 'some' ? 'ready' : 'error'
}

type PageStateView = Readonly<{
  /** Shows the state that applies. */
  update: (loader: PartLoader, stored: number | null) => void
}>

type PageStateOptions = Readonly<{
  main: HTMLElement
  dashboard: HTMLElement
  problems: HTMLElement
  isKeyNeeded: boolean
  nowMs: () => number
  onRetry: () => void
}>

/** How long a failure lasts before a notice over the figures; most are over sooner. */
const NOTICE_AFTER_MS = 4000

/** Shows the figures, the empty state, the error state, and the notice over stale figures. */
export function openPageState(options: PageStateOptions): PageStateView {
  const { main, dashboard, problems, nowMs, onRetry } = options
  const startedMs = nowMs()
  const empty = openEmptyState(options.isKeyNeeded, startedMs)
  const error = openErrorState(onRetry)
  const notice = openNotice(onRetry)
  main.replaceChildren(problems, empty.element, error.element, dashboard, notice.element)

  const show = (state: PageState): void => {
    if (main.dataset.state === state) return
    if (state === 'empty') empty.refresh(nowMs())
    setAttribute(main, 'data-state', state)
    dashboard.hidden = state === 'empty' || state === 'error'
    empty.element.hidden = state !== 'empty'
    error.element.hidden = state !== 'error'
  }

  return {
    update: (loader, stored) => {
      const failing = loader.failing()
      const isFinal = failing?.failure.kind === 'refused'
      const shown = loader.shown()
      const now = nowMs()
      const state = pageStateOf({
        shown,
        stored,
        failure: failing === null ? null : { isFinal, sinceMs: failing.sinceMs },
        startedMs,
        nowMs: now,
      })
      show(state)
      if (failing !== null) error.update(messageOf(failing.failure), isFinal)
      const isLasting = failing !== null && (isFinal || now - failing.sinceMs > NOTICE_AFTER_MS)
      const isSaid = state === 'ready' && isLasting
      notice.update(isSaid ? noticeText(shown, failing.failure) : null)
    },
  }
}

function noticeText(shown: ReturnType<PartLoader['shown']>, failure: ApiFailure): string {
  const what =
    shown === 'all' ? 'These figures are not up to date.' : 'Some figures could not be loaded.'
  return `${what} ${messageOf(failure)}`
}

export function messageOf(failure: ApiFailure): string {
  return failure.kind === 'aborted' ? '' : failure.message
}
