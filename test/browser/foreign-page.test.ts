/**
 * What a page of another origin can do to a collector through the browser of somebody who visits
 * it: nothing in the default configuration on loopback, and with a page key no more than that key
 * may do.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { get } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { runCommand } from '../support/product.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { skipBrowser } from './support/watched-page.ts'

const WRITE = 'write-key-0123456789'
const READ = 'read-key-0123456789'
const PAGE = 'page-key-0123456789'
/** Headless browsers are known as bots. */
const PERSON =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 ' +
  'Safari/537.36'

type Foreign = Readonly<{ origin: string; close(): void }>

/** A page of another site, by its name and its port. */
async function openForeign(): Promise<Foreign> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<!doctype html><title>foreign</title><body></body>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { origin: `http://localhost:${port}`, close: () => server.close() }
}

async function visitForeign(site: Site, { origin }: Foreign): Promise<Page> {
  const context = await site.browser.newContext({ userAgent: PERSON })
  const page = await context.newPage()
  await page.goto(origin)
  return page
}

async function receivedBy(site: Site): Promise<number> {
  const { text } = await get(site.url(), '/v1/status', { 'x-api-key': READ })
  return JSON.parse(text).ledger.received
}

/** All ways of a page to send a request; resolves once each has been answered or given up. */
async function attack(page: Page, url: string, event: string, query: string): Promise<void> {
  await page.evaluate(
    async ([to, body, parameters]) => {
      const events = `${to}/v1/events?${parameters}`
      const settled = (element: HTMLElement) =>
        new Promise((resolve) => {
          element.addEventListener('load', resolve)
          element.addEventListener('error', resolve)
          document.body.append(element)
        })
      const post = (target: string, init: RequestInit) =>
        fetch(target, { method: 'POST', body, ...init }).catch(() => null)
      const json = { 'content-type': 'application/json' }
      await Promise.all([
        post(events, {}),
        post(events, { mode: 'no-cors' }),
        post(events, { mode: 'no-cors', credentials: 'include', keepalive: true }),
        post(events, { headers: json }),
        post(events, { headers: { ...json, authorization: 'Bearer any' } }),
        post(`${to}/iceberg/v1/namespaces`, { mode: 'no-cors' }),
        post(`${to}/api/v1/session`, { mode: 'no-cors' }),
        fetch(events, { method: 'PUT', body }).catch(() => null),
      ])
      navigator.sendBeacon(events, body)
      navigator.sendBeacon(events, new Blob([body], { type: 'text/plain' }))
      for (const path of ['pixel.gif', 'click', 'events']) {
        const target = `${to}/v1/${path}?${parameters}&to=${encodeURIComponent(location.origin)}`
        await Promise.all([
          settled(Object.assign(new Image(), { src: target })),
          settled(Object.assign(document.createElement('script'), { src: target })),
          settled(Object.assign(document.createElement('iframe'), { src: target })),
          settled(
            Object.assign(document.createElement('link'), { rel: 'stylesheet', href: target }),
          ),
          fetch(target, { mode: 'no-cors' }).catch(() => null),
          fetch(target, { method: 'HEAD', mode: 'no-cors' }).catch(() => null),
        ])
      }
      // A form's line `name=value` that is the JSON of an event.
      const frame = document.createElement('iframe')
      frame.name = 'answers'
      document.body.append(frame)
      for (const enctype of ['text/plain', 'application/x-www-form-urlencoded']) {
        const form = document.createElement('form')
        Object.assign(form, { action: events, method: 'post', enctype, target: 'answers' })
        const input = document.createElement('input')
        input.name = body.replace(/}$/, ',"x":"')
        input.value = '"}'
        form.append(input)
        const answered = new Promise((resolve) => frame.addEventListener('load', resolve))
        document.body.append(form)
        form.submit()
        await answered
      }
    },
    [url, event, query] as const,
  )
}

