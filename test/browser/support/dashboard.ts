/**
 * The page as its marks in the document tell it (`data-tile`, `data-cell`, …): what is shown, as
 * raw numbers and as texts, and the few ways to act on it that several tests share.
 */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import {
  MEASURE_IDS,
  MEASURES,
  type MeasureId,
  type RangeId,
} from '../../../src/dashboard-definition/definition.ts'
import type { Figures } from './sql.ts'

export type Shown = Readonly<{ value: number | null; text: string }>
export type ShownFigures = Readonly<Record<MeasureId, Shown>>
export type ShownRow = Readonly<{ campaign: string; cells: ShownFigures }>
export type State = 'loading' | 'empty' | 'ready' | 'error' | 'signed-out'

/** Opens a path of the page and waits until it shows what it is about to show. */
export async function visit(page: Page, path: string, state: State = 'ready'): Promise<void> {
  await page.goto(path)
  await waitForState(page, state)
}

export async function waitForState(page: Page, state: State): Promise<void> {
  await page.locator(`main[data-state="${state}"]`).waitFor()
}

export async function waitUntilLive(page: Page): Promise<void> {
  await page.locator('[data-connection="live"]').first().waitFor()
}

type Raw = Readonly<{ name: string; value: string | null; text: string }>

function shownOf(raw: readonly Raw[], where: string): ShownFigures {
  const pairs = MEASURE_IDS.map((id) => {
    const found = raw.filter(({ name }) => name === id)
    assert.equal(found.length, 1, `${where}: ${found.length} elements for ${id}`)
    const [{ value, text } = { value: null, text: '' }] = found
    assert.notEqual(value, null, `${where}: ${id} has no raw value`)
    return [id, { value: value === '' ? null : Number(value), text: text.trim() }] as const
  })
  return Object.fromEntries(pairs) as ShownFigures
}

export async function readTiles(
  page: Page,
  mark: 'data-value' | 'data-change' = 'data-value',
): Promise<ShownFigures> {
  const raw = await page.locator('[data-tile]').evaluateAll(
    (tiles, name) =>
      tiles.map((tile) => {
        const element = tile.querySelector(`[${name}]`)
        return {
          name: tile.getAttribute('data-tile') ?? '',
          value: element?.getAttribute(name) ?? null,
          text: element?.textContent ?? '',
        }
      }),
    mark,
  )
  return shownOf(raw, 'tiles')
}

export async function readRows(page: Page): Promise<readonly ShownRow[]> {
  const rows = await page
    .locator('[data-table="campaigns"] tbody tr[data-campaign]')
    .evaluateAll((found) =>
      found.map((row) => ({
        campaign: row.getAttribute('data-campaign') ?? '',
        cells: [...row.querySelectorAll('[data-cell]')].map((cell) => ({
          name: cell.getAttribute('data-cell') ?? '',
          value: cell.getAttribute('data-value'),
          text: cell.textContent ?? '',
        })),
      })),
    )
  return rows.map(({ campaign, cells }) => ({ campaign, cells: shownOf(cells, campaign) }))
}

export type BreakdownRow = Readonly<{ value: string; cells: ShownFigures; share: number | null }>

export async function readBreakdown(page: Page): Promise<readonly BreakdownRow[]> {
  const rows = await page
    .locator('[data-table="breakdown"] [data-value-row]')
    .evaluateAll((found) =>
      found.map((row) => ({
        value: row.getAttribute('data-value-row') ?? '',
        share: row.querySelector('[data-share]')?.getAttribute('data-share') ?? '',
        cells: [...row.querySelectorAll('[data-cell]')].map((cell) => ({
          name: cell.getAttribute('data-cell') ?? '',
          value: cell.getAttribute('data-value'),
          text: cell.textContent ?? '',
        })),
      })),
    )
  return rows.map(({ value, share, cells }) => ({
    value,
    share: share === '' ? null : Number(share),
    cells: shownOf(cells, value),
  }))
}

export async function readTotals(page: Page): Promise<ShownFigures> {
  const raw = await page
    .locator('[data-table="campaigns"] tfoot [data-cell]')
    .evaluateAll((cells) =>
      cells.map((cell) => ({
        name: cell.getAttribute('data-cell') ?? '',
        value: cell.getAttribute('data-value'),
        text: cell.textContent ?? '',
      })),
    )
  return shownOf(raw, 'totals')
}

