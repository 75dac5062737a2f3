/** The campaign table: one page at a time from the server, with search, sorting, totals and CSV. */
import {
  type CampaignsAnswer,
  CHARTS,
  type Figures,
  MEASURE_IDS,
  MEASURES,
  PAGE_SIZE,
} from '../dashboard-definition.ts'
import { API } from './api-client.ts'
import { campaignText, openCampaignElement } from './campaign-name.ts'
import { element, icon, placeChildren, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import {
  rangeParameters,
  SEARCH_LENGTH_MAX,
  type SortId,
  type View,
  type ViewStore,
} from './view.ts'

type CampaignTable = Readonly<{
  element: HTMLElement
  update: (answer: CampaignsAnswer, view: View) => void
  setBusy: (isBusy: boolean) => void
}>

type Row = Readonly<{ element: HTMLElement; update: (figures: Figures, share: number) => void }>

const TYPING_MS = 200
const SKELETON_ROWS = 10

/** The request of the page that is shown. */
export function campaignsRequest(view: View): string {
  const asked = listParameters(view)
  if (view.page !== 1) asked.set('page', String(view.page))
  asked.set('size', String(PAGE_SIZE))
  return `campaigns?${asked}`
}

function listParameters(view: View): URLSearchParams {
  const asked = rangeParameters(view)
  if (view.search !== '') asked.set('search', view.search)
  asked.set('sort', view.sort)
  asked.set('order', view.order)
  return asked
}

type TableOptions = Readonly<{
  format: Format
  store: ViewStore
  /** Shows a campaign alone. */
  onCampaign: (campaign: string) => void
}>

export function openCampaignTable({ format, store, onCampaign }: TableOptions): CampaignTable {
  const rows = new Map<string, Row>()
  const body = element('tbody', {}, ...skeletonRows())
  const totals = openTotals(format)
  const head = openCampaignHead(store)
  const pager = openPager(format, (page) => store.change({ page }))
  const table = element(
    'table',
    { class: 'campaigns', attributes: { 'data-table': 'campaigns', 'aria-busy': 'true' } },
    element('caption', { class: 'visually-hidden', text: 'Figures of each campaign' }),
    head,
    body,
    totals.element,
  )
  const exporting = exportLink()
  const search = searchInput(store)

  const rowOf = (campaign: string): Row => {
    const row = rows.get(campaign) ?? openRow(campaign, format, onCampaign)
    rows.set(campaign, row)
    return row
  }
  const show = (view: View): void => {
    exporting.setAttribute('href', `${API}campaigns.csv?${listParameters(view)}`)
    if (search.value !== view.search && document.activeElement !== search)
      search.value = view.search
  }
  show(store.current())
  store.onChange(show)

  return {
    element: tableCard([search, exporting], table, pager.element),
    update: (answer, view) => {
      const lastPage = Math.max(1, Math.ceil(answer.matched / answer.size))
      if (answer.page > lastPage && view === store.current()) {
        store.change({ page: lastPage }, 'same')
        return
      }
      const shown = answer.rows.map(({ campaign }) => rowOf(campaign).element)
      // All bars are scaled to the largest value of the sorted column on this page.
      const by = view.sort === 'campaign' ? 'impressions' : view.sort
      const most = answer.rows.reduce((max, row) => Math.max(max, row[by] ?? 0), 0)
      for (const row of answer.rows) {
        rowOf(row.campaign).update(row, most > 0 ? Math.max(0, (row[by] ?? 0) / most) : 0)
      }
      placeChildren(body, shown.length > 0 ? shown : [noRows(view)])
      for (const [campaign, row] of rows) if (!row.element.isConnected) rows.delete(campaign)
      totals.update(answer.totals, answer.matched)
      pager.update(answer)
    },
    setBusy: (isBusy) => setAttribute(table, 'aria-busy', String(isBusy)),
  }
}

function tableCard(
  [search, exporting]: readonly [search: HTMLElement, exporting: HTMLElement],
  table: HTMLElement,
  pager: HTMLElement,
): HTMLElement {
  const title = element('h2', {
    class: 'card-title',
    text: CHARTS.campaigns.title,
    attributes: { id: 'campaigns-title' },
  })
  const searching = element('div', { class: 'search' }, icon('search'), search)
  return element(
    'section',
    { class: 'card card-campaigns', attributes: { 'aria-labelledby': 'campaigns-title' } },
    element(
      'div',
      { class: 'card-head' },
      title,
      element('div', { class: 'card-tools' }, searching, exporting),
    ),
    element(
      'div',
      {
        class: 'table-scroll',
        attributes: { tabindex: 0, role: 'region', 'aria-label': 'Campaign table' },
      },
      table,
    ),
    pager,
  )
}

function openRow(campaign: string, format: Format, onCampaign: (campaign: string) => void): Row {
  const named = openCampaignElement(campaign)
  const name = element(
    'button',
    {
      class: 'campaign-button',
      attributes: { type: 'button' },
      on: { click: () => onCampaign(campaign) },
    },
    named.element,
  )
  const bar = element('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } })
  const cells = figureCells(format)
  return {
    element: element(
      'tr',
      { attributes: { 'data-campaign': campaign } },
      element('th', { class: 'cell-campaign', attributes: { scope: 'row' } }, bar, name),
      ...cells.elements,
    ),
    update: (figures, share) => {
      named.update()
      setAttribute(name, 'title', `${campaignText(campaign)}\nShow only this campaign`)
      cells.update(figures)
      bar.style.setProperty('--share', share.toFixed(4))
    },
  }
}

type Cells = Readonly<{ elements: readonly HTMLElement[]; update: (figures: Figures) => void }>

function figureCells(format: Format): Cells {
  const cells = MEASURE_IDS.map((id) => ({
    id,
    cell: element('td', { attributes: { 'data-cell': id, 'data-value': '' } }),
  }))
  return {
    elements: cells.map(({ cell }) => cell),
    update: (figures) => {
      for (const { id, cell } of cells) {
        setAttribute(cell, 'data-value', figures[id] === null ? '' : String(figures[id]))
        setText(cell, format.figure(id, figures[id]))
      }
    },
  }
}

function openTotals(
  format: Format,
): Readonly<{ element: HTMLElement; update: (figures: Figures, matched: number) => void }> {
  const label = element('th', {
    class: 'cell-campaign',
    text: 'Total',
    attributes: { scope: 'row' },
  })
  const cells = figureCells(format)
  return {
    element: element('tfoot', {}, element('tr', {}, label, ...cells.elements)),
    update: (figures, matched) => {
      setText(label, matched === 1 ? '1 campaign' : `${format.count(matched)} campaigns`)
      cells.update(figures)
    },
  }
}

function skeletonRows(): HTMLElement[] {
  return Array.from({ length: SKELETON_ROWS }, () =>
    element(
      'tr',
      { class: 'skeleton-row', attributes: { 'aria-hidden': 'true' } },
      ...['campaign', ...MEASURE_IDS].map(() =>
        element('td', {}, element('span', { class: 'skeleton' })),
      ),
    ),
  )
}

function noRows(view: View): HTMLElement {
  const text =
    view.search === ''
      ? 'No events in this range. Try a longer one, or fewer filters.'
      : `No campaign matches “${view.search}”.`
  const cell = element('td', {
    class: 'no-rows',
    text,
    attributes: { colspan: MEASURE_IDS.length + 1 },
  })
  return element('tr', {}, cell)
}

function exportLink(): HTMLElement {
  return element(
    'a',
    {
      class: 'button',
      attributes: {
        'data-export': true,
        download: true,
        title: 'All campaigns that match, as a CSV file',
      },
    },
    icon('download'),
    element('span', { text: 'CSV' }),
  )
}

function searchInput(store: ViewStore): HTMLInputElement {
  let typing: ReturnType<typeof setTimeout> | undefined
  return element('input', {
    class: 'input search-input',
    attributes: {
      type: 'search',
      'data-search': true,
      placeholder: 'Search campaigns',
      'aria-label': 'Search campaigns by name or id',
      autocomplete: 'off',
      spellcheck: 'false',
      maxlength: String(SEARCH_LENGTH_MAX),
    },
    on: {
      input: (_, { value }) => {
        clearTimeout(typing)
        typing = setTimeout(
          () => store.change({ search: value.trim(), page: 1 }, 'same'),
          TYPING_MS,
        )
      },
    },
  })
}

/** The table's head: a click on a column sorts by it, a second one reverses the order. */
function openCampaignHead(store: ViewStore): HTMLElement {
  const columns = (['campaign', ...MEASURE_IDS] as const).map((id) => ({
    id,
    cell: headCell(id, () => sortBy(store, id)),
  }))
  const show = ({ sort, order }: View): void => {
    for (const { id, cell } of columns) {
      const direction = order === 'asc' ? 'ascending' : 'descending'
      setAttribute(cell, 'aria-sort', id === sort ? direction : null)
    }
  }
  show(store.current())
  store.onChange(show)
  return element('thead', {}, element('tr', {}, ...columns.map(({ cell }) => cell)))
}

function headCell(id: SortId, onClick: () => void): HTMLElement {
  const label = id === 'campaign' ? 'Campaign' : MEASURES[id].label
  const title =
    id === 'campaign' ? 'By name, or by id where there is no name.' : MEASURES[id].description
  return element(
    'th',
    {
      class: id === 'campaign' ? 'cell-campaign' : '',
      attributes: { scope: 'col', 'data-sort': id },
    },
    element(
      'button',
      { class: 'sort-button', attributes: { type: 'button', title }, on: { click: onClick } },
      element('span', { text: label }),
      icon('arrow-down'),
    ),
  )
}

/** At first, names ascend and figures descend. */
function sortBy(store: ViewStore, id: SortId): void {
  const { sort, order } = store.current()
  const opposite = order === 'asc' ? 'desc' : 'asc'
  const first = id === 'campaign' ? 'asc' : 'desc'
  store.change({ sort: id, order: id === sort ? opposite : first, page: 1 })
}

type Pager = Readonly<{
  element: HTMLElement
  update: (answer: Pick<CampaignsAnswer, 'page' | 'size' | 'matched' | 'rows'>) => void
}>

/** Which campaigns are on this page, and the buttons to the next and the previous one. */
function openPager(format: Format, onPage: (page: number) => void): Pager {
  let page = 1
  const text = element('p', { class: 'pager-text', text: '\u00a0' })
  const previous = pageButton('previous', 'Previous', () => onPage(page - 1))
  const next = pageButton('next', 'Next', () => onPage(page + 1))
  return {
    element: element(
      'nav',
      { class: 'pager', attributes: { 'aria-label': 'Pages of the campaign table' } },
      text,
      element('div', { class: 'pager-buttons' }, previous, next),
    ),
    update: (answer) => {
      page = answer.page
      const first = (page - 1) * answer.size + 1
      const last = first + answer.rows.length - 1
      const isEmpty = answer.rows.length === 0
      setText(
        text,
        isEmpty
          ? 'No campaigns'
          : `${format.count(first)}–${format.count(last)} of ${format.count(answer.matched)}`,
      )
      previous.disabled = page <= 1
      next.disabled = last >= answer.matched
    },
  }
}

function pageButton(id: string, text: string, onClick: () => void): HTMLButtonElement {
  return element('button', {
    class: 'button',
    text,
    attributes: { type: 'button', 'data-page': id, disabled: true },
    on: { click: onClick },
  })
}
