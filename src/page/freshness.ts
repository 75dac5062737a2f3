/** How old the figures are: one line that is updated as time passes. */
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
      setAttribute(whole, 'title', completeText(message, nowMs(), format))
    },
    tick: (isCut) => {
      if (latest === null) return
      setText(
        text,
        isCut
          ? `Connection lost ${ageText(nowMs() - heardMs)} ago, trying again`
          : freshnessText(latest, nowMs(), format),
      )
    },
  }
}

type Told = Pick<LiveMessage, 'completeTo' | 'committedAt' | 'secondsBehind' | 'stored'>
type Clock = Pick<Format, 'time' | 'dayTime' | 'day'>

/** A smaller lag is normal. */
const BEHIND_SECONDS = 10
const NOW_MS = 10_000
const QUIET_MS = 3_600_000

/** `Updated just now`, `Updated 12 min ago`, `No new events since 09:14` */
export function freshnessText(
  { completeTo, committedAt, secondsBehind, stored }: Told,
  nowMs: number,
  format: Clock,
): string {
  if (stored === 0) return 'Waiting for the first event'
  if (completeTo === null) return 'Catching up'
  if (secondsBehind >= BEHIND_SECONDS) return `Catching up, ${ageText(secondsBehind * 1000)} behind`
  if (committedAt === null) return 'Up to date'
  const updatedMs = Date.parse(committedAt)
  const ageMs = nowMs - updatedMs
  if (ageMs < NOW_MS) return 'Updated just now'
  if (ageMs < QUIET_MS) return `Updated ${ageText(ageMs)} ago`
  return `No new events since ${momentText(updatedMs, nowMs, format)}`
}

function completeText({ completeTo }: Told, nowMs: number, format: Clock): string | null {
  if (completeTo === null) return null
  return `Complete to ${momentText(Date.parse(completeTo), nowMs, format)}`
}

/** The time; with the day if it is not today. */
function momentText(ms: number, nowMs: number, format: Clock): string {
  return format.day(ms) === format.day(nowMs) ? format.time(ms) : format.dayTime(ms)
}

/** Which part of a range may still grow; with the day if it is not the range's last. */
export function fillingText(
  format: Clock,
  { fromMs, toMs, completeMs }: Readonly<{ fromMs: number; toMs: number; completeMs: number }>,
): string {
  if (completeMs <= fromMs) return IN_PROGRESS
  const isLastDay = format.day(completeMs) === format.day(toMs - 1)
  return `${IN_PROGRESS} from ${isLastDay ? format.time(completeMs) : format.dayTime(completeMs)}`
}

/** Said of figures that may still grow. */
export const IN_PROGRESS = 'In progress'

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
