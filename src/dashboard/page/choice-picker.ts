/** A filter: a button that says what is chosen, and a panel with a search and a list of what can be. */
import { valueText } from './campaign-text.ts'
import { element, setText } from './element.ts'
import { icon } from './icon.ts'
import { nameElement } from './name-element.ts'
import { attachPopover } from './popover.ts'

/** `note` is a figure beside the name. */
export type Choice = Readonly<{ value: string; note: string }>

/** Null when the server cannot be asked. */
export type FindChoices = (search: string, signal: AbortSignal) => Promise<readonly Choice[] | null>

export type ChoicePicker = Readonly<{
  element: HTMLElement
  setChosen: (chosen: readonly string[]) => void
}>

type PickerOptions = Readonly<{
  id: string
  label: string
  /** `Find a campaign`; the list is searched as one types. */
  searchLabel: string
  chosenMax: number
  find: FindChoices
  onChange: (chosen: readonly string[]) => void
}>

const TYPING_MS = 150

export function openChoicePicker(options: PickerOptions): ChoicePicker {
  let chosen: readonly string[] = []
  /** What was chosen when the panel was opened stands first, and stays there while it is open. */
  let first: readonly string[] = []
  let stop = new AbortController()
  let typing: ReturnType<typeof setTimeout> | undefined

  const count = element('span', { class: 'badge', attributes: { hidden: true } })
  const button = element(
    'button',
    { class: 'button filter-button', attributes: { type: 'button' } },
    element('span', { text: options.label }),
    count,
    icon('chevron'),
  )
  const search = element('input', {
    class: 'input search-input',
    attributes: {
      type: 'search',
      placeholder: options.searchLabel,
      'aria-label': options.searchLabel,
      autocomplete: 'off',
      spellcheck: 'false',
      autofocus: true,
    },
  })
  const list = element('ul', { class: 'choices', attributes: { 'aria-label': options.label } })
  const note = element('p', { class: 'choices-note', attributes: { role: 'status' } })
  const whole = element(
    'div',
    { class: 'filter', attributes: { 'data-filter': options.id } },
    button,
  )

  const refill = async (): Promise<void> => {
    stop.abort()
    stop = new AbortController()
    const { signal } = stop
    const text = search.value.trim()
    const found = await options.find(text, signal)
    if (signal.aborted) return
    if (found === null) {
      setText(note, 'The list could not be loaded.')
      return
    }
    const notes = new Map(found.map(({ value, note }) => [value, note]))
    const wanted = text.toLowerCase()
    const kept = first.filter((value) => valueText(value).toLowerCase().includes(wanted))
    const values = [...new Set([...kept, ...notes.keys()])]
    list.replaceChildren(...values.map((value) => choiceRow(value, notes.get(value) ?? '')))
    setText(note, values.length === 0 ? 'Nothing matches.' : '')
  }

  const choiceRow = (value: string, figure: string): HTMLElement => {
    const box = element('input', {
      attributes: { type: 'checkbox', 'data-choice': value },
      on: { change: (_, { checked }) => choose(value, checked) },
    })
    box.checked = chosen.includes(value)
    const name = nameElement(valueText(value))
    name.classList.toggle('is-not-set', value === '')
    return element(
      'li',
      {},
      element(
        'label',
        { class: 'choice' },
        box,
        name,
        figure === '' ? null : element('span', { class: 'choice-figure', text: figure }),
      ),
    )
  }

  const choose = (value: string, isChosen: boolean): void => {
    const others = chosen.filter((other) => other !== value)
    if (isChosen && others.length >= options.chosenMax) {
      setText(note, `${options.chosenMax} at most can be chosen.`)
      for (const box of list.querySelectorAll('input')) {
        box.checked = chosen.includes(box.dataset.choice ?? '')
      }
      return
    }
    setText(note, '')
    options.onChange(isChosen ? [...others, value] : others)
  }

  const { panel } = attachPopover(button, {
    label: `${options.label}: choose`,
    class: 'choice-panel',
    onOpen: () => {
      search.value = ''
      first = chosen
      list.replaceChildren()
      setText(note, 'Loading…')
      void refill()
    },
  })
  search.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => void refill(), TYPING_MS)
  })
  panel.append(element('div', { class: 'search' }, icon('search'), search), list, note)

  return {
    element: whole,
    setChosen: (values) => {
      chosen = values
      count.hidden = values.length === 0
      setText(count, String(values.length))
      button.classList.toggle('is-set', values.length > 0)
      for (const box of list.querySelectorAll('input')) {
        box.checked = values.includes(box.dataset.choice ?? '')
      }
    },
  }
}
