/** A few choices side by side of which one holds. */
import { element, setAttribute } from './element.ts'

export type Segments<Id extends string> = Readonly<{
  element: HTMLElement
  set: (id: Id) => void
}>

/** `name` becomes the attribute by which each button is known: `data-measure="ctr"`. */
export function openSegments<Id extends string>(
  options: Readonly<{
    name: string
    label: string
    choices: readonly Readonly<{ id: Id; label: string }>[]
    onChange: (id: Id) => void
  }>,
): Segments<Id> {
  const buttons = options.choices.map(({ id, label }) => ({
    id,
    button: element('button', {
      class: 'segment',
      text: label,
      attributes: { type: 'button', [`data-${options.name}`]: id },
      on: { click: () => options.onChange(id) },
    }),
  }))
  return {
    element: element(
      'div',
      { class: 'segments', attributes: { role: 'group', 'aria-label': options.label } },
      ...buttons.map(({ button }) => button),
    ),
    set: (chosen) => {
      for (const { id, button } of buttons) {
        setAttribute(button, 'aria-pressed', String(id === chosen))
      }
    },
  }
}
