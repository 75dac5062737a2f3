/** A filter: a button that says what is chosen, and a panel with a search and a list of what can be. */
import { valueText } from './campaign-text.ts'
import { type Choice, openChoiceList } from './choice-list.ts'
import { element, setText } from './element.ts'
import { icon } from './icon.ts'
import { attachPopover } from './popover.ts'

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
  const { label, chosenMax } = options
  let chosen: readonly string[] = []
  /** What was chosen when the panel was opened stands first, and stays there while it is open. */
  let first: readonly string[] = []
  let stop = new AbortController()
  let typing: ReturnType<typeof setTimeout> | undefined

  const face = pickerButton(label)
  const search = searchBox(options.searchLabel, () => {
    clearTimeout(typing)
    typing = setTimeout(() => void refill(), TYPING_MS)
  })
  const note = element('p', { class: 'choices-note', attributes: { role: 'status' } })
  const list = openChoiceList(label, (value, isTicked) => {
    const others = chosen.filter((other) => other !== value)
    const isTooMany = isTicked && others.length >= chosenMax
    setText(note, isTooMany ? `${chosenMax} at most can be chosen.` : '')
    if (isTooMany) list.setChosen(chosen)
    else options.onChange(isTicked ? [...others, value] : others)
  })

  const refill = async (): Promise<void> => {
    stop.abort()
    stop = new AbortController()
    const { signal } = stop
    const text = search.value.trim()
    const found = await options.find(text, signal)
    if (signal.aborted) return
    const choices = found === null ? [] : withFirst(found, first, text)
    list.fill(choices)
    const said = found === null ? 'The list could not be loaded.' : 'Nothing matches.'
    setText(note, choices.length === 0 ? said : '')
  }

  const whole = element('div', { class: 'filter', attributes: { 'data-filter': options.id } })
  whole.append(face.button)
  const { panel } = attachPopover(face.button, {
    label: `${label}: choose`,
    class: 'choice-panel',
    onOpen: () => {
      search.value = ''
      first = chosen
      list.fill([])
      setText(note, 'Loading…')
      void refill()
    },
  })
  panel.append(element('div', { class: 'search' }, icon('search'), search), list.element, note)
  return {
    element: whole,
    setChosen: (values) => {
      chosen = values
      face.setCount(values.length)
      list.setChosen(values)
    },
  }
}

/** What was chosen before and matches, then what was found. */
function withFirst(
  found: readonly Choice[],
  first: readonly string[],
  search: string,
): readonly Choice[] {
  const notes = new Map(found.map(({ value, note }) => [value, note]))
  const wanted = search.toLowerCase()
  const kept = first.filter((value) => valueText(value).toLowerCase().includes(wanted))
  const values = new Set([...kept, ...notes.keys()])
  return [...values].map((value) => ({ value, note: notes.get(value) ?? '' }))
}

function pickerButton(
  label: string,
): Readonly<{ button: HTMLButtonElement; setCount: (count: number) => void }> {
  const badge = element('span', { class: 'badge', attributes: { hidden: true } })
  const button = element(
    'button',
    { class: 'button filter-button', attributes: { type: 'button' } },
    element('span', { text: label }),
    badge,
    icon('chevron'),
  )
  return {
    button,
    setCount: (count) => {
      badge.hidden = count === 0
      setText(badge, String(count))
      button.classList.toggle('is-set', count > 0)
    },
  }
}

function searchBox(label: string, onInput: () => void): HTMLInputElement {
  return element('input', {
    class: 'input search-input',
    attributes: {
      type: 'search',
      placeholder: label,
      'aria-label': label,
      autocomplete: 'off',
      spellcheck: 'false',
      autofocus: true,
    },
    on: { input: onInput },
  })
}
