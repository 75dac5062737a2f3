/**
 * The product, started in a folder of its own, and a browser: what each file of browser tests opens
 * once.
 */
import type { Browser } from 'playwright-core'
import { type Accepted, postAccepted, waitUntilSettled } from '../../support/client.ts'
import { type Folder, openFolder } from '../../support/folder.ts'
import { type Product, startProduct } from '../../support/product.ts'
import { type AdEvents, eventsOf } from './ad-events.ts'
import { launchBrowser } from './browser.ts'
import { openWatchedPage, type PageOptions, type WatchedPage } from './watched-page.ts'

export type Site = Readonly<{
  folder: Folder
  browser: Browser
  product(): Product
  url(): string
  /** Ends the product as said, and starts it again where it was. */
  restart(end: 'stop' | 'kill', fields?: Readonly<Record<string, unknown>>): Promise<void>
  /**
   * The events happened as long before now as each group says; resolves once both tables have them.
   */
  send(groups: readonly AdEvents[]): Promise<Accepted>
  open(options?: PageOptions): Promise<WatchedPage>
  close(): Promise<void>
}>

export async function openSite(fields: Readonly<Record<string, unknown>> = {}): Promise<Site> {
  const folder = await openFolder(fields)
  const browser = await launchBrowser()
  let product = await startProduct(folder)
  const { url } = product
  return {
    folder,
    browser,
    product: () => product,
    url: () => url,
    restart: async (end, more = {}) => {
      await product[end]()
      await folder.configure({ ...fields, ...more, listen: new URL(url).host })
      product = await startProduct(folder)
    },
    send: async (groups) => {
      const answer = await postAccepted(url, eventsOf(groups, Date.now()))
      await waitUntilSettled(url)
      return answer
    },
    open: (options) => openWatchedPage(browser, url, options),
    close: async () => {
      await browser.close()
      await product.stop()
      await folder.close()
    },
  }
}
