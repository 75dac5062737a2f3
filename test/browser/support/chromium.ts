/** The Chromium of the browser tests: where it is, and how it is started. */
import { type Browser, chromium } from 'playwright-core'
import { type BrowserKind, type FoundBrowser, findBrowser } from './find-browser.ts'

export const CHROMIUM: BrowserKind = {
  title: 'Chromium',
  variable: 'CAMPAIGN_METRICS_CHROMIUM',
  commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'],
  debian: 'chromium',
  provision: 'npm run browser',
}

/** Chromium refuses its sandbox to root; everybody else keeps it. */
export const IS_ROOT: boolean = process.getuid?.() === 0

/**
 * A browser in a test talks to the product only: nothing in the background, no start page, no
 * account.
 */
export const FLAGS: readonly string[] = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

export function findChromium(): FoundBrowser {
  return findBrowser(CHROMIUM)
}

/** One a test file. */
export async function launchChromium(): Promise<Browser> {
  const { path, skip } = findChromium()
  if (path === null) throw new Error(skip)
  return await chromium.launch({
    executablePath: path,
    chromiumSandbox: !IS_ROOT,
    args: [...FLAGS],
  })
}
