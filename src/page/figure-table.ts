/**
 * What the tables of figures share: their cells, the sortable head, and the rows that stand in until
 * figures arrive. On a narrow card each row becomes a block of labelled figures (table.css). Roles
 * are spelled out, because some browsers forget them where CSS changes `display`.
 */
import { type Figures, MEASURE_IDS, MEASURES, type MeasureId } from '../dashboard-definition.ts'
import { directionOf } from './comparison-text.ts'
import { element, icon, setAttribute, setText } from './element.ts'
import { type Format, NOTHING } from './format.ts'

type FigureCells = Readonly<{
  elements: readonly HTMLElement[]
  /** `change` is in percent; null leaves changes out. */
  update: (figures: Figures, change: Figures | null) => void
}>

/** For where a figure is the second line of another. */
const SHORT_LABELS: Readonly<Partial<Record<MeasureId, string>>> = { revenuePerClick: 'Per click' }

/** A cell for each measure. */
export function openFigureCells(format: Format): FigureCells {
  const cells = MEASURE_IDS.map((id) => ({ id, cell: openFigureCell(id, format) }))
  return {
    elements: cells.map(({ cell }) => cell.element),
    update: (figures, change) => {
      for (const { id, cell } of cells) {
        cell.update(figures[id], change === null ? undefined : change[id])
      }
    },
  }
}

type FigureCell = Readonly<{
  element: HTMLElement
  /** `percent` is null where the change is not known, and undefined where none is shown. */
  update: (figure: number | null, percent: number | null | undefined) => void
}>

function openFigureCell(id: MeasureId, format: Format): FigureCell {
  const text = element('span')
  const change = element('span', { class: 'cell-change' })
  const cell = element(
    'td',
    {
      attributes: {
        role: 'cell',
        'data-cell': id,
        'data-value': '',
        'data-label': SHORT_LABELS[id] ?? MEASURES[id].label,
      },
    },
    text,
  )
  return {
    element: cell,
    update: (figure, percent) => {
      setAttribute(cell, 'data-value', figure === null ? '' : String(figure))
      setText(text, format.figure(id, figure))
      if (percent === undefined) {
        change.remove()
        return
      }
      setAttribute(change, 'data-change', percent === null ? '' : String(percent))
      setAttribute(change, 'data-direction', directionOf(percent))
      setText(change, percent === null ? NOTHING : format.change(percent))
      if (!change.isConnected) cell.append(change)
    },
  }
}

/** A table of figures, with the roles of its parts. */
export function figureTable(
  options: Readonly<{ name: string; caption: string }>,
  head: HTMLElement,
  body: HTMLElement,
  foot: HTMLElement,
): HTMLElement {
  for (const part of [head, body, foot]) part.setAttribute('role', 'rowgroup')
  return element(
    'table',
    {
      class: 'figures',
      attributes: { role: 'table', 'data-table': options.name, 'aria-busy': 'true' },
    },
    element('caption', { class: 'visually-hidden', text: options.caption }),
    head,
    body,
    foot,
  )
}

/** A row: its name, which a narrow card shows above the figures, and its cells. */
export function figureRow(
  attributes: Readonly<Record<string, string>>,
  name: readonly HTMLElement[],
  cells: readonly HTMLElement[],
): HTMLElement {
  return element(
    'tr',
    { attributes: { role: 'row', ...attributes } },
    element('th', { class: 'cell-name', attributes: { scope: 'row', role: 'rowheader' } }, ...name),
    ...cells,
  )
}

export type Column<Id extends string> = Readonly<{ id: Id; label: string; title: string }>

type SortedBy<Id> = Readonly<{ sort: Id; order: 'asc' | 'desc' }>

type FigureHead<Id> = Readonly<{
  element: HTMLElement
  update: (sorted: SortedBy<Id>) => void
  /** What the first column is called. */
  setName: (label: string) => void
}>

type FigureHeadOptions<Id extends string> = Readonly<{
  /** The first one has the names. */
  columns: readonly Column<Id>[]
  /** The attribute that names a column: `data-sort="clicks"`. */
  mark: string
  /** Columns that are no measure and cannot be sorted by. */
  extra?: readonly Readonly<{ label: string; title: string }>[]
  onSort: (sorted: SortedBy<Id>) => void
}>

/** A click on a column sorts by it, a second one reverses the order. */
export function openFigureHead<Id extends string>({
  columns,
  mark,
  extra = [],
  onSort,
}: FigureHeadOptions<Id>): FigureHead<Id> {
  let sorted: SortedBy<Id> | null = null
  const sortBy = (id: Id, isName: boolean): void => {
    const opposite = sorted?.order === 'asc' ? 'desc' : 'asc'
    // At first, names ascend and figures descend.
    onSort({ sort: id, order: id === sorted?.sort ? opposite : isName ? 'asc' : 'desc' })
  }
  const texts = columns.map(({ label }) => element('span', { text: label }))
  const cells = columns.map(({ id, title }, index) => ({
    id,
    cell: headCell(
      { class: index === 0 ? 'cell-name' : '', attributes: { [mark]: id } },
      element(
        'button',
        {
          class: 'sort-button',
          attributes: { type: 'button', title },
          on: { click: () => sortBy(id, index === 0) },
        },
        texts[index] ?? null,
        icon('arrow-down'),
      ),
    ),
  }))
  const others = extra.map(({ label, title }) =>
    headCell(
      { class: '', attributes: { title } },
      element('span', { class: 'head-text', text: label }),
    ),
  )
  return {
    element: element(
      'thead',
      {},
      element('tr', { attributes: { role: 'row' } }, ...cells.map(({ cell }) => cell), ...others),
    ),
    update: (next) => {
      sorted = next
      const direction = next.order === 'asc' ? 'ascending' : 'descending'
      for (const { id, cell } of cells) {
        setAttribute(cell, 'aria-sort', id === next.sort ? direction : null)
      }
    },
    setName: (label) => {
      const [name] = texts
      if (name !== undefined) setText(name, label)
    },
  }
}

function headCell(
  parts: Readonly<{ class: string; attributes: Readonly<Record<string, string>> }>,
  content: HTMLElement,
): HTMLElement {
  const attributes = { scope: 'col', role: 'columnheader', ...parts.attributes }
  return element('th', { class: parts.class, attributes }, content)
}

export const MEASURE_COLUMNS: readonly Column<MeasureId>[] = MEASURE_IDS.map((id) => ({
  id,
  label: MEASURES[id].label,
  title: MEASURES[id].description,
}))

export function skeletonRows(count: number): HTMLElement[] {
  return Array.from({ length: count }, () =>
    element(
      'tr',
      { class: 'skeleton-row', attributes: { 'aria-hidden': 'true' } },
      ...['name', ...MEASURE_IDS].map(() =>
        element('td', {}, element('span', { class: 'skeleton' })),
      ),
    ),
  )
}

export const NO_EVENTS = 'No events in this range. Try a longer one, or fewer filters.'

/** In place of rows. */
export function messageRow(text: string, columns: number): HTMLElement {
  const cell = element('td', {
    class: 'no-rows',
    text,
    attributes: { role: 'cell', colspan: columns },
  })
  return element('tr', { attributes: { role: 'row' } }, cell)
}

/** A bar behind a name; its length is the row's share of something, from 0 to 1. */
export function openShareBar(): Readonly<{
  element: HTMLElement
  update: (share: number) => void
}> {
  const bar = element('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } })
  return {
    element: bar,
    update: (share) => bar.style.setProperty('--share', share.toFixed(4)),
  }
}
