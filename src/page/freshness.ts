/** How complete and how old the figures are, in one ticking line. */
import type { LiveMessage } from '../dashboard-definition.ts'
import { element, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { ageText, freshnessText } from './freshness-text.ts'

export type Freshness = Readonly<{
  element: HTMLElement
  update: (message: LiveMessage) => void
  /** Moves the ages on; `isCut` while the stream is broken. */
  tick: (isCut: boolean) => void
}>

export function openFreshness(format: Format, nowMs: () => number): Freshness {
  const text = element('span', { class: 'freshness-text', text: 'Waiting for the first figures' })
  const whole = element('p', { class: 'freshness', attributes: { 'data-freshness': '' } }, text)
  let latest: LiveMessage | null = null
  let heardMs = 0
  return {
    element: whole,
    update: (message) => {
      latest = message
      heardMs = nowMs()
      setAttribute(whole, 'data-freshness', message.completeTo ?? '')
    },
    tick: (isCut) => {
      if (latest === null) return
      setText(
        text,
        isCut
          ? `Connection lost · last heard ${ageText(nowMs() - heardMs)} ago`
          : freshnessText(latest, nowMs(), format),
      )
    },
  }
}
