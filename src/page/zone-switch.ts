/**
 * The switch of the time zone: the configured one, the reader's, and UTC. A zone whose days begin
 * within a window is offered disabled, with the reason.
 */
import { zoneFault } from '../dashboard-definition.ts'
import { element, icon, placeChildren, setAttribute, setText } from './element.ts'
import { attachPopover } from './popover.ts'
import type { View, ViewStore } from './view.ts'

/** The zones that this page can show. */
export type Zones = Readonly<{
  configured: string
  /** The reader's; null where the browser does not tell. */
  own: string | null
  /** Why a zone cannot be shown; null if it can. */
  faultOf: (zone: string) => string | null
}>

/** Past and future offsets, as far as they are known, are those of these years. */
const OFFSET_YEARS = { fromMs: Date.UTC(2020), toMs: Date.UTC(2040) }

export function openZones(configured: string, own: string | null, windowMs: number): Zones {
  const faults = new Map<string, string | null>()
  const faultOf = (zone: string): string | null => {
    const known = faults.get(zone)
    if (known !== undefined) return known
    const fault = zone === configured ? null : zoneFault(zone, windowMs, OFFSET_YEARS)
    faults.set(zone, fault)
    return fault
  }
  return { configured, own, faultOf }
}

export function openZoneSwitch(store: ViewStore, zones: Zones): HTMLElement {
  const { configured, own, faultOf } = zones
  const text = element('span', {})
  const button = element(
    'button',
    { class: 'timezone', attributes: { type: 'button' } },
    text,
    icon('chevron'),
  )
  const list = element('div', {
    class: 'zone-choices',
    attributes: { role: 'group', 'aria-label': 'Time zone' },
  })
  const fault = element('p', { class: 'zone-fault', attributes: { role: 'status' } })
  const whole = element('div', { class: 'zone-switch' }, button, fault)
  const { panel, close } = attachPopover(button, { label: 'Time zone', class: 'zone-panel' })
  panel.append(list)

  const choiceOf = (zone: string, note: string): HTMLElement => {
    const reason = faultOf(zone)
    const choice = element(
      'button',
      {
        class: 'zone-choice',
        attributes: { type: 'button', 'data-zone': zone, disabled: reason !== null },
        on: {
          click: () => {
            close()
            store.change({ zone: zone === configured ? null : zone, page: 1 })
          },
        },
      },
      element('span', { text: zone }),
      element('span', { class: 'zone-note', text: note }),
    )
    if (reason === null) return choice
    return element('div', {}, choice, element('p', { class: 'hint', text: `${reason}.` }))
  }
  /** One zone for each name, whatever it is called besides. */
  const choices = (shown: string): ReadonlyMap<string, string> => {
    const notes = new Map<string, string[]>()
    const offer = (zone: string | null, note: string): void => {
      if (zone !== null) notes.set(zone, [...(notes.get(zone) ?? []), note])
    }
    offer(configured, 'configured')
    offer(own, 'mine')
    offer('UTC', '')
    offer(shown, '')
    return new Map([...notes].map(([zone, all]) => [zone, all.filter(Boolean).join(', ')]))
  }
  const show = (view: View): void => {
    const shown = view.zone ?? configured
    const made = [...choices(shown)].map(([zone, note]) => choiceOf(zone, note))
    placeChildren(list, made)
    for (const choice of list.querySelectorAll('[data-zone]')) {
      setAttribute(choice, 'aria-pressed', String(choice.getAttribute('data-zone') === shown))
    }
    setText(text, shown)
    setAttribute(button, 'data-timezone', shown)
    setAttribute(button, 'title', `All times are in ${shown}`)
    const refused = store.refusedZone()
    setText(fault, refused === null ? '' : `${faultOf(refused)}. Times are in ${shown}.`)
  }
  show(store.current())
  store.onChange(show)
  return whole
}
