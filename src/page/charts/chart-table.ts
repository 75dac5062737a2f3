/**
 * The table behind a chart: the same figures for readers who cannot see the picture or want to copy
 * them. It is filled when opened and updated in place while open, so that selections and scroll
 * positions are kept.
 */
import { element, placeChildren, setText } from '../element.ts'

export type ChartTable = Readonly<{
  element: HTMLElement
  /** Cheap while the table is closed: `content` is only called while it is open. */
  update: (content: () => TableContent) => void
}>

export function openChartTable(): ChartTable {
  const table = element('table', { class: 'chart-table' })
  const region = element('div', { class: 'chart-table-region' }, table)
  region.tabIndex = 0
  region.setAttribute('role', 'region')
  const details = element(
    'details',
    { class: 'chart-details' },
    element('summary', {}, 'Show as table'),
    region,
  )
  details.dataset.asTable = ''
  let latest: (() => TableContent) | null = null
  const fill = (): void => {
    if (!details.open || latest === null) return
    const content = latest()
    // A landmark with its own name: its section may have the name of the caption.
    region.setAttribute('aria-label', `Table: ${content.caption}`)
    fillTable(table, content)
  }
  details.addEventListener('toggle', fill)
  return {
    element: details,
    update(content) {
      latest = content
      fill()
    },
  }
}

function fillTable(table: HTMLTableElement, { caption, columns, rows }: TableContent): void {
  setText(table.caption ?? table.createCaption(), caption)
  const head = table.tHead ?? table.createTHead()
  fillRow(head.rows[0] ?? head.insertRow(), columns, 'col')
  const body = table.tBodies[0] ?? table.createTBody()
  const known = new Map([...body.rows].map((row) => [row.dataset.key, row]))
  const placed = rows.map(({ key, cells }) => {
    const row = known.get(key) ?? element('tr')
    row.dataset.key = key
    fillRow(row, cells, 'row')
    return row
  })
  placeChildren(body, placed)
}

/** All cells of the first row are headers, and the first cell of the others. */
function fillRow(row: HTMLTableRowElement, cells: readonly string[], scope: 'col' | 'row'): void {
  cells.forEach((text, index) => {
    let cell = row.cells[index]
    if (cell === undefined) {
      const isHead = scope === 'col' || index === 0
      cell = element(isHead ? 'th' : 'td')
      if (isHead) cell.scope = scope
      row.append(cell)
    }
    setText(cell, text)
  })
  while (row.cells.length > cells.length) row.deleteCell(-1)
}

export type TableContent = Readonly<{
  /** Read out before the table. */
  caption: string
  /** The first column has the names of the rows. */
  columns: readonly string[]
  /** The key identifies the row; there is a cell for each column. */
  rows: readonly Readonly<{ key: string; cells: readonly string[] }>[]
}>
