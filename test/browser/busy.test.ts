/**
 * Large figures, as a product with much traffic has them: nothing is cut off, nothing overlaps, at
 * any width.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MINUTE_MS } from './support/ad-events.ts'
import { readTiles, visit } from './support/dashboard.ts'
import { expectNoScrollSideways } from './support/layout.ts'
import { openSite, type Site } from './support/site.ts'
import { skipBrowser } from './support/watched-page.ts'

const WIDTHS = [390, 768, 1024, 1280, 1600]

describe('large figures', { skip: skipBrowser }, () => {
  let site: Site

  before(async () => {
    site = await openSite()
    await site.send([
      {
        campaign: 'large',
        ageMs: 3 * MINUTE_MS,
        impressions: 400,
        clicks: 7,
        conversions: 1,
        revenue: [9_876_543.21],
      },
      { campaign: 'refunds', ageMs: 3 * MINUTE_MS, clicks: 2, revenue: [-765_432.1] },
    ])
  })

  after(async () => {
    await site?.close()
  })

  for (const width of WIDTHS) {
    test(`every tile shows its whole number in a window of ${width} px`, async () => {
      const watched = await site.open({ width, height: 900 })
      await visit(watched.page, '/')
      const { revenue } = await readTiles(watched.page)
      assert.ok(Math.abs((revenue.value ?? 0) - 9_111_111.11) < 0.001)
      const cut = await watched.page
        .locator('[data-tile] [data-value]')
        .evaluateAll((values) =>
          values
            .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
            .map(({ textContent }) => textContent),
        )
      assert.deepEqual(cut, [])
      await expectNoScrollSideways(watched.page)
      await watched.close()
    })
  }
})
