/**
 * With a read key configured the page asks for one, keeps it out of reach of scripts, and forgets
 * it when told.
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
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { SERVER_GONE, skipBrowser, type WatchedPage } from './support/watched-page.ts'

const WRITE = 'write-key-0123456789'
const READ = 'read-key-0123456789'
const OTHER_READ = 'other-read-key-0123456789'
const COOKIE = 'campaign_metrics_session'
const PATHS = [
  'settings',
  'summary',
  'trend',
  'revenue',
  'campaigns',
  'campaigns.csv',
  'values',
  'stream',
]

describe('sign-in', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page

  before(async () => {
    site = await openSite({ keys: { write: [WRITE], read: [READ] } })
    watched = await site.open()
    page = watched.page
    // Being refused is what signing in is about.
    watched.allow(/answer 401|status of 401/)
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('without a sign-in the page asks for one, and API and stream give nothing', async () => {
    await visit(page, '/', 'signed-out')
    assert.ok(await page.locator('form[data-sign-in] input[type="password"]').isVisible())
    assert.match(
      await shownText(page.locator('form[data-sign-in]')),
      /Ask whoever runs this for a key/,
    )
    assert.equal(await page.locator('[data-tile]:visible').count(), 0)
    for (const path of PATHS)
      assert.equal((await get(site.url(), `/api/v1/${path}`)).status, 401, path)
  })

  for (const [what, key] of [
    ['a wrong key', 'wrong-key-0123456789'],
    ['a key that may only write', WRITE],
  ] as const) {
    test(`${what} is refused with a message, and leaves no cookie`, async () => {
      watched.allow(/answer 403|status of 403/)
      await signIn(page, key)
      await eventually(async () =>
        assert.match(await shownText(page.locator('form[data-sign-in] [role="alert"]')), /\w/),
      )
      await waitForState(page, 'signed-out')
      assert.deepEqual(await watched.context.cookies(), [])
    })
  }

  test('the right key opens the page; scripts and other sites cannot use its cookie', async () => {
    await signIn(page, READ)
    await page.locator('main[data-state="empty"], main[data-state="ready"]').waitFor()
    const [cookie, ...others] = await watched.context.cookies()
    assert.deepEqual(others, [])
    assert.equal(cookie?.name, COOKIE)
    assert.equal(cookie?.httpOnly, true)
    assert.equal(cookie?.sameSite, 'Strict')
    assert.equal(cookie?.path, '/')
    assert.ok((cookie?.expires ?? 0) > Date.now() / 1000 + 3600, 'it stays for more than an hour')
    assert.ok(!cookie?.value.includes(READ), 'the key itself is not in it')
    const known = await page.evaluate(() =>
      JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]),
    )
    assert.ok(!known.includes(READ) && !known.includes(COOKIE), known)
  })

  test('figures, stream and export work with the cookie, also in a new tab', async () => {
    const events = { campaign: 'keyed', ageMs: MINUTE_MS, impressions: 3 }
    const headers = { authorization: `Bearer ${WRITE}` }
    await postAccepted(site.url(), eventsOf([events], Date.now()), { headers })
    await waitForState(page, 'ready')
    await page.reload()
    await waitForState(page, 'ready')
    await waitUntilLive(page)
    const tab = await watched.openTab()
    await visit(tab, '/?range=6h')
    assert.equal((await readTiles(tab)).impressions.value, 3)
    const [download] = await Promise.all([
      tab.waitForEvent('download'),
      tab.locator('a[data-export]').click(),
    ])
    assert.equal(await download.failure(), null)
    await tab.close()
  })

  test('the cookie reads, and does not write', async () => {
    const body = '{"event_id":"x"}'
    const status = await page.evaluate(async (event) => {
      const answer = await fetch('/v1/events', { method: 'POST', body: event })
      return answer.status
    }, body)
    assert.equal(status, 401)
  })

  test('a restart of the server keeps the session', async () => {
    watched.allow(SERVER_GONE)
    await site.restart('stop')
    await waitUntilLive(page)
    await page.reload()
    await waitForState(page, 'ready')
    assert.equal((await readTiles(page)).impressions.value, 3)
  })

  test('who cannot be signed out, because the server does not answer, is told so', async () => {
    watched.allow(SERVER_GONE)
    await page.route('**/api/v1/session', (route) => route.abort())
    await page.locator('button[data-sign-out]').click()
    await waitForState(page, 'signed-out')
    const alert = page.locator('form[data-sign-in] [role="alert"]')
    assert.match(await shownText(alert), /still signed in/)
    assert.equal((await watched.context.cookies()).length, 1)
    await page.unroute('**/api/v1/session')
    await page.reload()
    await waitForState(page, 'ready')
  })

  test('signing out ends it: the page asks again, the API refuses the browser', async () => {
    await page.locator('button[data-sign-out]').click()
    await waitForState(page, 'signed-out')
    assert.deepEqual(await watched.context.cookies(), [])
    const answer = await watched.context.request.get('/api/v1/summary')
    assert.equal(answer.status(), 401)
    await page.reload()
    await waitForState(page, 'signed-out')
  })

  test('a key that is no longer configured ends its sessions', async () => {
    await signIn(page, READ)
    await waitForState(page, 'ready')
    await site.restart('stop', { keys: { write: [WRITE], read: [OTHER_READ] } })
    await waitForState(page, 'signed-out')
    await signIn(page, OTHER_READ)
    await waitForState(page, 'ready')
  })
})
