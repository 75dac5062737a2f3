/** The campaign table: one page at a time from the server, with search, sorting, totals and CSV. */
import {
  type CampaignsAnswer,
  CHARTS,
  type Changed,
  type Figures,
  MEASURE_IDS,
  PAGE_SIZE,
} from '../dashboard-definition.ts'
import { API } from './api-client.ts'
import { campaignText, openCampaignElement } from './campaign-name.ts'
import { comparisonText } from './comparison-text.ts'
import { element, icon, placeChildren, setAttribute, setText } from './element.ts'
import {
  figureRow,
  figureTable,
  MEASURE_COLUMNS,
  messageRow,
  NO_EVENTS,
  openFigureCells,
  openFigureHead,
  openShareBar,
  rankedMeasure,
  shownWith,
  skeletonRows,
} from './figure-table.ts'
import type { Format } from './format.ts'
import {
  campaignSort,
  rangeParameters,
  SEARCH_LENGTH_MAX,
  type SortId,
  showsChanges,
  type View,
  type ViewStore,
} from './view.ts'

type CampaignTable = Readonly<{
  element: HTMLElement
  update: (answer: CampaignsAnswer, view: View) => void
  setBusy: (isBusy: boolean) => void
}>

type Row = Readonly<{
  element: HTMLElement
  update: (figures: Figures, changed: Changed | null, share: number) => void
}>

const TYPING_MS = 200
const SKELETON_ROWS = 10
const NAME_COLUMN = {
  id: 'campaign',
  label: 'Campaign',
  title: 'By name, or by id where there is no name.',
} as const

/** The request of the page that is shown. */
export function campaignsRequest(view: View): string {
  const asked = listParameters(view)
  // What is not shown need not be computed.
  if (!showsChanges(view)) asked.set('compare', 'none')
  if (view.page !== 1) asked.set('page', String(view.page))
  asked.set('size', String(PAGE_SIZE))
  return `campaigns?${asked}`
}

function listParameters(view: View): URLSearchParams {
  const asked = rangeParameters(view)
  if (view.search !== '') asked.set('search', view.search)
  const { sort, order } = campaignSort(view)
  asked.set('sort', sort)
  asked.set('order', order)
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
  const body = element('tbody', {}, ...skeletonRows(SKELETON_ROWS))
  const totals = openTotals(format)
  const head = openFigureHead<SortId>({
    columns: [NAME_COLUMN, ...MEASURE_COLUMNS],
    mark: 'data-sort',
    onSort: (sorted) => store.change({ ...sorted, ...shownWith(sorted.sort), page: 1 }),
  })
  const pager = openPager(format, (page) => store.change({ page }))
  const table = figureTable(
    { name: 'campaigns', caption: 'Figures of each campaign' },
    head.element,
    body,
    totals.element,
  )
  const exporting = exportLink()
  const changes = changesButton(store)
  const comparison = element('p', { class: 'card-note', attributes: { 'data-compared': '' } })
  const search = searchInput(store)
  const searching = element('div', { class: 'search' }, icon('search'), search)

  const rowOf = (campaign: string): Row => {
    const row = rows.get(campaign) ?? openRow(campaign, format, onCampaign)
    rows.set(campaign, row)
    return row
  }
  const show = (view: View): void => {
    head.update(campaignSort(view), view.compare !== 'none')
    exporting.setAttribute('href', `${API}campaigns.csv?${listParameters(view)}`)
    if (search.value !== view.search && document.activeElement !== search)
      search.value = view.search
  }
  show(store.current())
  store.onChange(show)

  return {
    element: tableCard({
      comparison,
      tools: [changes, searching, exporting],
      table,
      pager: pager.element,
    }),
    update: (answer, view) => {
      const lastPage = Math.max(1, Math.ceil(answer.matched / answer.size))
      if (answer.page > lastPage && view === store.current()) {
        store.change({ page: lastPage }, 'same')
        return
      }
      const shown = answer.rows.map(({ campaign }) => rowOf(campaign).element)
      // All bars are scaled to the largest value of the sorted column on this page.
      const by = rankedMeasure(campaignSort(view).sort) ?? 'impressions'
      const most = answer.rows.reduce((max, row) => Math.max(max, row[by] ?? 0), 0)
      const isChange = showsChanges(view)
      for (const row of answer.rows) {
        const changed = isChange ? row : null
        rowOf(row.campaign).update(row, changed, most > 0 ? Math.max(0, (row[by] ?? 0) / most) : 0)
      }
      placeChildren(
        body,
        shown.length > 0 ? shown : [messageRow(emptyText(view), MEASURE_IDS.length + 1)],
      )
      for (const [campaign, row] of rows) if (!row.element.isConnected) rows.delete(campaign)
      totals.update(answer.totals, isChange ? answer.totals : null, answer.matched)
      setText(comparison, isChange ? comparisonText(answer.comparison, format) : '')
      pager.update(answer)
    },
    setBusy: (isBusy) => setAttribute(table, 'aria-busy', String(isBusy)),
  }
}

