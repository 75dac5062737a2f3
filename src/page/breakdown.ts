/**
 * The breakdown: figures by platform, country or device, one tab each, ranked. A click on a row
 * filters by it, and a click on a chosen one takes it away. The table itself is not filtered by the
 * column that it lists: the other values stay in view, to compare and to choose.
 */
import {
  type BreakdownAnswer,
  type Changed,
  EVENT_FILTER_IDS,
  type EventFilterId,
  FILTERS,
  type Figures,
  MEASURE_IDS,
  MEASURES,
  type MeasureId,
} from '../dashboard-definition.ts'
import { comparisonText } from './comparison-text.ts'
import { element, placeChildren, setAttribute, setText } from './element.ts'
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
import { type Format, NOTHING } from './format.ts'
import { openTabs } from './tabs.ts'
import { openValueNames, type ValueName, valueElements } from './value-names.ts'
import {
  type BySortId,
  breakdownSort,
  DEFAULT_VIEW,
  rangeParameters,
  showsChanges,
  type View,
  type ViewStore,
} from './view.ts'

type Breakdown = Readonly<{
  element: HTMLElement
  update: (answer: BreakdownAnswer, view: View) => void
  setBusy: (isBusy: boolean) => void
}>

const SKELETON_ROWS = 4
const COLUMNS = MEASURE_IDS.length + 2
const PANEL_ID = 'breakdown-panel'

export function breakdownRequest(view: View): string {
  const asked = rangeParameters({ ...view, filters: { ...view.filters, [view.by]: [] } })
  // What is not shown need not be computed: it takes the cells of another period.
  if (!showsChanges(view)) asked.set('compare', 'none')
  asked.set('by', view.by)
  const { sort, order } = breakdownSort(view)
  if (sort !== DEFAULT_VIEW.bySort) asked.set('sort', sort)
  if (order !== DEFAULT_VIEW.byOrder) asked.set('order', order)
  return `breakdown?${asked}`
}

export function openBreakdown(format: Format, store: ViewStore): Breakdown {
  const nameOf = openValueNames(format.locale)
  const tabs = openTabs<EventFilterId>({
    label: 'Break down by',
    mark: 'data-by',
    panelId: PANEL_ID,
    choices: EVENT_FILTER_IDS.map((id) => ({ id, label: FILTERS[id].label })),
    onChange: (by) => store.change({ by }),
  })
  const head = openFigureHead<BySortId>({
    columns: [{ id: 'value', label: 'Value', title: 'As the events have it.' }, ...MEASURE_COLUMNS],
    mark: 'data-by-sort',
    extra: [{ label: 'Share', title: 'Of the column that the table is sorted by.' }],
    onSort: ({ sort, order }) => store.change({ bySort: sort, byOrder: order, ...shownWith(sort) }),
  })
  const body = element('tbody', {}, ...skeletonRows(SKELETON_ROWS))
  const totals = openSumRow('Total', format)
  const others = openSumRow('', format)
  others.element.dataset.others = ''
  const table = figureTable(
    { name: 'breakdown', caption: 'Figures of each value' },
    head.element,
    body,
    element('tfoot', {}, totals.element),
  )
  const panel = element(
    'div',
    { class: 'table-scroll', attributes: { id: PANEL_ID, role: 'tabpanel', tabindex: 0 } },
    table,
  )
  const comparison = element('p', { class: 'card-note', attributes: { 'data-compared': '' } })
  const rows = new Map<string, Row>()
  let shownBy: EventFilterId | null = null

  const rowOf = (by: EventFilterId, value: string): Row => {
    const row =
      rows.get(value) ?? openRow(nameOf(by, value), value, format, () => toggle(by, value))
    rows.set(value, row)
    return row
  }
  const toggle = (by: EventFilterId, value: string): void => {
    const { filters } = store.current()
    const chosen = filters[by]
    const next = chosen.includes(value) ? chosen.filter((other) => other !== value) : [value]
    store.change({ filters: { ...filters, [by]: next }, page: 1 })
  }
  const markChosen = ({ filters }: View): void => {
    if (shownBy === null) return
    const chosen = filters[shownBy]
    table.classList.toggle('has-chosen', chosen.length > 0)
    for (const [value, row] of rows) row.setChosen(chosen.includes(value))
  }
  const show = (view: View): void => {
    tabs.choose(view.by)
    setAttribute(panel, 'aria-labelledby', tabs.idOf(view.by))
    head.update(breakdownSort(view), view.compare !== 'none')
    head.setName(FILTERS[view.by].label)
    markChosen(view)
  }
  show(store.current())
  store.onChange(show)

  return {
    element: element(
      'section',
      { class: 'card card-breakdown', attributes: { 'aria-labelledby': 'breakdown-title' } },
      element(
        'div',
        { class: 'card-head' },
        element('h2', {
          class: 'card-title',
          text: 'Breakdown',
          attributes: { id: 'breakdown-title' },
        }),
        comparison,
        tabs.element,
      ),
      panel,
    ),
    update: (answer, view) => {
      if (answer.by !== shownBy) rows.clear()
      shownBy = answer.by
      const shareBy = shareMeasure(breakdownSort(view).sort)
      const isChange = showsChanges(view)
      const total = answer.totals[shareBy] ?? 0
      const shareOf = (figures: Figures): number | null =>
        total > 0 ? (figures[shareBy] ?? 0) / total : null
      const shown = answer.rows.map((row) => {
        const made = rowOf(answer.by, row.value)
        made.update(row, isChange ? row : null, shareOf(row))
        return made.element
      })
      const { values } = answer.others
      if (values > 0) {
        others.update(`${format.count(values)} more`, answer.others, null, shareOf(answer.others))
        shown.push(others.element)
      }
      placeChildren(body, shown.length > 0 ? shown : [messageRow(NO_EVENTS, COLUMNS)])
      for (const [value, row] of rows) if (!row.element.isConnected) rows.delete(value)
      const count = answer.rows.length + values
      const changed = isChange ? answer.totals : null
      totals.update(countText(count, format), answer.totals, changed, shareOf(answer.totals))
      setText(comparison, isChange ? comparisonText(answer.comparison, format) : '')
      markChosen(store.current())
    },
    setBusy: (isBusy) => setAttribute(table, 'aria-busy', String(isBusy)),
  }
}

