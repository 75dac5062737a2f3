/** The list of what a filter can be set to, each with a box to tick. */
import { valueText } from './campaign-text.ts'
import { element } from './element.ts'
import { nameElement } from './name-element.ts'

/** `note` is a figure beside the name. */
export type Choice = Readonly<{ value: string; note: string }>

export type ChoiceList = Readonly<{
  element: HTMLElement
  fill: (choices: readonly Choice[]) => void
  /** Ticks these boxes and no others. */
  setChosen: (chosen: readonly string[]) => void
}>

export function openChoiceList(
  label: string,
  onTick: (value: string, isTicked: boolean) => void,
): ChoiceList {
  const list = element('ul', { class: 'choices', attributes: { 'aria-label': label } })
  let boxes: readonly Readonly<{ value: string; box: HTMLInputElement }>[] = []
  let chosen: readonly string[] = []

  const tick = (): void => {
    for (const { value, box } of boxes) box.checked = chosen.includes(value)
  }
  const row = ({ value, note }: Choice, box: HTMLInputElement): HTMLElement => {
    const name = nameElement(valueText(value))
    name.classList.toggle('is-not-set', value === '')
    const figure = element('span', { class: 'choice-figure', text: note })
    return element('li', {}, element('label', { class: 'choice' }, box, name, figure))
  }
  return {
    element: list,
    fill: (choices) => {
      boxes = choices.map(({ value }) => ({ value, box: tickBox(value, onTick) }))
      tick()
      const rows = choices.flatMap((choice, at) => {
        const box = boxes[at]?.box
        return box === undefined ? [] : [row(choice, box)]
      })
      list.replaceChildren(...rows)
    },
    setChosen: (values) => {
      chosen = values
      tick()
    },
  }
}

function tickBox(
  value: string,
  onTick: (value: string, isTicked: boolean) => void,
): HTMLInputElement {
  return element('input', {
    attributes: { type: 'checkbox', 'data-choice': value },
    on: { change: (_, { checked }) => onTick(value, checked) },
  })
}
