/** The page's faces in one place: figures, empty, error, and the notice over figures that do not move. */
import type { ApiFailure } from './api-client.ts'
import { setAttribute } from './element.ts'
import { type PageState, pageStateOf } from './page-state.ts'
import type { PartLoader } from './part-loader.ts'
import { openEmptyState, openErrorState, openNotice } from './states.ts'

export type Faces = Readonly<{
  /** Shows the one that the facts ask for. */
  update: (loader: PartLoader, stored: number | null) => void
}>

type FacesOptions = Readonly<{
  main: HTMLElement
  dashboard: HTMLElement
  problems: HTMLElement
  isKeyNeeded: boolean
  nowMs: () => number
  onRetry: () => void
}>

/** While figures are shown, a failure is said after this long; most are over sooner. */
const NOTICE_AFTER_MS = 4000

export function openFaces(options: FacesOptions): Faces {
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
