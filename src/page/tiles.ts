/** The figures of the range, one tile a measure: its value, its change against the stretch before, its course. */

import type { SummaryAnswer } from '../dashboard-definition.ts'
import { MEASURE_IDS, MEASURES, type MeasureId, RANGES } from '../dashboard-definition.ts'
import { openSparkline } from './charts/sparkline.ts'
import { openCountUp } from './count-up.ts'
import { element, setAttribute, setText } from './element.ts'
import { type Format, NOTHING, tileText } from './format.ts'
import { icon } from './icon.ts'
import type { View } from './url-state.ts'

export type Tiles = Readonly<{
  element: HTMLElement
  update: (answer: SummaryAnswer, view: View, isNews: boolean) => void
  setBusy: (isBusy: boolean) => void
}>

type Tile = Readonly<{
  element: HTMLElement
  update: (answer: SummaryAnswer, versus: string, isNews: boolean) => void
}>

export function openTiles(format: Format): Tiles {
  const tiles = MEASURE_IDS.map((id) => openTile(id, format))
  const list = element(
    'ul',
    { class: 'tiles is-loading', attributes: { 'aria-busy': 'true' } },
    ...tiles.map((tile) => tile.element),
  )
  return {
    element: list,
    update: (answer, view, isNews) => {
      list.classList.remove('is-loading')
      const versus = versusText(view)
      for (const tile of tiles) tile.update(answer, versus, isNews)
    },
    setBusy: (isBusy) => setAttribute(list, 'aria-busy', String(isBusy)),
  }
}

function openTile(id: MeasureId, format: Format): Tile {
  const { label, description } = MEASURES[id]
  const value = element('p', { class: 'tile-value', attributes: { 'data-value': '' } })
  const counting = openCountUp(value, (at) => tileText(format, id, at))
  const up = icon('arrow-up')
  const down = icon('arrow-down')
  const changeText = element('span', { class: 'tile-change-text' })
  const versusText = element('span', { class: 'tile-versus' })
  const change = element(
    'p',
    { class: 'tile-change', attributes: { 'data-change': '' } },
    element('span', { class: 'tile-change-figure' }, up, down, changeText),
    versusText,
  )
  const spark = element('div', { class: 'tile-spark', attributes: { 'aria-hidden': 'true' } })
  const sparkline = openSparkline(spark, { measure: id })
  const whole = element(
    'li',
    { class: 'tile', attributes: { 'data-tile': id } },
    element('h3', { class: 'tile-label', text: label, attributes: { title: description } }),
    value,
    change,
    spark,
  )
  return {
    element: whole,
    update: (answer, versus, isNews) => {
      const figure = answer.figures[id]
      const percent = answer.change[id]
      setAttribute(value, 'data-value', figure === null ? '' : String(figure))
      setAttribute(value, 'title', format.figure(id, figure))
      counting.show(figure, !isNews)
      setAttribute(change, 'data-change', percent === null ? '' : String(percent))
      setAttribute(change, 'data-direction', directionOf(percent))
      setAttribute(change, 'title', changeTitle(id, answer, format))
      setText(changeText, percent === null ? NOTHING : format.change(percent))
      setText(versusText, versus)
      sparkline.update(answer)
    },
  }
}

/** What is shown as no change counts as none. */
function directionOf(percent: number | null): 'up' | 'down' | 'same' | 'unknown' {
  if (percent === null) return 'unknown'
  if (Math.abs(percent) < 0.05) return 'same'
  return percent > 0 ? 'up' : 'down'
}

function versusText(view: View): string {
  const { range } = view
  if (range.kind === 'fixed') return 'vs previous period'
  return `vs previous ${RANGES.find(({ id }) => id === range.id)?.label ?? range.id}`
}

/** The two stretches that the change compares; only complete steps, so that a filling window is not held against a full one. */
function changeTitle(id: MeasureId, answer: SummaryAnswer, format: Format): string {
  const { compared, previous } = answer
  const part = (of: SummaryAnswer['compared']): string => {
    const span = format.span(Date.parse(of.from), Date.parse(of.to))
    return `${span}: ${format.figure(id, of.figures[id])}`
  }
  if (compared.from === compared.to) return 'No complete window to compare yet'
  return `Relative change in percent, complete windows only\n${part(compared)}\nbefore, ${part(previous)}`
}
