/**
 * Viewers of the Superset dashboard: what a real page asks at a refresh, recorded once in Chromium,
 * and asked again by viewers with sessions of their own, all charts of a viewer at once, as the
 * page does it.
 */
import { chromium } from 'playwright-core'
import { FLAGS, findChromium, IS_ROOT } from '../../test/browser/support/chromium.ts'

export type ChartRequest = Readonly<{ path: string; body: string }>

export type Viewer = Readonly<{
  /**
   * Asks everything once; milliseconds until the last answer had come. Throws when one is no
   * success.
   */
  refresh(requests: readonly ChartRequest[]): Promise<number>
}>

export type SupersetAccount = Readonly<{ url: string; user: string; password: string }>

const RECORD_LIMIT_MS = 60_000

/** What the page asks of each chart, in the order in which it asks. */
export async function recordRefresh(
  account: SupersetAccount,
  charts: number,
): Promise<readonly ChartRequest[]> {
  const { path, skip } = findChromium()
  if (path === null) throw new Error(skip)
  const browser = await chromium.launch({
    executablePath: path,
    chromiumSandbox: !IS_ROOT,
    args: [...FLAGS],
  })
  try {
    // Charts below the edge of the screen would not be asked for.
    const page = await browser.newPage({ viewport: { width: 1400, height: 1900 } })
    await page.goto(`${account.url}/login/`)
    await page.fill('#username', account.user)
    await page.fill('#password', account.password)
    await page.click('button[type=submit]')
    await page.waitForURL((url) => !url.pathname.startsWith('/login'))
    const requests = new Map<string, ChartRequest>()
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url())
      // The options of a filter are asked without a number of a chart, and once only.
      if (pathname !== '/api/v1/chart/data' || !search.includes('slice_id')) return
      requests.set(search, { path: pathname + search, body: request.postData() ?? '' })
    })
    await page.goto(`${account.url}/superset/dashboard/campaign-performance/`)
    const deadline = performance.now() + RECORD_LIMIT_MS
    while (requests.size < charts && performance.now() < deadline) await page.waitForTimeout(100)
    if (requests.size !== charts) throw new Error(`the page asks for ${requests.size} charts`)
    return [...requests.values()]
  } finally {
    await browser.close()
  }
}

/** Signs in by the form, as a browser does. */
export async function signInViewer({ url, user, password }: SupersetAccount): Promise<Viewer> {
  const cookies = new Map<string, string>()
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(init.headers as Record<string, string>), cookie, referer: `${url}/` }
    const response = await fetch(url + path, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }
  const form = await (await send('/login/')).text()
  const token = /id="csrf_token"[^>]*value="([^"]+)"/.exec(form)
  const body = new URLSearchParams({ username: user, password, csrf_token: token?.[1] ?? '' })
  const signedIn = await send('/login/', { method: 'POST', body })
  if (signedIn.status !== 302) throw new Error(`sign-in: HTTP ${signedIn.status}`)
  const { result } = (await (await send('/api/v1/security/csrf_token/')).json()) as {
    result?: string
  }
  if (result === undefined) throw new Error('signed in, and yet no CSRF token')
  const headers = { 'content-type': 'application/json', 'x-csrftoken': result }
  return {
    async refresh(requests) {
      const begin = performance.now()
      await Promise.all(
        requests.map(async (request) => {
          const init = { method: 'POST', headers, body: request.body }
          const response = await send(request.path, init)
          const text = await response.text()
          if (!response.ok) throw new Error(`HTTP ${response.status} ${text.slice(0, 300)}`)
        }),
      )
      return performance.now() - begin
    },
  }
}
