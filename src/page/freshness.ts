/** How complete and how old the figures are: one line that is updated as time passes. */
import type { LiveMessage } from '../dashboard-definition.ts'
import { element, setAttribute, setText } from './element.ts'
import { type Format, NOTHING } from './format.ts'

type Freshness = Readonly<{
  element: HTMLElement
  update: (message: LiveMessage) => void
  /** Updates the ages; `isCut` while the stream is interrupted. */
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

type Told = Pick<LiveMessage, 'completeTo' | 'committedAt' | 'secondsBehind' | 'stored'>
type Clock = Pick<Format, 'time' | 'dayTime' | 'day'>

/** A smaller lag is normal. */
const BEHIND_SECONDS = 10

/** `Data complete to 10:25 · committed 0.6 s ago` */
export function freshnessText(
  { completeTo, committedAt, secondsBehind, stored }: Told,
  nowMs: number,
  format: Clock,
): string {
  if (completeTo === null) return stored === 0 ? 'Waiting for the first event' : 'Catching up'
  const completeMs = Date.parse(completeTo)
  const complete =
    format.day(completeMs) === format.day(nowMs)
      ? format.time(completeMs)
      : format.dayTime(completeMs)
  const parts = [`Data complete to ${complete}`]
  if (committedAt !== null) {
    parts.push(`committed ${ageText(nowMs - Date.parse(committedAt))} ago`)
  }
  if (secondsBehind >= BEHIND_SECONDS) parts.push(`${ageText(secondsBehind * 1000)} behind`)
  return parts.join(' · ')
}

/** Which part of a range may still grow; with the day if it is not the range's last. */
export function fillingText(
  format: Clock,
  { fromMs, toMs, completeMs }: Readonly<{ fromMs: number; toMs: number; completeMs: number }>,
): string {
  if (completeMs <= fromMs) return 'Still filling'
  const isLastDay = format.day(completeMs) === format.day(toMs - 1)
  return `Still filling from ${isLastDay ? format.time(completeMs) : format.dayTime(completeMs)}`
}

/** `0.6 s`, `42 s`, `12 min`, `3 h`, `2 d` */
export function ageText(ms: number): string {
  if (!Number.isFinite(ms)) return NOTHING
  const seconds = Math.max(0, ms / 1000)
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 100) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 100) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`
}
