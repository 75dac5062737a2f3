/**
 * What the tables of figures share: their cells, the sortable head, and the rows that stand in until
 * figures arrive. On a narrow card each row becomes a block of labelled figures (table.css). Roles
 * are spelled out, because some browsers forget them where CSS changes `display`.
 */
import {
  type Changed,
  type ChangeId,
  changedMeasure,
  type Figures,
  MEASURE_IDS,
  MEASURES,
  type MeasureId,
} from '../dashboard-definition.ts'
import { BY_CHANCE, directionOf } from './comparison-text.ts'
import { element, icon, setAttribute, setText } from './element.ts'
import { type Format, NOTHING } from './format.ts'
import type { SortedBy } from './view.ts'

type FigureCells = Readonly<{
  elements: readonly HTMLElement[]
  /** `changed` is null where no changes are shown. */
  update: (figures: Figures, changed: Changed | null) => void
}>

/** For where a figure is the second line of another. */
const SHORT_LABELS: Readonly<Partial<Record<MeasureId, string>>> = { revenuePerClick: 'Per click' }

/** A cell for each measure. */
export function openFigureCells(format: Format): FigureCells {
  const cells = MEASURE_IDS.map((id) => ({ id, cell: openFigureCell(id, format) }))
  return {
    elements: cells.map(({ cell }) => cell.element),
    update: (figures, changed) => {
      for (const { id, cell } of cells) {
        cell.update(figures[id], changed?.change[id], changed?.uncertain.includes(id) ?? false)
      }
    },
  }
}

type FigureCell = Readonly<{
  element: HTMLElement
  /** `percent` is null where the change is not known, and undefined where none is shown. */
  update: (figure: number | null, percent: number | null | undefined, isUncertain: boolean) => void
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
    update: (figure, percent, isUncertain) => {
      setAttribute(cell, 'data-value', figure === null ? '' : String(figure))
      setText(text, format.figure(id, figure))
      if (percent === undefined) {
        change.remove()
        return
      }
      setAttribute(change, 'data-change', percent === null ? '' : String(percent))
      setAttribute(change, 'data-direction', directionOf(percent, isUncertain))
      setAttribute(change, 'title', isUncertain ? BY_CHANCE : null)
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

export type Column<Id extends string> = Readonly<{
  id: Id
  label: string
  title: string
  /** By which the change of its figures is sorted; the names have none. */
  change?: Id
}>

type FigureHead<Id> = Readonly<{
  element: HTMLElement
  update: (sorted: SortedBy<Id>, isCompared: boolean) => void
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

/**
 * A click on a column sorts by it, one on the sign below by its change, and a second click reverses
 * the order.
 */
export function openFigureHead<Id extends string>({
  columns,
  mark,
  extra = [],
  onSort,
}: FigureHeadOptions<Id>): FigureHead<Id> {
  let sorted: SortedBy<Id> | null = null
  /** `first`: the order of the first click. */
  const sortBy = (id: Id, first: 'asc' | 'desc'): void => {
    const opposite = sorted?.order === 'asc' ? 'desc' : 'asc'
    onSort({ sort: id, order: id === sorted?.sort ? opposite : first })
  }
  const cells = columns.map(({ id, label, title, change }, index) => {
    const isName = index === 0
    const text = element('span', { text: label })
    const value = sortButton({ title }, text, () => sortBy(id, isName ? 'asc' : 'desc'))
    // What was lost comes first: it needs a reader's attention.
    const changed = change === undefined ? null : changeButton(label, () => sortBy(change, 'asc'))
    return {
      id,
      change,
      text,
      value,
      changed,
      cell: headCell(
        { class: isName ? 'cell-name' : '', attributes: { [mark]: id } },
        element('div', { class: 'head-sorts' }, value, changed),
      ),
    }
  })
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
    update: (next, isCompared) => {
      sorted = next
      const direction = next.order === 'asc' ? 'ascending' : 'descending'
      for (const { id, change, cell, value, changed } of cells) {
        const isSorted = next.sort === id || next.sort === change
        setAttribute(cell, 'aria-sort', isSorted ? direction : null)
        setAttribute(value, 'aria-current', next.sort === id ? 'true' : null)
        if (changed === null) continue
        setAttribute(changed, 'aria-current', next.sort === change ? 'true' : null)
        changed.disabled = !isCompared
      }
    },
    setName: (label) => {
      const [name] = cells
      if (name !== undefined) setText(name.text, label)
    },
  }
}

/** `aria-sort` is of the column; which of its buttons it is sorted by is the current one. */
function sortButton(
  attributes: Readonly<Record<string, string>>,
  text: HTMLElement,
  onClick: () => void,
): HTMLButtonElement {
  return element(
    'button',
    {
      class: 'sort-button',
      attributes: { type: 'button', ...attributes },
      on: { click: onClick },
    },
    text,
    icon('arrow-down'),
  )
}

function changeButton(label: string, onClick: () => void): HTMLButtonElement {
  const name = `Change of ${label}`
  const attributes = { 'aria-label': name, title: `${name} in percent`, 'data-sort-change': '' }
  const button = sortButton(attributes, element('span', { text: '±%' }), onClick)
  button.classList.add('sort-change')
  return button
}

function headCell(
  parts: Readonly<{ class: string; attributes: Readonly<Record<string, string>> }>,
  content: HTMLElement,
): HTMLElement {
  const attributes = { scope: 'col', role: 'columnheader', ...parts.attributes }
  return element('th', { class: parts.class, attributes }, content)
}

export const MEASURE_COLUMNS: readonly Column<MeasureId | ChangeId>[] = MEASURE_IDS.map((id) => ({
  id,
  change: `${id}Change` as const,
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

/** What is ranked by a column: its measure, also where it is sorted by the change. */
export function rankedMeasure(sort: string): MeasureId | null {
  return changedMeasure(sort) ?? MEASURE_IDS.find((id) => id === sort) ?? null
}

/** To sort by changes is to show them. */
export function shownWith(sort: string): Readonly<{ changes?: 'on' }> {
  return changedMeasure(sort) === null ? {} : { changes: 'on' }
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
