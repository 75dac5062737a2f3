/** A name on one line, in full as a title; in a `bdi`, so that direction marks in it do not turn its surroundings around. */
import { element } from './element.ts'

export function nameElement(text: string): HTMLElement {
  return element('bdi', { class: 'name', text, attributes: { title: text } })
}
