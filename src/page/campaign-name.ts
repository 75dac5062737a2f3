/**
 * How a campaign, or another value of events, is shown: a campaign by the name that the answers of
 * the server give with it, else by its id. Senders and spreadsheets choose these texts, so one that
 * would be invisible is described instead.
 */
import { type Named, searchText } from '../dashboard-definition.ts'
import { element, setAttribute, setText } from './element.ts'

/** Only invisible characters: spaces, controls, format characters, the empty Braille pattern. */
const INVISIBLE = /^[\p{White_Space}\p{C}\p{Default_Ignorable_Code_Point}\u2800]*$/u
const CODES_MAX = 4

/** Names by id, as the newest answers have them. */
const names = new Map<string, string>()
/** How many of these ids have a name. */
const uses = new Map<string, number>()
const listeners: (() => void)[] = []

/** Takes the names out of an answer, before anything of it is shown. */
export function learnNames({ names: told = {} }: Named): void {
  let hasChanged = false
  for (const [id, name] of Object.entries(told)) {
    const known = names.get(id) ?? null
    if (known === name) continue
    if (known !== null) countUse(known, -1)
    if (name === null) names.delete(id)
    else {
      countUse(name, 1)
      names.set(id, name)
    }
    hasChanged = true
  }
  if (hasChanged) for (const listener of listeners) listener()
}

function countUse(name: string, more: number): void {
  uses.set(name, (uses.get(name) ?? 0) + more)
}

/** Called when campaigns are named, or called differently. */
export function onNames(listener: () => void): void {
  listeners.push(listener)
}

/** The name; with the id if another campaign has the same name; the id if there is no name. */
export function campaignText(campaign: string): string {
  const name = names.get(campaign)
  if (name === undefined) return visibleText(campaign)
  const text = visibleText(name)
  return (uses.get(name) ?? 0) > 1 ? `${text} (${visibleText(campaign)})` : text
}

/** The id of a campaign that is shown by its name, else ''. */
export function campaignIdText(campaign: string): string {
  return names.has(campaign) ? visibleText(campaign) : ''
}

/** Whether a search for `wanted` finds the campaign, by its name or its id. */
export function isCampaignFound(campaign: string, wanted: string): boolean {
  return [names.get(campaign) ?? '', campaign].some((text) => isFound(text, wanted))
}

/** The same for other texts. */
export function isFound(text: string, wanted: string): boolean {
  return searchText(text).includes(searchText(wanted))
}

function visibleText(text: string): string {
  return INVISIBLE.test(text) ? `(invisible: ${codesOf(text)})` : text
}

/** An empty value stands for events without one. */
export function valueText(value: string): string {
  return value === '' ? 'Not set' : visibleText(value)
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

type CampaignElement = Readonly<{
  element: HTMLElement
  /** Shows the campaign as it is called now. */
  update: () => void
}>

/** The name, and below it the id in small letters; or only the id. */
export function openCampaignElement(campaign: string): CampaignElement {
  const name = nameElement('')
  const id = element('bdi', { class: 'campaign-id' })
  const update = (): void => {
    const idText = campaignIdText(campaign)
    setText(name, visibleText(names.get(campaign) ?? campaign))
    setAttribute(name, 'title', campaignText(campaign))
    setText(id, idText)
    id.hidden = idText === ''
  }
  update()
  return { element: element('span', { class: 'campaign-name' }, name, id), update }
}
