/**
 * The page: asks who is there and in which zone, opens every part once, and then keeps two things going: the
 * stream, which moves what is live and tells of news, and the loader, which asks for the rest at its pace.
 *
 *     address ──► view ──► loader ──► tiles, trend, revenue, table
 *     stream ──► version ──┘   └──► freshness, real time, problems
 */
import type { SettingsAnswer } from '../wire.ts'
import { API, type ApiFailure, createApiClient } from './api-client.ts'
import { openDashboard } from './dashboard.ts'
import { element, setAttribute } from './element.ts'
import { openHeader } from './header.ts'
import { openLive } from './live.ts'
import { type PageState, pageStateOf } from './page-state.ts'
import { type Failing, openPartLoader } from './part-loader.ts'
import { openServerClock } from './server-clock.ts'
import { openSignIn } from './sign-in.ts'
import { openEmptyState, openErrorState, openNotice } from './states.ts'
import { openViewStore } from './view-store.ts'

const TICK_MS = 250
/** While figures are shown, a failure is said after this long; most are over sooner. */
const NOTICE_AFTER_MS = 4000
const RETRY_MS = 2000

export function startPage(root: HTMLElement): void {
  const client = createApiClient((input, init) => fetch(input, init))
  const header = openHeader()
  const main = element('main', { class: 'main', attributes: { 'data-state': 'loading' } })
  const errorState = openErrorState(() => location.reload())
  const signIn = openSignIn(client, () => location.reload())
  const startedMs = Date.now()
  let failing: Failing | null = null

  const showSignIn = (): void => {
    setAttribute(main, 'data-state', 'signed-out')
    header.close()
    main.replaceChildren(signIn.element)
    signIn.focus()
  }

  const ask = async (): Promise<void> => {
    const result = await client.get<SettingsAnswer>('settings')
    if (result.kind === 'answer') return openFigures(result.answer)
    if (result.kind === 'signed-out') return showSignIn()
    failing ??= { failure: result, sinceMs: Date.now() }
    const state = pageStateOf({
      isSignedOut: false,
      hasShownAll: false,
      stored: null,
      failure: { isFinal: result.kind === 'refused', sinceMs: failing.sinceMs },
      startedMs,
      nowMs: Date.now(),
    })
    setAttribute(main, 'data-state', state)
    if (state === 'error') {
      errorState.element.hidden = false
      errorState.update(messageOf(result), false)
      main.replaceChildren(errorState.element)
    }
    setTimeout(() => void ask(), RETRY_MS)
  }

  const openFigures = (settings: SettingsAnswer): void => {
    runFigures({ client, header, main, settings, showSignIn })
  }

  root.replaceChildren(header.element, main)
  void ask()
}

type Figures = Readonly<{
  client: ReturnType<typeof createApiClient>
  header: ReturnType<typeof openHeader>
  main: HTMLElement
  settings: SettingsAnswer
  showSignIn: () => void
}>

/** From the settings' answer until the reader is signed out: everything that moves. */
function runFigures({ client, header, main, settings, showSignIn }: Figures): void {
  const clock = openServerClock()
  const store = openViewStore()
  const startedMs = Date.now()
  let version: string | null = null
  let stored: number | null = null
  let isSignedOut = false

  const dashboard = openDashboard({ client, store, settings, nowMs: clock.nowMs })
  const empty = openEmptyState(settings.signedIn, startedMs)
  const retry = (): void => {
    loader.retry()
    show()
  }
  const errorState = openErrorState(retry)
  const notice = openNotice(retry)

  const loader = openPartLoader(dashboard.parts, {
    client,
    view: store.current,
    version: () => version,
    nowMs: () => Date.now(),
    onOutcome: () => {
      if (loader.failing()?.failure.kind === 'signed-out') end()
      else show()
    },
  })
  const live = openLive({
    url: `${API}stream`,
    nowMs: () => Date.now(),
    onMessage: (message) => {
      clock.hear(Date.parse(message.now))
      version = message.version
      stored = message.stored
      dashboard.showLive(message)
      loader.tick()
      show()
    },
    onConnection: (connection) => {
      header.setConnection(connection)
      if (connection === 'live') loader.retry()
    },
    onRefused: () => void lookForSignOut(),
  })

  const lookForSignOut = async (): Promise<void> => {
    const result = await client.get<SettingsAnswer>('settings')
    if (result.kind === 'signed-out') end()
  }

  /** Signed out: nothing is asked any more, and nothing of what was seen stays on the page. */
  const end = (): void => {
    if (isSignedOut) return
    isSignedOut = true
    clearInterval(ticking)
    live.close()
    loader.close()
    showSignIn()
  }

  const show = (): void => {
    if (isSignedOut) return
    const failing = loader.failing()
    const isFinal = failing?.failure.kind === 'refused'
    const state = pageStateOf({
      isSignedOut,
      hasShownAll: loader.hasShownAll(),
      stored,
      failure: failing === null ? null : { isFinal, sinceMs: failing.sinceMs },
      startedMs,
      nowMs: Date.now(),
    })
    showState(state, failing)
    const isLasting =
      failing !== null && (isFinal || Date.now() - failing.sinceMs > NOTICE_AFTER_MS)
    notice.update(
      state === 'ready' && failing !== null && isLasting
        ? `These figures are not up to date. ${messageOf(failing.failure)}`
        : null,
    )
  }

  const showState = (state: PageState, failing: Failing | null): void => {
    if (state === 'empty' && main.dataset.state !== 'empty') empty.refresh(Date.now())
    setAttribute(main, 'data-state', state)
    dashboard.element.hidden = state === 'empty' || state === 'error'
    empty.element.hidden = state !== 'empty'
    errorState.element.hidden = state !== 'error'
    if (state === 'error' && failing !== null) {
      errorState.update(messageOf(failing.failure), failing.failure.kind === 'refused')
    }
  }

  header.open({
    freshness: dashboard.freshness,
    timezone: settings.timezone,
    onSignOut: settings.signedIn ? () => void client.signOut().then(end) : null,
  })
  header.onTheme(dashboard.setTheme)
  store.onChange(() => {
    loader.tick()
    show()
  })
  main.replaceChildren(
    dashboard.problems,
    empty.element,
    errorState.element,
    dashboard.element,
    notice.element,
  )
  const ticking = setInterval(() => {
    live.tick()
    loader.tick()
    dashboard.tick(live.connection() === 'reconnecting')
    show()
  }, TICK_MS)
  loader.tick()
}

function messageOf(failure: ApiFailure): string {
  return failure.kind === 'aborted' ? '' : failure.message
}