describe('a foreign page', { skip: skipBrowser }, () => {
  let foreign: Foreign
  before(async () => {
    foreign = await openForeign()
  })
  after(() => foreign?.close())

  describe('on the default configuration', () => {
    let site: Site
    before(async () => {
      site = await openSite()
    })
    after(() => site?.close())

    test('cannot write in any way, and reads nothing', async () => {
      const page = await visitForeign(site, foreign)
      const query = `key=${PAGE}&campaign_id=c&event_type=click`
      await attack(page, site.url(), eventLine({ event_id: 'evil' }), query)
      // A navigation of the whole page is the last thing it does.
      await page.goto(`${site.url()}/v1/click?${query}&to=${foreign.origin}`)
      await page.goto(foreign.origin)
      await page.evaluate((target) => {
        const link = Object.assign(document.createElement('a'), { href: target })
        document.body.append(link)
        link.click()
      }, `${site.url()}/v1/pixel.gif?${query}`)
      await page.waitForURL(/pixel/)
      assert.equal(await receivedBy(site), 0)
      await page.goto(foreign.origin)
      assert.deepEqual(await readAll(page, site.url()), [])
      // Were the attack none, it would prove nothing: the collector has seen and refused it.
      assert.match(site.product().output(), /Events are refused \(origin-not-allowed\)/)
      assert.match(site.product().output(), /Events are refused \(not-found\)/)
      await page.context().close()
    })
  })

  describe('with a page key', () => {
    let site: Site
    before(async () => {
      site = await openSite({
        keys: { write: [WRITE], read: [READ], page: [PAGE] },
        cors: [foreign.origin],
        redirects: [foreign.origin],
        page: { keyRate: 100 },
      })
    })
    after(() => site?.close())

    const send = (page: Page, body: string) =>
      page.evaluate(
        async ([to, text]) => {
          const answer = await fetch(to, { method: 'POST', body: text })
          return { status: answer.status, text: await answer.text() }
        },
        [`${site.url()}/v1/events?key=${PAGE}`, body] as const,
      )

    test('sends clicks, and cannot send a conversion in any way', async () => {
      const page = await visitForeign(site, foreign)
      const click = await send(page, eventLine({ event_id: 'click', campaign_id: 'a' }))
      assert.deepEqual([click.status, JSON.parse(click.text).accepted], [200, 1])
      const fields = { campaign_id: 'sold', event_type: 'conversion', revenue: 1000 }
      const query = `key=${PAGE}&campaign_id=sold&event_type=conversion&revenue=1000`
      await attack(page, site.url(), eventLine({ event_id: 'sale', ...fields }), query)
      const sold = "select count(*)::integer as n from campaign_events where campaign_id = 'sold'"
      await eventually(async () => {
        const status = await get(site.url(), '/v1/status', { 'x-api-key': READ })
        const { ledger } = JSON.parse(status.text)
        assert.equal(ledger.waiting, 0)
        assert.ok(ledger.rejected > 10, JSON.stringify(ledger))
        assert.equal(ledger.stored, 1)
        assert.equal(ledger.received, ledger.stored + ledger.rejected)
      })
      const rows = await runCommand(site.folder, ['query', sold, '--json'])
      assert.deepEqual(JSON.parse(rows.stdout), [{ n: 0 }])
      await page.context().close()
    })

    test('reads nothing', async () => {
      const page = await visitForeign(site, foreign)
      assert.deepEqual(await readAll(page, site.url()), [])
      await page.context().close()
    })

    test('cannot exceed its rate', async () => {
      const page = await visitForeign(site, foreign)
      const startMs = performance.now()
      const before = await receivedBy(site)
      const statuses = new Set<number>()
      let made = 0
      while (!statuses.has(429)) {
        const lines = Array.from({ length: 300 }, () => eventLine({ event_id: `r${made++}` }))
        statuses.add((await send(page, lines.join('\n'))).status)
      }
      assert.ok(statuses.has(200))
      const taken = (await receivedBy(site)) - before
      // Ten seconds of the rate at once, and the rate since.
      const most = 1000 + ((performance.now() - startMs) / 1000) * 100
      assert.ok(taken <= most, `${taken} events in a time for ${most}`)
      await page.context().close()
    })
  })
})

/** What the page is given of the collector's answers, each asked for in several ways. */
async function readAll(page: Page, url: string): Promise<readonly string[]> {
  return await page.evaluate(
    async ([to, key]) => {
      const paths = [
        '/v1/status',
        '/metrics',
        '/healthz',
        '/api/v1/summary',
        '/api/v1/campaigns.csv',
        '/iceberg/v1/config',
        '/iceberg/v1/namespaces',
        '/v1/pixel.gif/../status',
        '/',
      ]
      const read: string[] = []
      for (const path of paths) {
        for (const init of [
          {},
          { credentials: 'include' as const },
          { headers: { authorization: `Bearer ${key}` } },
          { mode: 'no-cors' as const },
        ]) {
          const answer = await fetch(`${to}${path}?key=${key}`, init).catch(() => null)
          const text = (await answer?.text().catch(() => '')) ?? ''
          if (text !== '') read.push(`${path}: ${text.slice(0, 80)}`)
        }
      }
      return read
    },
    [url, PAGE] as const,
  )
}
