/**
 * A panel that a button opens below itself. It is a browser popover: Escape and a click elsewhere
 * close it, focus returns to the button, and nothing covers it.
 */
import { element } from './element.ts'

export type Popover = Readonly<{ panel: HTMLElement; close: () => void }>

const GAP_PX = 6
const EDGE_PX = 8

export function attachPopover(
  button: HTMLButtonElement,
  options: Readonly<{ label: string; class: string; onOpen?: () => void }>,
): Popover {
  const panel = element('div', {
    class: `popover ${options.class}`,
    attributes: { popover: 'auto', role: 'dialog', 'aria-label': options.label },
  })
  button.popoverTargetElement = panel
  button.setAttribute('aria-haspopup', 'dialog')
  button.setAttribute('aria-expanded', 'false')
  button.after(panel)

  const place = (): void => {
    const from = button.getBoundingClientRect()
    const top = from.bottom + GAP_PX
    const left = Math.min(
      from.left,
      document.documentElement.clientWidth - panel.offsetWidth - EDGE_PX,
    )
    panel.style.setProperty('top', `${Math.round(top)}px`)
    panel.style.setProperty('left', `${Math.round(Math.max(EDGE_PX, left))}px`)
    panel.style.setProperty('--room', `${Math.round(innerHeight - top - EDGE_PX)}px`)
  }
  panel.addEventListener('beforetoggle', (event) => {
    const isOpening = event.newState === 'open'
    button.setAttribute('aria-expanded', String(isOpening))
    if (isOpening) options.onOpen?.()
  })
  panel.addEventListener('toggle', (event) => {
    if (event.newState === 'open') {
      place()
      panel.classList.add('is-placed')
      addEventListener('scroll', place, { passive: true })
      addEventListener('resize', place)
    } else {
      panel.classList.remove('is-placed')
      removeEventListener('scroll', place)
      removeEventListener('resize', place)
    }
  })
  return { panel, close: () => panel.hidePopover() }
}
