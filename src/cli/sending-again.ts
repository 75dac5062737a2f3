/**
 * For how long sending the same events again counts each of them once, as the collector tells it:
 * from its status, which takes a key that may read where keys are set.
 */

import type { Status } from '../pipeline.ts'
import { elapsedText, timeText } from './number-text.ts'
import type { Collector } from './options.ts'
import { authorization } from './post-events.ts'

const ANSWER_TIMEOUT_MS = 5000
const US_PER_MS = 1000

/** How long the collector recognises a repeat for certain; null where it does not tell. */
export async function readHorizonMs(collector: Collector): Promise<number | null> {
  try {
    const response = await fetch(`${collector.url}/v1/status`, {
      headers: authorization(collector),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    const { dedupe } = (await response.json()) as Partial<Status>
    const horizonMs = Math.min(Number(dedupe?.trueHorizonMs), Number(dedupe?.horizonMs))
    return Number.isFinite(horizonMs) ? horizonMs : null
  } catch {
    // Gone, or not willing to tell.
    return null
  }
}

/** `firstSentMs`: before the first request; the horizon of its events ends first. */
export function sendingAgainText(
  horizonMs: number | null,
  firstSentMs: number,
  nowMs: number,
): string {
  if (horizonMs === null) {
    return (
      'What is sent again counts once within dedupe.horizon of the collector, counted from ' +
      `${timeText(firstSentMs * US_PER_MS, 'UTC')}; how long that is, it tells to keys that may ` +
      'read.\n'
    )
  }
  const untilMs = firstSentMs + horizonMs
  if (untilMs <= nowMs) {
    return (
      `Do not send this again: the collector recognises repeats for ${elapsedText(horizonMs)}, ` +
      'and the first events were sent longer ago than that; they would count twice.\n'
    )
  }
  return (
    `What is sent again before ${timeText(untilMs * US_PER_MS, 'UTC')}, in ` +
    `${elapsedText(untilMs - nowMs)}, counts once: the collector recognises repeats for ` +
    `${elapsedText(horizonMs)}.\n`
  )
}