export function valuesOf(shown: ShownFigures): Figures {
  return Object.fromEntries(MEASURE_IDS.map((id) => [id, shown[id].value])) as Figures
}

export type ChartName = 'trend' | 'revenue' | 'realtime'
export type ChartTable = Readonly<{ headers: readonly string[]; rows: readonly string[][] }>

/** The table behind a chart, as a screen reader's user meets it; opens it first. */
export async function readChartTable(page: Page, chart: ChartName): Promise<ChartTable> {
  const details = page.locator(`[data-chart="${chart}"] details[data-as-table]`)
  if (!(await details.evaluate((element) => (element as HTMLDetailsElement).open))) {
    // It is filled when it hears that it was opened, which is a moment after the click.
    const opened = details.evaluate(
      (element) =>
        new Promise<void>((resolve) => {
          element.addEventListener('toggle', () => resolve(), { once: true })
        }),
    )
    await details.locator('summary').click()
    await opened
  }
  return await details.locator('table').evaluate((table) => {
    const textsOf = (row: Element): string[] =>
      [...row.children].map((cell) => (cell.textContent ?? '').trim())
    const heads = [...table.querySelectorAll('thead tr')].at(-1)
    return {
      headers: heads === undefined ? [] : textsOf(heads),
      rows: [...table.querySelectorAll('tbody tr')].map(textsOf),
    }
  })
}

/**
 * A measure written out in full, as the definition has it; texts are compared without spaces and
 * signs of unit.
 */
export function fullText(id: MeasureId, value: number, locale = 'en-US'): string {
  const { unit, digits: ofMeasure } = MEASURES[id]
  const size = Math.abs(value)
  // Money has two decimals from 1 up, and below 1 two digits that are not leading zeros.
  const below1 = Number(size.toPrecision(2)).toFixed(6).replace(/0+$/, '').length - '0.'.length
  const ofMoney = size === 0 || size >= 1 ? 2 : Math.max(ofMeasure, below1)
  const digits = unit === 'money' ? ofMoney : ofMeasure
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value)
}

/** A text of the page without what surrounds its number. */
export function bareNumber(text: string): string {
  return text.replace(/[\s\u00a0\u202f%+]/g, '').replace('\u2212', '-')
}

/** Texts say what the raw values say, and a ratio without a divisor is no number. */
export function expectTexts(shown: ShownFigures, where: string, locale = 'en-US'): void {
  for (const id of MEASURE_IDS) {
    const { value, text } = shown[id]
    if (value === null) assert.match(text, /^\D+$/, `${where}: ${id} without a value`)
    else assert.equal(bareNumber(text), fullText(id, value, locale), `${where}: ${id}`)
  }
}

/** Chooses a range by hand, in the menu if it is there. */
export async function chooseRange(page: Page, id: RangeId): Promise<void> {
  const choice = page.locator(`[data-range="${id}"]`)
  if (!(await choice.isVisible())) await page.locator('[data-range-menu]').click()
  await choice.click()
}

export type FilterName = 'campaign' | 'platform' | 'country' | 'device'

/** Opens a filter and tells what it offers. */
export async function openFilter(page: Page, filter: FilterName): Promise<string> {
  const part = page.locator(`[data-filter="${filter}"]`)
  await part.locator('button').first().click()
  await part.locator('[data-choice]').first().waitFor()
  return await shownText(part.locator('[popover]'))
}

/** Chooses one value of a filter by hand, looking for it as one does among many. */
export async function chooseValue(page: Page, filter: FilterName, value: string): Promise<void> {
  await openFilter(page, filter)
  const part = page.locator(`[data-filter="${filter}"]`)
  await part.locator('input[type="search"]').fill(value)
  await part.locator(`[data-choice="${value}"]`).check()
  await page.keyboard.press('Escape')
}

/** The text as a reader sees it, without what is hidden. */
export async function shownText(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: textContent has the hidden parts as well
  return await locator.innerText()
}

export async function signIn(page: Page, key: string): Promise<void> {
  const form = page.locator('form[data-sign-in]')
  await form.locator('input[type="password"]').fill(key)
  await form.locator('button').first().click()
}
