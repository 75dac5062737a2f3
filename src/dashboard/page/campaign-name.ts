/**
 * A campaign's id as a reader sees it. Ids are any text: direction marks in one must not turn the row around it (so it
 * stands in a `bdi`), and one that would show as nothing is described instead.
 */
import { element, setAttribute, setText } from './element.ts'

/** Nothing but what leaves no ink: spaces, controls, format characters. */
const INVISIBLE = /^[\p{White_Space}\p{C}\p{Default_Ignorable_Code_Point}\u2800]*$/u
const CODES_MAX = 4

export function campaignText(campaign: string): string {
  return INVISIBLE.test(campaign) ? `(invisible: ${codesOf(campaign)})` : campaign
}

/** What a filter's value is called; an empty one stands for events that do not say it. */
export function valueText(value: string): string {
  return value === '' ? 'Not set' : campaignText(value)
}

export function nameElement(text: string): HTMLElement {
  const name = element('bdi', { class: 'name' })
  showName(name, text)
  return name
}

/** In full as a title, because long ones end in an ellipsis. */
export function showName(name: HTMLElement, text: string): void {
  setText(name, text)
  setAttribute(name, 'title', text)
}

function codesOf(text: string): string {
  const codes = [...text].map((sign) => {
    const code = (sign.codePointAt(0) ?? 0).toString(16).toUpperCase()
    return `U+${code.padStart(4, '0')}`
  })
  const shown = codes.slice(0, CODES_MAX).join(' ')
  return codes.length > CODES_MAX ? `${shown} …` : shown
}
