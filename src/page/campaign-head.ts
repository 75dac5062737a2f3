/** The head of the campaign table: each column is a button that sorts by it, and the other way round the second time. */
import { MEASURE_IDS, MEASURES } from '../dashboard-definition.ts'
import { element, setAttribute } from './element.ts'
import { icon } from './icon.ts'
import type { SortId, View } from './url-state.ts'
import type { ViewStore } from './view-store.ts'

export function openCampaignHead(store: ViewStore): HTMLElement {
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
  const title = id === 'campaign' ? 'The campaign_id of the events.' : MEASURES[id].description
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

/** Names begin at A, figures at the largest. */
function sortBy(store: ViewStore, id: SortId): void {
  const { sort, order } = store.current()
  const opposite = order === 'asc' ? 'desc' : 'asc'
  const first = id === 'campaign' ? 'asc' : 'desc'
  store.change({ sort: id, order: id === sort ? opposite : first, page: 1 })
}