type CardParts = Readonly<{
  /** What the changes compare. */
  comparison: HTMLElement
  tools: readonly HTMLElement[]
  table: HTMLElement
  pager: HTMLElement
}>

function tableCard({ comparison, tools, table, pager }: CardParts): HTMLElement {
  const title = element('h2', {
    class: 'card-title',
    text: CHARTS.campaigns.title,
    attributes: { id: 'campaigns-title' },
  })
  return element(
    'section',
    { class: 'card card-campaigns', attributes: { 'aria-labelledby': 'campaigns-title' } },
    element(
      'div',
      { class: 'card-head' },
      title,
      comparison,
      element('div', { class: 'card-tools' }, ...tools),
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

/** Shows the change of each figure in both tables, against what the overview compares with. */
function changesButton(store: ViewStore): HTMLElement {
  const button = element('button', {
    class: 'button',
    text: 'Change',
    attributes: { type: 'button', 'data-changes': true },
    on: {
      click: () => store.change({ changes: store.current().changes === 'on' ? 'off' : 'on' }),
    },
  })
  const show = (view: View): void => {
    const isCompared = view.compare !== 'none'
    button.disabled = !isCompared
    setAttribute(button, 'aria-pressed', String(showsChanges(view)))
    setAttribute(
      button,
      'title',
      isCompared
        ? 'The change of each figure, in percent'
        : 'Nothing is compared: choose what to compare with in the overview',
    )
  }
  show(store.current())
  store.onChange(show)
  return button
}

function openRow(campaign: string, format: Format, onCampaign: (campaign: string) => void): Row {
  const named = openCampaignElement(campaign)
  const name = element(
    'button',
    {
      class: 'row-button',
      attributes: { type: 'button' },
      on: { click: () => onCampaign(campaign) },
    },
    named.element,
  )
  const bar = openShareBar()
  const cells = openFigureCells(format)
  return {
    element: figureRow({ 'data-campaign': campaign }, [bar.element, name], cells.elements),
    update: (figures, changed, share) => {
      named.update()
      setAttribute(name, 'title', `${campaignText(campaign)}\nShow only this campaign`)
      cells.update(figures, changed)
      bar.update(share)
    },
  }
}

function openTotals(format: Format): Readonly<{
  element: HTMLElement
  update: (figures: Figures, changed: Changed | null, matched: number) => void
}> {
  const label = element('span', { text: 'Total' })
  const cells = openFigureCells(format)
  return {
    element: element('tfoot', {}, figureRow({}, [label], cells.elements)),
    update: (figures, changed, matched) => {
      setText(label, matched === 1 ? '1 campaign' : `${format.count(matched)} campaigns`)
      cells.update(figures, changed)
    },
  }
}

function emptyText(view: View): string {
  return view.search === '' ? NO_EVENTS : `No campaign matches “${view.search}”.`
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
