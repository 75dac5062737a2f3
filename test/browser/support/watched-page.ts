/**
 * A page that is watched for everything a user would not see and that must not be: errors and
 * warnings in the console, uncaught exceptions, violations of the content security policy, failed
 * requests, refused answers, requests to elsewhere.
 */
import assert from 'node:assert/strict'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { BROWSER, browserWith, IS_FIREFOX } from './browser.ts'
import { findBrowser } from './find-browser.ts'

export type WatchedPage = Readonly<{
  page: Page
  context: BrowserContext
  /** What the test provokes from here on, such as refused connections while the server is away. */
  allow(provoked: RegExp): void
  /** Nothing was seen but what was allowed. */
  expectClean(): void
  /** Another tab of the same browser profile: cookies are shared. */
  openTab(): Promise<Page>
  /** Ends the page, and fails if anything was seen. */
  close(): Promise<void>
}>

export type PageOptions = Readonly<{
  width?: number
  height?: number
  colorScheme?: 'light' | 'dark'
  reducedMotion?: 'reduce' | 'no-preference'
  locale?: string
  isPhone?: boolean
  permissions?: readonly string[]
  /** Of a proxy that asks for them. */
  httpCredentials?: Readonly<{ username: string; password: string }>
  /** The server's certificate is nobody's. */
  ignoreHTTPSErrors?: boolean
}>

/**
 * Neither UTC nor any zone of the tests: a page that takes the browser's zone for the configured
 * one is found out.
 */
const BROWSER_ZONE = 'America/St_Johns'
const ACTION_LIMIT_MS = 60_000

/** What browsers call a request that its page, or the end of the page, took back. */
const ABORTED = ['net::ERR_ABORTED', 'NS_BINDING_ABORTED']
/** What they say of a server that is not there, or that goes away before its answer is complete. */
export const SERVER_GONE: RegExp = new RegExp(
  [
    'ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED',
    'ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_FAILED',
    'NS_ERROR_(CONNECTION_REFUSED|NET_RESET|NET_INTERRUPT|NET_PARTIAL_TRANSFER|NET_EMPTY_RESPONSE)',
    'NS_ERROR_ABORT|Firefox can’t establish a connection|was interrupted while the page was loading',
  ].join('|'),
)

export const skipBrowser: string | false = findBrowser(BROWSER).skip

export async function openWatchedPage(
  browser: Browser,
  origin: string,
  options: PageOptions = {},
): Promise<WatchedPage> {
  const { width = 1280, height = 900, isPhone = false } = options
  const { colorScheme = 'light', reducedMotion = 'no-preference' } = options
  const looking = await browserWith(browser, { colorScheme, reducedMotion, isPhone })
  const context = await looking.newContext({
    baseURL: origin,
    viewport: { width, height },
    colorScheme,
    reducedMotion,
    locale: options.locale ?? 'en-US',
    timezoneId: BROWSER_ZONE,
    isMobile: isPhone,
    hasTouch: isPhone,
    // Firefox has no such permissions; its clipboard is open by a preference.
    permissions: IS_FIREFOX ? [] : [...(options.permissions ?? [])],
    ignoreHTTPSErrors: options.ignoreHTTPSErrors ?? false,
    ...(options.httpCredentials === undefined ? {} : { httpCredentials: options.httpCredentials }),
  })
  context.setDefaultTimeout(ACTION_LIMIT_MS)
  const seen: string[] = []
  const allowed: RegExp[] = []
  await watchPolicy(context, seen)
  watchRequests(context, origin, seen)
  context.on('page', (page) => watchPage(page, seen))
  const page = await context.newPage()
  const expectClean = (): void => {
    const faults = seen.filter((line) => !allowed.some((provoked) => provoked.test(line)))
    assert.deepEqual([...new Set(faults)], [])
  }
  return {
    page,
    context,
    allow: (provoked) => allowed.push(provoked),
    expectClean,
    openTab: () => context.newPage(),
    close: async () => {
      await context.close()
      expectClean()
    },
  }
}

/** The browser tells the document of a violation; the document tells us. */
async function watchPolicy(context: BrowserContext, seen: string[]): Promise<void> {
  await context.exposeBinding('reportPolicyViolation', (_source, text: string) => {
    seen.push(`policy violation: ${text}`)
  })
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const report = Reflect.get(window, 'reportPolicyViolation') as (text: string) => void
      const { effectiveDirective, blockedURI, sourceFile, lineNumber } = event
      report(`${effectiveDirective} ${blockedURI} at ${sourceFile}:${lineNumber}`)
    })
  })
}

function watchRequests(context: BrowserContext, origin: string, seen: string[]): void {
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) seen.push(`request elsewhere: ${request.url()}`)
  })
  context.on('requestfailed', (request) => {
    // Aborted: the page took the request back itself, or the tab was closed.
    const why = request.failure()?.errorText ?? 'unknown'
    if (!ABORTED.includes(why)) seen.push(`request failed: ${why} ${request.url()}`)
  })
  context.on('response', (response) => {
    if (response.status() >= 400) seen.push(`answer ${response.status()}: ${response.url()}`)
  })
}

function watchPage(page: Page, seen: string[]): void {
  page.on('pageerror', (error) => seen.push(`page error: ${error.stack ?? error.message}`))
  page.on('console', (message) => {
    if (['error', 'warning', 'assert'].includes(message.type()))
      seen.push(`console ${message.type()}: ${message.text()} (${message.location().url})`)
  })
}
