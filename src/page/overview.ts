/**
 * The overview: the range that the figures are of, and a tile for each measure with its value, its
 * change from the previous period and a sparkline. A tile's measure becomes the trend's by a click.
 */
import {
  type AnsweredRange,
  COMPARISONS,
  type CompareId,
  MEASURE_IDS,
  MEASURES,
  type MeasureId,
  type SummaryAnswer,
} from '../dashboard-definition.ts'
import { openSparkline } from './charts/sparkline.ts'
import {
  BY_CHANCE,
  comparisonText,
  directionOf,
  periodText,
  versusName,
  whyNoChange,
} from './comparison-text.ts'
import { element, icon, setAttribute, setText } from './element.ts'
import { type Format, NOTHING, tileText } from './format.ts'
import { fillingText } from './freshness.ts'
import { openOverviewHeading } from './overview-heading.ts'
import type { View, ViewStore } from './view.ts'

type Tiles = Readonly<{
  element: HTMLElement
  update: (answer: SummaryAnswer, view: View, isNews: boolean) => void
  setBusy: (isBusy: boolean) => void
}>

export type Overview = Tiles &
  Readonly<{
    /** Scrolls to it and gives its heading the focus. */
    focus: () => void
  }>

type OverviewOptions = Readonly<{
  format: Format
  store: ViewStore
  zone: HTMLElement
  /** A tile was pressed by a pointer: its measure is the trend's. */
  onPress: () => void
}>

export function openOverview({ format, store, zone, onPress }: OverviewOptions): Overview {
  const heading = openOverviewHeading(store)
  const rangeLine = openRangeLine(format, heading.elements, zone)
  const comparing = openComparing(format, store)
  const tiles = openTiles(format, store, onPress)
  return {
    focus: heading.focus,
    element: element(
      'section',
      { class: 'overview', attributes: { 'aria-labelledby': 'overview-title' } },
      element('div', { class: 'overview-head' }, rangeLine.element, comparing.element),
      tiles.element,
    ),
    update: (answer, view, isNews) => {
      rangeLine.update(answer.range)
      comparing.update(answer)
      tiles.update(answer, view, isNews)
    },
    setBusy: tiles.setBusy,
  }
}

type Tile = Readonly<{
  element: HTMLElement
  update: (answer: SummaryAnswer, versus: string, isNews: boolean) => void
  /** Its measure is the one of the trend. */
  setPressed: (isPressed: boolean) => void
}>

function openTiles(format: Format, store: ViewStore, onPress: () => void): Tiles {
  const tiles = MEASURE_IDS.map((id) =>
    openTile(id, format, (isByPointer) => {
      store.change({ measure: id })
      if (isByPointer) onPress()
    }),
  )
  const show = ({ measure }: View): void => {
    for (const [at, tile] of tiles.entries()) tile.setPressed(MEASURE_IDS[at] === measure)
  }
  show(store.current())
  store.onChange(show)
  const list = element(
    'ul',
    { class: 'tiles is-loading', attributes: { 'aria-busy': 'true' } },
    ...tiles.map((tile) => tile.element),
  )
  return {
    element: list,
    update: (answer, view, isNews) => {
      list.classList.remove('is-loading')
      const versus = versusName(view.compare)
      for (const tile of tiles) tile.update(answer, versus, isNews)
    },
    setBusy: (isBusy) => setAttribute(list, 'aria-busy', String(isBusy)),
  }
}

/** All of a tile can be clicked; its label is the button, so that texts can still be selected. */
function openTile(id: MeasureId, format: Format, onPress: (isByPointer: boolean) => void): Tile {
  const { label, description } = MEASURES[id]
  const value = element('p', { class: 'tile-value', attributes: { 'data-value': '' } })
  const counting = openCountUp(value, (at) => tileText(format, id, at))
  const up = icon('arrow-up')
  const down = icon('arrow-down')
  const changeText = element('span', { class: 'tile-change-text' })
  const versusText = element('span', { class: 'tile-versus' })
  const why = element('span', { class: 'visually-hidden' })
  const change = element(
    'p',
    { class: 'tile-change', attributes: { 'data-change': '' } },
    element('span', { class: 'tile-change-figure' }, up, down, changeText),
    versusText,
    why,
  )
  const spark = element('div', { class: 'tile-spark', attributes: { 'aria-hidden': 'true' } })
  const sparkline = openSparkline(spark, { measure: id })
  const button = element('button', {
    class: 'tile-button',
    text: label,
    attributes: { type: 'button', title: `${description}\nShow its trend`, 'data-measure': id },
  })
  const whole = element(
    'li',
    {
      class: 'tile',
      attributes: { 'data-tile': id },
      on: {
        click: ({ detail }) => {
          // A key clicks without a detail: the focus stays where it is seen.
          if (getSelection()?.isCollapsed !== false) onPress(detail > 0)
        },
      },
    },
    element('h3', { class: 'tile-label' }, button),
    value,
    change,
    spark,
  )
  return {
    element: whole,
    setPressed: (isPressed) => {
      setAttribute(button, 'aria-pressed', String(isPressed))
      whole.classList.toggle('is-pressed', isPressed)
    },
    update: (answer, versus, isNews) => {
      const figure = answer.figures[id]
      const percent = answer.change[id]
      setAttribute(value, 'data-value', figure === null ? '' : String(figure))
      setAttribute(value, 'title', format.figure(id, figure))
      counting.show(figure, !isNews)
      setAttribute(change, 'data-change', percent === null ? '' : String(percent))
      const isUncertain = answer.uncertain.includes(id)
      setAttribute(change, 'data-direction', directionOf(percent, isUncertain))
      setAttribute(change, 'title', changeTitle(id, answer, format))
      change.hidden = answer.previous === null
      setText(changeText, percent === null ? NOTHING : format.change(percent))
      setText(versusText, versus)
      setText(why, whyNoChange(answer, format))
      sparkline.update(answer)
    },
  }
}

