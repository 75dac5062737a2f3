/**
 * The watch itself: it sees each kind of fault on a page that has it, and axe and the shift meter
 * see theirs.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { findViolations } from './support/axe.ts'
import { launchBrowser } from './support/browser.ts'
import { eventually } from './support/eventually.ts'
import { expectNoScrollSideways, readShifts, watchShifts } from './support/layout.ts'
import { openWatchedPage, skipBrowser } from './support/watched-page.ts'

const HEAD =
  '<!doctype html><html lang="en"><head><title>page</title><link rel="icon" href="data:,">'

const POLICY = "default-src 'self'; img-src 'self' data:"

/** Path → what the page has wrong. */
const PAGES: Readonly<Record<string, string>> = {
  '/clean': '<main><h1>clean</h1></main>',
  '/console': '<script src="/script?console.error(1)"></script>',
  '/warning': '<script src="/script?console.warn(1)"></script>',
  '/exception': '<script src="/script?missing()"></script>',
  '/inline': '<script>1</script>',
  '/style': '<p style="color:red">styled</p>',
  '/absent': '<img src="/nothing.png" alt="">',
  '/elsewhere': '<script src="/script?fetch(\'http://127.0.0.2:65000/\').catch(()=>{})"></script>',
  '/unnamed': '<main><button></button></main>',
  '/wide':
    '<main><div id="wide">w</div></main><script src="/script?wide.style.width=\'900px\'"></script>',
  '/jumps':
    '<main><div id="top"></div><h1>text that moves</h1></main><script src="' +
    "/script?setTimeout(()=>{document.getElementById('top').style.height='300px'},300)" +
    '"></script>',
}

const SEEN: readonly (readonly [string, RegExp])[] = [
  ['/console', /console error/],
  ['/warning', /console warning/],
  ['/exception', /page error/],
  ['/inline', /policy violation: script-src-elem inline/],
  ['/style', /policy violation: style-src-attr inline/],
  ['/absent', /answer 404/],
  ['/elsewhere', /request elsewhere: http:\/\/127\.0\.0\.2:65000\//],
]

describe('the watch over a page', { skip: skipBrowser }, () => {
  let server: Server
  let browser: Browser
  let origin = ''

  before(async () => {
    server = createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
      if (pathname === '/script') {
        response.writeHead(200, { 'content-type': 'text/javascript' })
        response.end(decodeURIComponent(search.slice(1)))
        return
      }
      const body = PAGES[pathname]
      response.writeHead(body === undefined ? 404 : 200, {
        'content-type': 'text/html',
        // Where the policy would hold the request back, the request itself would not be seen.
        ...(pathname === '/elsewhere' ? {} : { 'content-security-policy': POLICY }),
      })
      response.end(`${HEAD}</head><body>${body ?? ''}</body></html>`)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await launchBrowser()
  })

  after(async () => {
    await browser?.close()
    server?.close()
    server?.closeAllConnections()
  })

  test('a page without a fault passes', async () => {
    const watched = await openWatchedPage(browser, origin)
    await watched.page.goto('/clean')
    assert.deepEqual(await findViolations(watched.page), [])
    await expectNoScrollSideways(watched.page)
    await watched.close()
  })

  for (const [path, fault] of SEEN) {
    test(`it sees ${path.slice(1)}`, async () => {
      const watched = await openWatchedPage(browser, origin)
      await watched.page.goto(path)
      await eventually(() => assert.throws(watched.expectClean, fault))
      watched.allow(/./)
      await watched.close()
    })
  }

  test('axe sees a nameless button, the width check a wide page, the meter a jump', async () => {
    const watched = await openWatchedPage(browser, origin, { width: 390, height: 800 })
    await watchShifts(watched.context)
    await watched.page.goto('/unnamed')
    const found = (await findViolations(watched.page)).map(({ rule }) => rule).join(' ')
    assert.match(found, /button-name/)
    await watched.page.goto('/wide')
    await assert.rejects(expectNoScrollSideways(watched.page), /900 px|in 390/)
    await watched.page.goto('/jumps')
    await eventually(async () => assert.ok((await readShifts(watched.page)).sum > 0.02))
    await watched.close()
  })
})
