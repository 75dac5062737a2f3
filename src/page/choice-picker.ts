/** The picker of a filter: a button with the number of chosen values, and a searchable list. */
import { element, icon, setText } from './element.ts'
import { attachPopover } from './popover.ts'

/** Null if the server cannot be reached. */
type FindChoices = (search: string, signal: AbortSignal) => Promise<readonly Choice[] | null>

type ChoicePicker = Readonly<{
  element: HTMLElement
  setChosen: (chosen: readonly string[]) => void
}>

type PickerOptions = Readonly<{
  id: string
  label: string
  /** `Find a campaign`. */
  searchLabel: string
  chosenMax: number
  find: FindChoices
  /** Whether a search finds a value. */
  isFound: (value: string, search: string) => boolean
  /** Shows a value. */
  nameOf: (value: string) => HTMLElement
  onChange: (chosen: readonly string[]) => void
}>

const TYPING_MS = 150

export function openChoicePicker(options: PickerOptions): ChoicePicker {
  const { label, chosenMax } = options
  let chosen: readonly string[] = []
  /** What was chosen when the panel was opened is listed first while it is open. */
  let first: readonly string[] = []
  let stop = new AbortController()
  let typing: ReturnType<typeof setTimeout> | undefined

  const opener = pickerButton(label)
  const search = searchBox(options.searchLabel, () => {
    clearTimeout(typing)
    typing = setTimeout(() => void refill(), TYPING_MS)
  })
  const note = element('p', { class: 'choices-note', attributes: { role: 'status' } })
  const list = openChoiceList(options, (value, isTicked) => {
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
    const choices =
      found === null
        ? []
        : withFirst(
            found,
            first.filter((value) => options.isFound(value, text)),
          )
    list.fill(choices)
    const fault = found === null ? 'The list could not be loaded.' : 'Nothing matches.'
    setText(note, choices.length === 0 ? fault : '')
  }

  const whole = element('div', { class: 'filter', attributes: { 'data-filter': options.id } })
  whole.append(opener.button)
  const { panel } = attachPopover(opener.button, {
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
      opener.setCount(values.length)
      list.setChosen(values)
    },
  }
}

/** Earlier choices, then what was found. */
function withFirst(found: readonly Choice[], first: readonly string[]): readonly Choice[] {
  const notes = new Map(found.map(({ value, note }) => [value, note]))
  const values = new Set([...first, ...notes.keys()])
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

/** `note` is a figure beside the value. */
export type Choice = Readonly<{ value: string; note: string }>

type ChoiceList = Readonly<{
  element: HTMLElement
  fill: (choices: readonly Choice[]) => void
  /** Ticks exactly these boxes. */
  setChosen: (chosen: readonly string[]) => void
}>

/** The values of a filter, each with a checkbox. */
function openChoiceList(
  { label, nameOf }: Pick<PickerOptions, 'label' | 'nameOf'>,
  onTick: (value: string, isTicked: boolean) => void,
): ChoiceList {
  const list = element('ul', { class: 'choices', attributes: { 'aria-label': label } })
  let boxes: readonly Readonly<{ value: string; box: HTMLInputElement }>[] = []
  let chosen: readonly string[] = []

  const tick = (): void => {
    for (const { value, box } of boxes) box.checked = chosen.includes(value)
  }
  const row = ({ value, note }: Choice, box: HTMLInputElement): HTMLElement => {
    const name = nameOf(value)
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
