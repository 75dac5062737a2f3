/**
 * How a campaign's id, or another value of events, is shown. Senders choose these texts, so one
 * that would be invisible is described instead.
 */
import { element } from './element.ts'

/** Only invisible characters: spaces, controls, format characters, the empty Braille pattern. */
const INVISIBLE = /^[\p{White_Space}\p{C}\p{Default_Ignorable_Code_Point}\u2800]*$/u
const CODES_MAX = 4

export function campaignText(campaign: string): string {
  return INVISIBLE.test(campaign) ? `(invisible: ${codesOf(campaign)})` : campaign
}

/** An empty value stands for events without one. */
export function valueText(value: string): string {
  return value === '' ? 'Not set' : campaignText(value)
}

function codesOf(text: string): string {
  const codes = [...text].map((sign) => {
    const code = (sign.codePointAt(0) ?? 0).toString(16).toUpperCase()
    return `U+${code.padStart(4, '0')}`
  })
  const shown = codes.slice(0, CODES_MAX).join(' ')
  return codes.length > CODES_MAX ? `${shown} …` : shown
}

/** On one line, in full as a title; in a `bdi`, so that direction marks do not affect the rest. */
export function nameElement(text: string): HTMLElement {
  return element('bdi', { class: 'name', text, attributes: { title: text } })
}
