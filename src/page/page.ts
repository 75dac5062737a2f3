/**
 * The page: asks for the settings, opens every part once, and then runs two things: the stream,
 * which updates what is live and reports new versions, and the loader, which requests the rest.
 *
 *     address ──► view ──► loader ──► tiles, trend, revenue, table
 *     stream ──► version ──┘   └──► freshness, real time, problems
 */
import type { LiveMessage, SettingsAnswer } from '../dashboard-definition.ts'
import { API, type ApiClient, createApiClient } from './api-client.ts'
import { learnNames } from './campaign-name.ts'
import { openDashboard } from './dashboard.ts'
import { element, placeChildren, setAttribute } from './element.ts'
import { readLocale } from './format.ts'
import { type Header, openHeader } from './header.ts'
import { openLive, openServerClock } from './live.ts'
import { messageOf, openPageState, pageStateOf } from './page-state.ts'
import { openPartLoader } from './part-loader.ts'
import { readWeekStart, readZone } from './reader.ts'
import { openSignIn } from './sign-in.ts'
import { openErrorState } from './states.ts'
import { openViewStore } from './view.ts'
import { openZones } from './zone-switch.ts'

const TICK_MS = 250
const SETTINGS_RETRY_MS = 2000
/** Only the server can remove the cookie: scripts cannot see it. */
const STILL_SIGNED_IN =
  'This browser is still signed in, because the server could not be asked to sign it out. ' +
  'Reload the page and try again.'

type Page = Readonly<{ client: ApiClient; header: Header; main: HTMLElement }>

export function startPage(root: HTMLElement): void {
  const client = createApiClient((input, init) => fetch(input, init), learnNames)
  const header = openHeader()
  const main = element('main', { class: 'main', attributes: { 'data-state': 'loading' } })
  const page = { client, header, main }
  const signIn = openSignIn(client, () => location.reload())
  const error = openErrorState(() => location.reload())
  const startedMs = Date.now()

  const showSignIn = (fault = ''): void => {
    setAttribute(main, 'data-state', 'signed-out')
    header.close()
    main.replaceChildren(signIn.element)
    signIn.focus()
    signIn.setFault(fault)
  }

  /** Nothing can be shown without the settings: retries until they have arrived. */
  const askSettings = async (): Promise<void> => {
    const result = await client.get<SettingsAnswer>('settings')
    if (result.kind === 'answer') return runFigures(page, result.answer, showSignIn)
    if (result.kind === 'signed-out') return showSignIn()
    const state = pageStateOf({
      shown: 'none',
      stored: null,
      failure: { isFinal: result.kind === 'refused', sinceMs: startedMs },
      startedMs,
      nowMs: Date.now(),
    })
    setAttribute(main, 'data-state', state)
    if (state === 'error') {
      error.element.hidden = false
      error.update(messageOf(result), false)
      // It stays during retries, so that it keeps its focus and is not read out again.
      placeChildren(main, [error.element])
    }
    setTimeout(() => void askSettings(), SETTINGS_RETRY_MS)
  }

  root.replaceChildren(header.element, main)
  void askSettings()
}

/** Runs the figures, from the answer with the settings until the reader is signed out. */
function runFigures(
  { client, header, main }: Page,
  settings: SettingsAnswer,
  onEnd: (fault: string) => void,
): void {
  const clock = openServerClock()
  const { timezone, weekStart, windowSeconds } = settings
  const zones = openZones(timezone, readZone(), windowSeconds * 1000)
  const store = openViewStore({
    weekStart: readWeekStart(weekStart, readLocale(navigator)),
    canShow: (zone) => zones.faultOf(zone) === null,
  })
  const dashboard = openDashboard({ client, store, settings, zones, nowMs: clock.nowMs })
  const nowMs = (): number => Date.now()
  let latest: LiveMessage | null = null
  let isOver = false

  const pageState = openPageState({
    main,
    dashboard: dashboard.element,
    problems: dashboard.problems,
    isKeyNeeded: settings.signedIn,
    nowMs,
    onRetry: () => loader.retry(),
  })
  const loader = openPartLoader(dashboard.parts, {
    client,
    view: store.current,
    version: () => latest?.version ?? null,
    nowMs,
    onOutcome: () => (loader.failing()?.failure.kind === 'signed-out' ? end() : show()),
  })
  const live = openLive({
    url: `${API}stream`,
    nowMs,
    onMessage: (message) => {
      clock.sync(Date.parse(message.now))
      latest = message
      dashboard.showLive(message)
      step()
    },
    onConnection: (connection) => {
      header.setConnection(connection)
      if (connection === 'live') loader.retry()
    },
    onRefused: () =>
      void client.get('settings').then(({ kind }) => {
        if (kind === 'signed-out') end()
      }),
  })

  const show = (): void => {
    if (!isOver) pageState.update(loader, latest?.stored ?? null)
  }
  /** Stops all requests and removes the figures from the page. */
  const end = (fault = ''): void => {
    if (isOver) return
    isOver = true
    clearInterval(ticking)
    live.close()
    loader.close()
    dashboard.close()
    onEnd(fault)
  }

  const step = (): void => {
    loader.tick()
    show()
  }
  header.open({
    freshness: dashboard.freshness,
    onSignOut: settings.signedIn ? () => void signOut(client).then(end) : null,
    onTheme: dashboard.setTheme,
  })
  store.onChange(step)
  const ticking = setInterval(() => {
    live.tick()
    dashboard.tick(live.connection() === 'reconnecting')
    step()
  }, TICK_MS)
  step()
}

/** What to tell the reader if it failed; '' if it did not. */
async function signOut(client: ApiClient): Promise<string> {
  const { kind } = await client.signOut()
  return kind === 'answer' || kind === 'signed-out' ? '' : STILL_SIGNED_IN
}
