/** The card under the pointer: when or what, then a row for each series with its mark, figure and what it is made of. */

import { element } from '../element.ts'
import { keyMark } from './chart-keys.ts'

export type CardRow = Readonly<{
  /** Null for a row without a mark. */
  slot: number | null
  name: string
  figure: string
  detail: string
}>

/** More rows than this leave out their details where the plot is narrow. */
const MANY = 2

export function chartCard(title: string, rows: readonly CardRow[], note: string): HTMLElement {
  return element(
    'div',
    { class: rows.length > MANY ? 'is-many' : '' },
    element('p', { class: 'chart-card-title' }, title),
    ...rows.map(cardRow),
    ...(note === '' ? [] : [element('p', { class: 'chart-card-note' }, note)]),
  )
}

function cardRow({ slot, name, figure, detail }: CardRow): HTMLElement {
  return element(
    'div',
    { class: 'chart-card-row' },
    ...(slot === null ? [] : [keyMark(slot)]),
    ...(name === '' ? [] : [element('span', { class: 'chart-card-name' }, name)]),
    element('span', { class: 'chart-card-figure' }, figure),
    ...(detail === '' ? [] : [element('span', { class: 'chart-card-detail' }, detail)]),
  )
}
