/**
 * README's "Send events" in a browser: its lines on a page of another origin, with the
 * configuration that stands there, and under the policy of docs/sending.md.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { parse } from 'yaml'
import { waitUntilSettled } from '../support/client.ts'
import { runCommand } from '../support/product.ts'
import { guideLines, readmeLines } from '../support/sending-guide.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { skipBrowser } from './support/watched-page.ts'

const [DOCUMENTED_URL, DOCUMENTED_SHOP] = ['https://metrics.example', 'https://shop.example']
const PAGE_KEY = 'page-key-0123456789'
/** A browser that is driven calls itself one, also in beacons of a page that pretends otherwise. */
const BOTS = { bots: 'accept' }

describe('README in a browser', { skip: skipBrowser }, () => {
  let site: Site
  let shop: Server
  let page: Page
  const origin = (): string => `http://127.0.0.1:${(shop.address() as AddressInfo).port}`

  before(async () => {
    shop = createServer((_, response) => response.end())
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve))
    site = await openSite({ ...parse(documented('**From web pages')), ...BOTS })
    shop.removeAllListeners('request').on('request', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': policy() })
      response.end(html())
    })
    page = await site.browser.newPage()
  })

  after(async () => {
    shop?.closeAllConnections()
    shop?.close()
    await site?.close()
  })

  function policy(): string {
    const [, policy] = guideLines('Content security policy', '').trim().split('-Policy: ')
    assert.ok(policy !== undefined)
    return policy.replaceAll(DOCUMENTED_URL, site.url())
  }

  function documented(lead: string): string {
    return readmeLines(lead)
      .replaceAll(DOCUMENTED_URL, site?.url() ?? '')
      .replaceAll(DOCUMENTED_SHOP, origin())
      .replaceAll(encodeURIComponent(DOCUMENTED_SHOP), encodeURIComponent(origin()))
      .replaceAll('PAGE_KEY', PAGE_KEY)
  }

  function html(): string {
    const leads = ['**A web page**', '**A pixel**', '**A click link**']
    return `<!doctype html>${leads.map(documented).join('<p>')}`
  }

  async function countsOf(user: string): Promise<readonly unknown[]> {
    const { stdout, stderr } = await runCommand(site.folder, [
      'query',
      'select event_type, count(*)::integer as n from campaign_events ' +
        `where campaign_id = 'spring' and user_id ${user} 'anonymous' group by 1 order by 1`,
      '--json',
    ])
    assert.notEqual(stdout, '', stderr)
    return JSON.parse(stdout)
  }

  test('without code: the element in view and the pixel are impressions', async () => {
    await page.goto(origin())
    await eventually(async () => assert.equal((await waitUntilSettled(site.url())).stored, 2))
    assert.deepEqual(await countsOf('<>'), [{ event_type: 'impression', n: 1 }])
    assert.deepEqual(await countsOf('='), [{ event_type: 'impression', n: 1 }])
  })

  test('the click on the element and the one on the click link lead to the shop', async () => {
    for (const name of ['Spring sale', 'Sale']) {
      await page.getByRole('link', { name, exact: true }).click()
      await page.waitForURL(`${origin()}/sale`)
      await page.goto(origin())
    }
    // Each page that comes into view has a pixel, and an element of its own.
    await eventually(async () => {
      await waitUntilSettled(site.url())
      assert.deepEqual((await countsOf('<>'))[0], { event_type: 'click', n: 1 })
      assert.deepEqual((await countsOf('='))[0], { event_type: 'click', n: 1 })
    })
  })
})