/** The two periods that the change compares: complete steps only, never a filling window. */
function changeTitle(id: MeasureId, answer: SummaryAnswer, format: Format): string {
  const { compared, previous } = answer
  if (previous === null) return ''
  if (previous.reason !== null) return whyNoChange(answer, format)
  const part = (of: SummaryAnswer['compared']): string => {
    const span = format.span(Date.parse(of.from), Date.parse(of.to))
    return `${span}: ${format.figure(id, of.figures[id])}`
  }
  return [
    'Change in percent, without what is in progress',
    part(compared),
    `before, ${part(previous)}`,
    ...(answer.uncertain.includes(id) ? [BY_CHANCE] : []),
  ].join('\n')
}

type Comparing = Readonly<{ element: HTMLElement; update: (answer: SummaryAnswer) => void }>

/** What is compared with what: the reader's choice, and the days that it means. */
function openComparing(format: Format, store: ViewStore): Comparing {
  const choice = element(
    'select',
    {
      class: 'select',
      attributes: { 'data-compare': true, 'aria-label': 'Compared with' },
      on: { change: (_, { value }) => store.change({ compare: value as CompareId }) },
    },
    ...COMPARISONS.map(({ id, label }) =>
      element('option', { text: label, attributes: { value: id } }),
    ),
  )
  const text = element('span', { class: 'comparison', attributes: { 'data-comparison': '' } })
  const show = ({ compare }: View): void => {
    choice.value = compare
  }
  show(store.current())
  store.onChange(show)
  return {
    element: element(
      'div',
      { class: 'comparing' },
      element('span', {
        class: 'comparing-label',
        text: 'Compare with',
        attributes: { 'aria-hidden': 'true' },
      }),
      choice,
      text,
    ),
    update: (answer) => {
      const said = comparisonText(answer, format)
      setText(text, said)
      setAttribute(text, 'title', said)
    },
  }
}

type CountUp = Readonly<{
  /** `isMoving` false jumps: the figure of another range is no movement. */
  show: (value: number | null, isMoving: boolean) => void
}>

const RUN_MS = 300

/** Counts to the next value for a moment, so that the change is seen; not with reduced motion. */
function openCountUp(target: HTMLElement, write: (value: number | null) => string): CountUp {
  const stillness = matchMedia('(prefers-reduced-motion: reduce)')
  let shown: number | null = null
  let frame = 0
  return {
    show: (value, isMoving) => {
      cancelAnimationFrame(frame)
      const from = shown
      const isStill = !isMoving || stillness.matches || document.hidden
      if (isStill || from === null || value === null || from === value) {
        shown = value
        setText(target, write(value))
        return
      }
      const started = performance.now()
      const step = (now: number): void => {
        const run = Math.min(Math.max((now - started) / RUN_MS, 0), 1)
        // Slows down towards the end.
        const at = run === 1 ? value : from + (value - from) * (1 - (1 - run) ** 3)
        shown = at
        setText(target, write(at))
        if (run < 1) frame = requestAnimationFrame(step)
      }
      frame = requestAnimationFrame(step)
    },
  }
}

type RangeLine = Readonly<{
  element: HTMLElement
  update: (range: AnsweredRange) => void
}>

/** The range in full, and which part of it may still grow. */
function openRangeLine(
  format: Format,
  heading: readonly HTMLElement[],
  zone: HTMLElement,
): RangeLine {
  const span = element('span', { class: 'range-span', text: '\u00a0' })
  const filling = element('span', { class: 'range-filling', attributes: { hidden: true } })
  return {
    element: element('div', { class: 'range-line' }, ...heading, span, zone, filling),
    update: (range) => {
      const fromMs = Date.parse(range.from)
      const toMs = Date.parse(range.to)
      const completeMs = Date.parse(range.completeTo)
      setText(span, periodText(fromMs, toMs, format))
      filling.hidden = completeMs >= toMs
      setText(filling, fillingText(format, { fromMs, toMs, completeMs }))
    },
  }
}