function countText(values: number, format: Format): string {
  return values === 1 ? '1 value' : `${format.count(values)} values`
}

/** A share of a ratio means nothing: then it is that of impressions. */
function shareMeasure(sort: BySortId): MeasureId {
  const measure = rankedMeasure(sort)
  return measure !== null && MEASURES[measure].value.kind === 'sum' ? measure : 'impressions'
}

type Row = Readonly<{
  element: HTMLElement
  update: (figures: Figures, changed: Changed | null, share: number | null) => void
  setChosen: (isChosen: boolean) => void
}>

function openRow(name: ValueName, value: string, format: Format, onClick: () => void): Row {
  const [shown, code] = valueElements(name)
  shown.classList.toggle('is-not-set', value === '')
  const button = element(
    'button',
    {
      class: 'row-button',
      attributes: { type: 'button', 'aria-pressed': 'false', title: `${name.text}\nFilter by it` },
      on: { click: onClick },
    },
    shown,
    code,
  )
  const bar = openShareBar()
  const cells = openFigureCells(format)
  const share = openShareCell(format)
  const row = figureRow(
    { 'data-value-row': value },
    [bar.element, button],
    [...cells.elements, share.element],
  )
  return {
    element: row,
    update: (figures, changed, part) => {
      cells.update(figures, changed)
      share.update(part)
      bar.update(Math.min(Math.max(part ?? 0, 0), 1))
    },
    setChosen: (isChosen) => {
      setAttribute(button, 'aria-pressed', String(isChosen))
      row.classList.toggle('is-chosen', isChosen)
    },
  }
}

type SumRow = Readonly<{
  element: HTMLElement
  update: (label: string, figures: Figures, changed: Changed | null, share: number | null) => void
}>

/** A row that is no single value. */
function openSumRow(text: string, format: Format): SumRow {
  const label = element('span', { text })
  const cells = openFigureCells(format)
  const share = openShareCell(format)
  return {
    element: figureRow({}, [label], [...cells.elements, share.element]),
    update: (newText, figures, changed, part) => {
      setText(label, newText)
      cells.update(figures, changed)
      share.update(part)
    },
  }
}

function openShareCell(
  format: Format,
): Readonly<{ element: HTMLElement; update: (share: number | null) => void }> {
  const percent = new Intl.NumberFormat(format.locale, {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  })
  const cell = element('td', {
    attributes: { role: 'cell', 'data-share': '', 'data-label': 'Share' },
  })
  return {
    element: cell,
    update: (share) => {
      setAttribute(cell, 'data-share', share === null ? '' : String(share))
      setText(cell, share === null ? NOTHING : percent.format(share))
    },
  }
}
