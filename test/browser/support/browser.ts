/**
 * The browser that the tests of the page open: Chromium, or Firefox where CAMPAIGN_METRICS_BROWSER
 * says `firefox`.
 */
import type { Browser } from 'playwright-core'
import { CHROMIUM, launchChromium } from './chromium.ts'
import type { BrowserKind } from './find-browser.ts'
import { FIREFOX, type Look, launchFirefox } from './firefox.ts'

const VARIABLE = 'CAMPAIGN_METRICS_BROWSER'
const KINDS: Readonly<Record<string, BrowserKind>> = { chromium: CHROMIUM, firefox: FIREFOX }
const PLAIN: Look = { colorScheme: 'light', reducedMotion: 'no-preference', isPhone: false }

export const BROWSER: BrowserKind = askedFor()
export const IS_FIREFOX: boolean = BROWSER === FIREFOX

function askedFor(): BrowserKind {
  const name = process.env[VARIABLE] ?? 'chromium'
  const kind = KINDS[name]
  if (kind === undefined) throw new Error(`${VARIABLE} is ${name}; it may be chromium or firefox`)
  return kind
}

/** One a test file. */
export async function launchBrowser(): Promise<Browser> {
  return IS_FIREFOX ? await launchFirefox(PLAIN) : await launchChromium()
}

/** Firefox → others with another look. */
const looks = new WeakMap<Browser, Map<string, Promise<Browser>>>()

/**
 * A browser whose pages can have a look. A Firefox has one for all its pages, so each other one is
 * a process of its own, which ends with the first.
 */
export async function browserWith(browser: Browser, look: Look): Promise<Browser> {
  const key = JSON.stringify(look)
  if (!IS_FIREFOX || key === JSON.stringify(PLAIN)) return browser
  const others = looks.get(browser) ?? new Map<string, Promise<Browser>>()
  looks.set(browser, others)
  const known = others.get(key)
  if (known !== undefined) return await known
  const launched = launchFirefox(look)
  others.set(key, launched)
  browser.once('disconnected', () => void launched.then((other) => other.close()))
  return await launched
}
