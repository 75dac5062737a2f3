/** Which of the campaigns are on this page, and the way to the next. */
import type { CampaignsAnswer } from '../dashboard-definition.ts'
import { element, setText } from './element.ts'
import type { Format } from './format.ts'

export type Pager = Readonly<{
  element: HTMLElement
  update: (answer: Pick<CampaignsAnswer, 'page' | 'size' | 'matched' | 'rows'>) => void
}>

export function openPager(format: Format, onPage: (page: number) => void): Pager {
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
