/**
 * README's "Send events" in a browser: its lines on a page of another origin, with the
 * configuration that stands there, and under the policy of docs/sending.md.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { parse } from 'yaml'
import { waitUntilSettled } from '../support/client.ts'
import { runCommand } from '../support/product.ts'
import { guideLines, installSdk, readmeLines } from '../support/sending-guide.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { skipBrowser } from './support/watched-page.ts'

const [DOCUMENTED_URL, DOCUMENTED_SHOP] = ['https://metrics.example', 'https://shop.example']
const PAGE_KEY = 'page-key-0123456789'
/** A browser that is driven says so, and what is driven is no person. */
const PERSON = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36'

describe('README in a browser', { skip: skipBrowser }, () => {
  let site: Site
  let shop: Server
  let page: Page
  const origin = (): string => `http://127.0.0.1:${(shop.address() as AddressInfo).port}`

  before(async () => {
    shop = createServer((_, response) => response.end())
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve))
    site = await openSite(parse(documented('**From web pages')))
    const sdk = await readFile(await installSdk(site.folder.path))
    shop.removeAllListeners('request').on('request', ({ url }, response) => {
      const [type, body] = url === '/sdk.js' ? ['text/javascript', sdk] : ['text/html', html()]
      response.writeHead(200, { 'content-type': type, 'content-security-policy': policy() })
      response.end(body)
    })
    const context = await site.browser.newContext({ userAgent: PERSON })
    page = await context.newPage()
  })

  after(async () => {
    shop?.closeAllConnections()
    shop?.close()
    await site?.close()
  })

  /** The scripts of this page stand in it. */
  function policy(): string {
    const [, policy] = guideLines('Content security policy', '').trim().split('-Policy: ')
    assert.ok(policy !== undefined)
    const here = policy.replaceAll(DOCUMENTED_URL, site.url())
    return here.replace("'self'", "'self' 'nonce-here'")
  }

  function documented(lead: string): string {
    return readmeLines(lead)
      .replaceAll(DOCUMENTED_URL, site?.url() ?? '')
      .replaceAll(DOCUMENTED_SHOP, origin())
      .replaceAll(encodeURIComponent(DOCUMENTED_SHOP), encodeURIComponent(origin()))
      .replaceAll('PAGE_KEY', PAGE_KEY)
  }

  function html(): string {
    const imports = '{ "imports": { "campaign-metrics-sdk": "/sdk.js" } }'
    return (
      `<!doctype html><script type="importmap" nonce="here">${imports}</script>` +
      '<button id="offer">Sale</button>' +
      `<script type="module" nonce="here">${documented('**In a browser**')}</script>` +
      documented('**A pixel**') +
      documented('**A click link**')
    )
  }

  async function countsOf(user: string): Promise<unknown> {
    const { stdout, stderr } = await runCommand(site.folder, [
      'query',
      'select event_type, count(*)::integer as n from campaign_events ' +
        `where campaign_id = 'spring' and user_id ${user} 'anonymous' group by 1 order by 1`,
      '--json',
    ])
    assert.notEqual(stdout, '', stderr)
    return JSON.parse(stdout)
  }

  test('the SDK counts an impression and a click, and the pixel an impression', async () => {
    await page.goto(origin(), { waitUntil: 'networkidle' })
    await page.locator('#offer').click()
    await eventually(async () => assert.equal((await waitUntilSettled(site.url())).stored, 3))
    const [click, impression] = ['click', 'impression'].map((type) => ({ event_type: type, n: 1 }))
    assert.deepEqual(await countsOf('<>'), [click, impression])
    assert.deepEqual(await countsOf('='), [impression])
  })

  test('the click link counts a click and leads to the shop', async () => {
    await page.getByRole('link', { name: 'Sale' }).click()
    await page.waitForURL(`${origin()}/sale`)
    // The page at the end of the link is the same one, with its impressions.
    await eventually(async () => assert.equal((await waitUntilSettled(site.url())).stored, 6))
    assert.deepEqual(await countsOf('='), [
      { event_type: 'click', n: 1 },
      { event_type: 'impression', n: 2 },
    ])
  })
})
