/**
 * The heading of the overview. It names the campaign that is looked at, with a way back to all of
 * them, and gets the focus after a drill-in, so that a screen reader tells what is shown now.
 */
import { campaignText, nameElement, onNames } from './campaign-name.ts'
import { element } from './element.ts'
import type { View, ViewStore } from './view.ts'

export type OverviewHeading = Readonly<{
  elements: readonly HTMLElement[]
  /** Scrolls to the top as well. */
  focus: () => void
}>

export function openOverviewHeading(store: ViewStore): OverviewHeading {
  const title = element('h2', {
    class: 'overview-title',
    attributes: { id: 'overview-title', tabindex: -1 },
  })
  const focus = (): void => {
    window.scrollTo({ top: 0 })
    title.focus({ preventScroll: true })
  }
  const leave = element('button', {
    class: 'overview-leave',
    text: 'All campaigns',
    attributes: { type: 'button', 'data-all-campaigns': true },
    on: {
      click: () => {
        store.change({ filters: { ...store.current().filters, campaign: [] }, page: 1 })
        focus()
      },
    },
  })
  let shown = ''
  const show = ({ filters: { campaign } }: View): void => {
    leave.hidden = campaign.length === 0
    const key = JSON.stringify(campaign)
    if (key === shown) return
    shown = key
    title.replaceChildren(...titleOf(campaign))
  }
  show(store.current())
  store.onChange(show)
  onNames(() => {
    shown = ''
    show(store.current())
  })
  return { elements: [title, leave], focus }
}

function titleOf(campaigns: readonly string[]): (string | HTMLElement)[] {
  const [only] = campaigns
  if (only === undefined) return ['Overview']
  if (campaigns.length > 1) return [`Overview: ${campaigns.length} campaigns`]
  return ['Overview: ', nameElement(campaignText(only))]
}
