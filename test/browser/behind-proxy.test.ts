/**
 * The page behind a proxy that serves it under a path, rewrites Host, speaks TLS or asks for a
 * password (F33): all of it works, and nothing of it strays to the root.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { get, postAccepted } from '../support/client.ts'
import { eventsOf, MINUTE_MS } from './support/ad-events.ts'
import {
  readTiles,
  shownText,
  signIn,
  visit,
  waitForState,
  waitUntilLive,
} from './support/dashboard.ts'
import { type Front, type FrontOptions, HAS_OPENSSL, openFront } from './support/front.ts'
import { openSite, type Site } from './support/site.ts'
import {
  openWatchedPage,
  type PageOptions,
  skipBrowser,
  type WatchedPage,
} from './support/watched-page.ts'

const WRITE = 'write-key-0123456789'
const READ = 'read-key-0123456789'
const KEYS = { keys: { write: [WRITE], read: [READ] } }
const COOKIE = 'campaign_metrics_session'
const LISTS = (host: string) => ({ 'x-forwarded-host': host, 'x-forwarded-proto': 'http' })

describe('behind a proxy', { skip: skipBrowser }, () => {
  let site: Site

  before(async () => {
    site = await openSite({ ...KEYS, proxy: { trust: ['127.0.0.1'] } })
    const events = { campaign: 'proxied', ageMs: MINUTE_MS, impressions: 3 }
    const headers = { authorization: `Bearer ${WRITE}` }
    await postAccepted(site.url(), eventsOf([events], Date.now()), { headers })
  })
  after(() => site?.close())

  /** A page that looks through a proxy of its own; what the test does not end is ended. */
  async function through(
    options: Omit<FrontOptions, 'target'>,
    work: (watched: WatchedPage, proxy: Front) => Promise<void>,
    pageOptions: PageOptions = {},
  ): Promise<void> {
    const proxy = await openFront({ ...options, target: site.url })
    const watched = await openWatchedPage(site.browser, proxy.origin, pageOptions)
    watched.allow(/answer 401|status of 401/)
    try {
      await work(watched, proxy)
      watched.expectClean()
    } finally {
      await watched.context.close()
      await proxy.close()
    }
  }

  /** Everything that the page does with its server. */
  async function useAll(page: Page, path: string): Promise<void> {
    await visit(page, path, 'signed-out')
    await signIn(page, READ)
    await waitForState(page, 'ready')
    await waitUntilLive(page)
    await page.reload()
    await waitForState(page, 'ready')
    assert.equal((await readTiles(page)).impressions.value, 3)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('a[data-export]').click(),
    ])
    assert.equal(await download.failure(), null)
    const sign = page.locator('img.mark')
    assert.ok(await sign.evaluate((image) => (image as HTMLImageElement).naturalWidth > 0))
    await page.locator('button[data-sign-out]').click()
    await waitForState(page, 'signed-out')
    assert.deepEqual(await page.context().cookies(), [])
  }

  for (const path of ['/cm', '/a/b']) {
    test(`at ${path}/ signing in, figures, stream, export and signing out work`, () =>
      through({ path, says: LISTS }, async ({ page }, proxy) => {
        await useAll(page, `${path}/`)
        assert.deepEqual(proxy.strays, [])
        for (const part of ['assets/', 'favicon.svg', 'api/v1/stream', 'api/v1/campaigns.csv']) {
          assert.ok(
            proxy.passed.some((line) => line.startsWith(`GET ${path}/${part}`)),
            `${part} of ${proxy.passed.join('\n')}`,
          )
        }
      }))
  }

  test('at /cm, without the slash, the page finds to /cm/ and keeps what the address says', () =>
    through({ path: '/cm', says: LISTS }, async (watched, proxy) => {
      const { page } = watched
      // A browser looks ahead for scripts and styles before the first script can send it elsewhere.
      watched.allow(/answer 404.*\/assets\/|status of 404.*\/assets\//)
      watched.allow(/NS_ERROR_CORRUPTED_CONTENT.*\/assets\/|\/assets\/.*disallowed MIME type/)
      await page.goto('/cm?range=6h&campaign=proxied#top')
      await waitForState(page, 'signed-out')
      await signIn(page, READ)
      await waitForState(page, 'ready')
      const { pathname, search, hash } = new URL(page.url())
      assert.deepEqual([pathname, search, hash], ['/cm/', '?range=6h&campaign=proxied', '#top'])
      assert.deepEqual(
        proxy.strays.filter((line) => !line.startsWith('GET /assets/')),
        [],
      )
    }))

  test('a choice stays in the address below the path, and "back" undoes it', () =>
    through({ path: '/cm', says: LISTS }, async ({ page }) => {
      await visit(page, '/cm/', 'signed-out')
      await signIn(page, READ)
      await waitForState(page, 'ready')
      await visit(page, '/cm/?campaign=proxied')
      assert.equal(new URL(page.url()).pathname, '/cm/')
      await page.goBack()
      await waitForState(page, 'ready')
      assert.equal(new URL(page.url()).search, '')
    }))

  test('the proxy may ask for a password of its own: both are passed', () =>
    through(
      { path: '/cm', basic: 'viewer:secret', says: LISTS },
      async ({ page }) => useAll(page, '/cm/'),
      { httpCredentials: { username: 'viewer', password: 'secret' } },
    ))

  test('over TLS the cookie is Secure', { skip: HAS_OPENSSL ? false : 'no openssl here' }, () =>
    through(
      { path: '', tls: true, says: (host) => ({ forwarded: `host="${host}";proto=https` }) },
      async (watched) => {
        await visit(watched.page, '/', 'signed-out')
        await signIn(watched.page, READ)
        await waitForState(watched.page, 'ready')
        const [cookie] = await watched.context.cookies()
        assert.deepEqual([cookie?.name, cookie?.secure, cookie?.path], [COOKIE, true, '/'])
      },
      { ignoreHTTPSErrors: true },
    ),
  )

  test('what nobody who is trusted says does not count: signing in is refused', () =>
    through({ path: '/cm' }, async (watched) => {
      watched.allow(/answer 403|status of 403/)
      await visit(watched.page, '/cm/', 'signed-out')
      await signIn(watched.page, READ)
      const alert = watched.page.locator('form[data-sign-in] [role="alert"]')
      await alert.filter({ hasText: /\w/ }).waitFor()
      assert.match(await shownText(alert), /origin/)
    }))

  test('with publicUrl the proxy sets no header, and the cookie is for the path', async () => {
    const proxy = await openFront({ path: '/a/b', target: site.url })
    await site.restart('stop', { publicUrl: `${proxy.origin}/a/b/`, proxy: { trust: [] } })
    const watched = await openWatchedPage(site.browser, proxy.origin)
    watched.allow(/answer 401|status of 401/)
    await visit(watched.page, '/a/b/', 'signed-out')
    await signIn(watched.page, READ)
    await waitForState(watched.page, 'ready')
    const [cookie] = await watched.context.cookies()
    assert.deepEqual([cookie?.name, cookie?.path], [COOKIE, '/a/b/'])
    await useAll((await signedOut(watched)).page, '/a/b/')
    assert.deepEqual(proxy.strays, [])
    await watched.close()
    await proxy.close()
  })

  test('the first event that the page proposes goes through the proxy', async () => {
    const empty = await openSite()
    const proxy = await openFront({ path: '/a/b', target: empty.url })
    const watched = await openWatchedPage(empty.browser, proxy.origin)
    await visit(watched.page, '/a/b/', 'empty')
    const command = await shownText(watched.page.locator('[data-curl]'))
    assert.ok(command.startsWith(`curl ${proxy.origin}/a/b/v1/events `), command)
    await watched.close()
    await proxy.close()
    await empty.close()
  })

  test('the API description is relative too: it names the server it came from', async () => {
    const proxy = await openFront({ path: '/a/b', target: site.url })
    const address = `${proxy.origin}/a/b/api/v1/openapi.json`
    const { text } = await get(proxy.origin, '/a/b/api/v1/openapi.json')
    const { servers } = JSON.parse(text) as { servers: readonly { url: string }[] }
    assert.equal(new URL(servers[0]?.url ?? '', address).href, `${proxy.origin}/a/b/`)
    const tables = await get(proxy.origin, '/a/b/iceberg/v1/config', { 'x-api-key': READ })
    assert.equal(tables.status, 200)
    assert.doesNotMatch(tables.text, /"\/iceberg/)
    await proxy.close()
  })
})

async function signedOut(watched: WatchedPage): Promise<WatchedPage> {
  await watched.page.locator('button[data-sign-out]').click()
  await waitForState(watched.page, 'signed-out')
  return watched
}
