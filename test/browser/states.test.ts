/**
 * The page before the first event, and when its server does not answer: each says what it is and
 * what to do.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import type { Page, Request } from 'playwright-core'
import type { LiveMessage } from '../../src/dashboard-definition/wire.ts'
import { readTiles, shownText, visit, waitForState, waitUntilLive } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { SERVER_GONE, skipBrowser, type WatchedPage } from './support/watched-page.ts'

const PROBLEM = 'The disk is <b>full</b>.'
const REFUSAL = JSON.stringify({ error: { code: 'unavailable', message: 'not now' } })

describe('states', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page

  before(async () => {
    site = await openSite()
    watched = await site.open({ permissions: ['clipboard-read', 'clipboard-write'] })
    page = watched.page
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('before the first event the page says how to send it, and copies that', async () => {
    await visit(page, '/', 'empty')
    const empty = page.locator('[data-empty]')
    assert.ok(await empty.isVisible())
    assert.match(await shownText(empty), /no events yet/i)
    const command = await shownText(empty.locator('pre[data-curl]'))
    await empty.locator('button[data-copy]').click()
    await eventually(async () =>
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command),
    )
  })

  test('its command, run by a shell as printed, fills the page without a reload', async () => {
    await page.evaluate(() => Reflect.set(window, 'stayed', true))
    const command = await shownText(page.locator('pre[data-curl]'))
    const answer = await runInShell(command)
    assert.match(answer, /"accepted":1\b/)
    await waitForState(page, 'ready')
    await waitUntilLive(page)
    await eventually(async () => {
      const { impressions, clicks, conversions } = await readTiles(page)
      const sum = Number(impressions.value) + Number(clicks.value) + Number(conversions.value)
      assert.equal(sum, 1)
    })
    assert.equal(await page.evaluate(() => Reflect.get(window, 'stayed')), true, 'no reload')
    assert.equal(await page.locator('[data-empty]:visible').count(), 0)
  })

  test('what is wrong with the server is said on the page, as text', async () => {
    const troubled = await site.open()
    // The stream ends with its one message; the page tries again by itself.
    troubled.allow(SERVER_GONE)
    await troubled.context.route('**/api/v1/stream*', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: troubledStream() }),
    )
    await visit(troubled.page, '/')
    await eventually(async () =>
      assert.ok((await shownText(troubled.page.locator('[data-problems]'))).includes(PROBLEM)),
    )
    await troubled.close()
  })

  test('the page comes compressed, in less than 350 KB with all its parts', async () => {
    const fresh = await site.open()
    const requests: Request[] = []
    fresh.context.on('requestfinished', (request) => requests.push(request))
    await visit(fresh.page, '/')
    await fresh.page.locator('[data-chart="trend"] [role="img"]').first().waitFor()
    await fresh.page.waitForLoadState('load')
    const files = requests.filter((request) => !request.url().includes('/api/'))
    assert.ok(files.length >= 3, `${files.length} files`)
    let bytes = 0
    for (const file of files) bytes += (await file.sizes()).responseBodySize
    assert.ok(bytes > 50_000 && bytes < 350_000, `${bytes} bytes`)
    await fresh.close()
  })

  test('an API that refuses is shown as an error, with a retry that works', async () => {
    const broken = await site.open()
    broken.allow(/answer 503|status of 503/)
    await broken.context.route('**/api/v1/**', (route) =>
      route.fulfill({ status: 503, contentType: 'application/json', body: REFUSAL }),
    )
    await visit(broken.page, '/', 'error')
    const error = broken.page.locator('[data-error]')
    assert.match(await shownText(error), /\w{3}/)
    await error.locator('button[data-retry]').click()
    await waitForState(broken.page, 'error')
    await broken.context.unroute('**/api/v1/**')
    await error.locator('button[data-retry]').click()
    await waitForState(broken.page, 'ready')
    await waitUntilLive(broken.page)
    assert.equal(await broken.page.locator('[data-error]:visible').count(), 0)
    await broken.close()
  })

  test('a server gone before the first answer is an error, and its return is found', async () => {
    const broken = await site.open()
    broken.allow(SERVER_GONE)
    await broken.context.route('**/api/v1/**', (route) => route.abort('connectionrefused'))
    await visit(broken.page, '/', 'error')
    await broken.context.unroute('**/api/v1/**')
    await broken.page.locator('button[data-retry]').click()
    await waitForState(broken.page, 'ready')
    await broken.close()
  })

  test('one figure that fails leaves the others standing', async () => {
    const broken = await site.open()
    broken.allow(/answer 503|status of 503/)
    await broken.context.route('**/api/v1/revenue*', (route) =>
      route.fulfill({ status: 503, contentType: 'application/json', body: REFUSAL }),
    )
    await broken.page.goto('/')
    await broken.page.locator('main[data-state="ready"], main[data-state="error"]').waitFor()
    await broken.context.unroute('**/api/v1/revenue*')
    await eventually(async () => {
      const retry = broken.page.locator('button[data-retry]:visible')
      // The page tries again by itself as well; then the button goes away.
      if ((await retry.count()) > 0) await retry.first().click({ timeout: 1000 })
      assert.equal(await broken.page.locator('main').getAttribute('data-state'), 'ready')
    })
    await broken.close()
  })
})

async function runInShell(command: string): Promise<string> {
  const shell = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  shell.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  const [code] = await once(shell, 'close')
  assert.equal(code, 0, `${command}\n${text}`)
  return text
}

/** One message, as `wire.ts` has it. */
function troubledStream(): string {
  const message: LiveMessage = {
    now: new Date().toISOString(),
    version: '1',
    seconds: [],
    completeTo: null,
    committedAt: null,
    secondsBehind: 40,
    newest: null,
    stored: 1,
    problems: [PROBLEM],
  }
  return `id: 1\nevent: live\ndata: ${JSON.stringify(message)}\n\n`
}
