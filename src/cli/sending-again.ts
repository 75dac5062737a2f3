/**
 * For how long sending the same events again counts each of them once, as the collector tells it to
 * everyone with `GET /v1/time`.
 */

import { elapsedText, timeText } from './number-text.ts'
import type { Collector } from './options.ts'
import { authorization } from './post-events.ts'

const ANSWER_TIMEOUT_MS = 5000
const US_PER_MS = 1000

/** How long the collector recognises a repeat for certain; null where it does not tell. */
export async function readHorizonMs(collector: Collector): Promise<number | null> {
  try {
    const response = await fetch(`${collector.url}/v1/time`, {
      headers: authorization(collector),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    const { dedupeHorizonMs } = (await response.json()) as { dedupeHorizonMs?: unknown }
    return typeof dedupeHorizonMs === 'number' ? dedupeHorizonMs : null
  } catch {
    // Gone, or not a collector that tells it.
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
      `${timeText(firstSentMs * US_PER_MS, 'UTC')}; it did not tell how long that is.\n`
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
