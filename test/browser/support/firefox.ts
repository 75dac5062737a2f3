/**
 * The Firefox of the browser tests: where it is, and how it is started. It is the one that users
 * have, driven over WebDriver BiDi, and not a build that Playwright has changed.
 */
import { type Browser, firefox } from 'playwright-core'
import { type BrowserKind, findBrowser } from './find-browser.ts'

export const FIREFOX: BrowserKind = {
  title: 'Firefox',
  variable: 'CAMPAIGN_METRICS_FIREFOX',
  commands: ['firefox-esr', 'firefox'],
  debian: 'firefox-esr',
  provision: 'CAMPAIGN_METRICS_BROWSER=firefox npm run browser',
}

/** What a page finds in the system of its reader. */
export type Look = Readonly<{
  colorScheme: 'light' | 'dark'
  reducedMotion: 'reduce' | 'no-preference'
  /** Its scroll bars take no room. */
  isPhone: boolean
}>

type Message = { type?: string; id?: number; error?: string; message?: string }
type Connection = { _transport: { onmessage(message: Message): void } }

export async function launchFirefox(look: Look): Promise<Browser> {
  const { path, skip } = findBrowser(FIREFOX)
  if (path === null) throw new Error(skip)
  const browser = await firefox.launch({
    channel: 'moz-firefox',
    executablePath: path,
    firefoxUserPrefs: {
      'layout.css.prefers-color-scheme.content-override': look.colorScheme === 'dark' ? 0 : 1,
      'ui.prefersReducedMotion': look.reducedMotion === 'reduce' ? 1 : 0,
      'ui.useOverlayScrollbars': look.isPhone ? 1 : 0,
      // A test reads what the page copied, without anybody who could allow it.
      'dom.events.testing.asyncClipboard': true,
    },
  })
  forgiveMediaFeatures(browser)
  return browser
}

/**
 * Playwright tells each new context its look by a command that Firefox 153 does not have, and fails
 * with it. The look comes from the preferences instead, so the refusal is taken for a success.
 */
function forgiveMediaFeatures(browser: Browser): void {
  const { toImpl } = Reflect.get(browser, '_connection') as {
    toImpl(client: Browser): { _connection: Connection }
  }
  const transport = toImpl(browser)._connection._transport
  const receive = transport.onmessage
  transport.onmessage = (message) => {
    const { id, error, message: text = '' } = message
    const isRefusal = error === 'unknown command' && text.includes('setMediaFeaturesOverride')
    receive(isRefusal ? ({ type: 'success', id, result: {} } as Message) : message)
  }
}
