/**
 * Tabs by the pattern of WAI-ARIA: one tab stop for all of them, arrow keys, Home and End choose
 * another one. All tabs share one panel.
 */
import { element, setAttribute } from './element.ts'

type Tabs<Id extends string> = Readonly<{
  element: HTMLElement
  choose: (id: Id) => void
  /** The id of a tab, which names the panel. */
  idOf: (id: Id) => string
}>

type TabsOptions<Id extends string> = Readonly<{
  label: string
  /** The attribute that tells a tab: `data-by="country"`. */
  mark: string
  panelId: string
  choices: readonly Readonly<{ id: Id; label: string }>[]
  onChange: (id: Id) => void
}>

export function openTabs<Id extends string>(options: TabsOptions<Id>): Tabs<Id> {
  const { choices, mark, panelId, onChange } = options
  const idOf = (id: Id): string => `${panelId}-${id}`
  const tabs = choices.map(({ id, label }, index) => ({
    id,
    tab: element('button', {
      class: 'segment',
      text: label,
      attributes: {
        type: 'button',
        role: 'tab',
        id: idOf(id),
        'aria-controls': panelId,
        [mark]: id,
      },
      on: { click: () => onChange(id), keydown: (event) => move(event, index) },
    }),
  }))
  const move = (event: KeyboardEvent, from: number): void => {
    const to = nextTab(event.key, from, tabs.length)
    const next = tabs[to ?? -1]
    if (next === undefined) return
    event.preventDefault()
    next.tab.focus()
    onChange(next.id)
  }
  return {
    element: element(
      'div',
      { class: 'segments', attributes: { role: 'tablist', 'aria-label': options.label } },
      ...tabs.map(({ tab }) => tab),
    ),
    choose: (chosen) => {
      for (const { id, tab } of tabs) {
        setAttribute(tab, 'aria-selected', String(id === chosen))
        setAttribute(tab, 'tabindex', id === chosen ? 0 : -1)
      }
    },
    idOf,
  }
}

function nextTab(key: string, from: number, count: number): number | null {
  switch (key) {
    case 'ArrowRight':
      return (from + 1) % count
    case 'ArrowLeft':
      return (from - 1 + count) % count
    case 'Home':
      return 0
    case 'End':
      return count - 1
    default:
      return null
  }
}
