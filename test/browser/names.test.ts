/**
 * Campaigns by the names of a file (`campaignNames`): on the page, in the search and in the CSV. The
 * file may be missing, broken, replaced or hostile; figures stay those of the ids.
 */
import assert from 'node:assert/strict'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { get, readStatus } from '../support/client.ts'
import { runCommand } from '../support/product.ts'
import { type AdEvents, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import { parseCsv } from './support/csv.ts'
import {
  chooseValue,
  openFilter,
  readChartTable,
  readRows,
  shownText,
  visit,
} from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { query } from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const SPRING = '12021234567890111'
const AUTUMN = '12021234567890222'
const SECOND_SPRING = '12021234567890333'
const UNNAMED = 'no-name'
const HOSTILE = '12021234567890444'
const IMAGE = '<img src=x onerror="window.harmed=1">'
const FILE = `\ufeffcampaign_id;name\r
${SPRING};Frühling 2026\r
${AUTUMN};"Herbst; ""Ernte"""\r
${HOSTILE};"${IMAGE.replaceAll('"', '""')}"\r
`

const EVENTS: readonly AdEvents[] = [SPRING, AUTUMN, SECOND_SPRING, UNNAMED, HOSTILE].map(
  (campaign, at) => ({
    campaign,
    ageMs: 3 * MINUTE_MS,
    impressions: 50 - at,
    clicks: 10 - at,
    conversions: 1,
    revenue: [100 - at],
  }),
)

describe('names of campaigns', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page

  const write = async (text: string): Promise<void> => {
    const path = join(site.folder.path, 'campaigns.csv')
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
  }
  const problems = () => shownText(page.locator('[data-problems]'))
  const namesInTable = async (): Promise<readonly string[]> =>
    await page.locator('[data-table="campaigns"] tbody .campaign-name').allInnerTexts()

  before(async () => {
    site = await openSite({ campaignNames: './campaigns.csv' })
    await site.send(EVENTS)
    watched = await site.open()
    page = watched.page
    await visit(page, '/?lines=campaigns')
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('a file that is missing is reported, ids are shown, and all is healthy', async () => {
    await eventually(async () => assert.match(await problems(), /there is no such file/))
    assert.deepEqual(
      await namesInTable(),
      EVENTS.map(({ campaign }) => campaign),
    )
    assert.equal((await get(site.url(), '/healthz')).status, 200)
    const { notices } = await readStatus(site.url())
    assert.match(String(notices), /campaigns\.csv cannot be used: there is no such file/)
    assert.match(site.product().output(), /campaigns\.csv cannot be used/)
  })

  test('names appear by themselves, each with its id; who has none keeps the id', async () => {
    await write(FILE)
    await eventually(async () =>
      assert.deepEqual(await namesInTable(), [
        `Frühling 2026\n${SPRING}`,
        `Herbst; "Ernte"\n${AUTUMN}`,
        SECOND_SPRING,
        UNNAMED,
        `${IMAGE}\n${HOSTILE}`,
      ]),
    )
    await page.locator('[data-problems]').waitFor({ state: 'hidden' })
    const revenue = await readChartTable(page, 'revenue')
    assert.deepEqual(
      revenue.rows.slice(0, 5).map(([name]) => name),
      ['Frühling 2026', 'Herbst; "Ernte"', SECOND_SPRING, UNNAMED, IMAGE],
    )
    const trend = await readChartTable(page, 'trend')
    assert.ok(trend.headers.includes('Frühling 2026'), trend.headers.join())
    const made = await page.evaluate(() => Reflect.get(window, 'harmed'))
    assert.equal(made, undefined)
    assert.deepEqual(await findViolations(page), [])
  })

  test('figures beside a name are those of its id', async () => {
    const rows = await query(
      site.folder,
      `select campaign_id as campaign, sum(impressions)::double as impressions
       from campaign_metrics group by all`,
    )
    const shown = await readRows(page)
    assert.deepEqual(
      new Map(shown.map(({ campaign, cells }) => [campaign, cells.impressions.value])),
      new Map(
        rows
          .toSorted((a, b) => Number(b.impressions) - Number(a.impressions))
          .map(({ campaign, impressions }) => [campaign, impressions]),
      ),
    )
  })

  test('the table is searched by name and by id, without accents too', async () => {
    const search = page.locator('input[data-search]')
    for (const [text, found] of [
      ['fruhling', SPRING],
      ['FRU\u0308HL', SPRING],
      ['890222', AUTUMN],
    ] as const) {
      await search.fill(text)
      await eventually(async () =>
        assert.deepEqual(
          (await readRows(page)).map(({ campaign }) => campaign),
          [found],
        ),
      )
    }
    await search.fill('')
  })

  test('a campaign is chosen by its name; its chip has the name, also from a link', async () => {
    await visit(page, '/')
    assert.match(await openFilter(page, 'campaign'), /Frühling 2026/)
    await page.keyboard.press('Escape')
    await page.locator('[data-filter="campaign"] button').first().click()
    await page.locator('[data-filter="campaign"] input[type="search"]').fill('ernte')
    const choices = page.locator('[data-filter="campaign"] [data-choice]')
    // Before the search is answered the list is longer, and moves.
    await eventually(async () => assert.equal(await choices.count(), 1))
    await page.locator(`[data-filter="campaign"] [data-choice="${AUTUMN}"]`).check()
    await page.keyboard.press('Escape')
    const chip = page.locator(`[data-chip="campaign:${AUTUMN}"]`)
    assert.match(await shownText(chip), /Herbst; "Ernte"/)
    await visit(page, `/?campaign=${SPRING}&campaign=never-sent`)
    const others = page.locator('[data-chip]')
    await eventually(async () =>
      assert.match((await others.allInnerTexts()).join(), /Frühling 2026.*never-sent/s),
    )
    await chooseValue(page, 'campaign', SECOND_SPRING)
    assert.deepEqual(await findViolations(page), [])
  })

  test('two campaigns of one name are told apart', async () => {
    await write(`${FILE}${SECOND_SPRING};Frühling 2026\r\n`)
    await visit(page, '/')
    await eventually(async () => {
      const { rows } = await readChartTable(page, 'revenue')
      assert.deepEqual(
        [rows[0]?.[0], rows[2]?.[0]],
        [`Frühling 2026 (${SPRING})`, `Frühling 2026 (${SECOND_SPRING})`],
      )
    })
  })

  test('the CSV has names and ids', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('a[data-export]').click(),
    ])
    const [, ...rows] = parseCsv(await readFile(await download.path(), 'utf8'))
    assert.deepEqual(
      rows.map(([id, name]) => [id, name]),
      [
        [SPRING, 'Frühling 2026'],
        [AUTUMN, 'Herbst; "Ernte"'],
        [SECOND_SPRING, 'Frühling 2026'],
        [UNNAMED, ''],
        [HOSTILE, IMAGE],
      ],
    )
  })

  test('a broken file is reported, and the names before stay until it is repaired', async () => {
    await write(`${FILE}${SPRING};Sommer\r\n`)
    await eventually(async () =>
      assert.match(await problems(), /has two names.*names read before/s),
    )
    await page.reload()
    await eventually(async () =>
      assert.equal((await namesInTable())[0], `Frühling 2026\n${SPRING}`),
    )
    assert.equal((await get(site.url(), '/healthz')).status, 200)
    await write(`campaign_id,name\n${SPRING},Sommer\n`)
    await eventually(async () =>
      assert.deepEqual((await namesInTable()).slice(0, 2), [`Sommer\n${SPRING}`, AUTUMN]),
    )
    await page.locator('[data-problems]').waitFor({ state: 'hidden' })
  })

  test('`status` without a running process reports the file too', async () => {
    await write('id,name\n')
    await watched.context.close()
    await site.product().stop()
    const { stdout } = await runCommand(site.folder, ['status'])
    assert.match(stdout, /notice .*campaigns\.csv cannot be used: it has no column campaign_id/)
  })
})
