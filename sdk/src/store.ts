/**
 * Where events wait that outlive the page or the process, and what is written of one.
 *
 *     campaign-metrics URL SLOT SEQUENCE      [type, user, timestamp, wall clock, first sending]
 *                                             the body, as it is sent
 *
 * URL is the collector's address, without spaces. A slot belongs to one page view, so tabs never
 * write the same key. A call writes one key, whatever else waits.
 */
import type { Environment } from './environment.ts'
import { type EventType, type QueuedEvent, REST_BYTES } from './event.ts'

/** Events whose `place` is null are in memory only. Nothing here throws. */
export type Store = Readonly<{
  /** It answers later: a beacon would leave before its note is written, so none is sent. */
  isLate?: boolean
  /** Another page may send the same events: a note of a first sending is for both. */
  isShared: boolean
  /** Writes the event as it is now. */
  write(event: QueuedEvent): void
  remove(event: QueuedEvent): void
  /** Takes over the first sending that another page has noted; false = it is done with it. */
  isOurs(event: QueuedEvent): boolean
  /** Where it answers later: resolves once everything so far is written. */
  written?(): Promise<void> | null
  /** Looks for what others have left. */
  open(): void
  /** The page goes: true = what it has stored is no longer its own. */
  leave(): boolean
}>

export type StoreParts = Readonly<{
  environment: Environment
  /** Of the collector. */
  url: string
  /** Events of earlier pages, from the oldest on. */
  takeOver(events: readonly QueuedEvent[]): void
}>

export type OpenStore = (parts: StoreParts) => Store | null

export function storeName(url: string): string {
  return `campaign-metrics ${url}`
}

export function storedText({ type, userId, timestamp, moment, sent, body }: QueuedEvent): string {
  const sending = sent && [sent.trueMs, sent.wallMs]
  return `${JSON.stringify([type, userId, timestamp, moment.wallMs, sending])}\n${body}`
}

type Stored = [EventType, string, string | null, number, [number | null, number] | null]

/**
 * null where it is none of ours. The steady clock of an earlier page says nothing in this one, so
 * the moment is as long ago as the wall clock says.
 */
export function restoredEvent(
  place: string,
  text: string | null,
  environment: Environment,
): QueuedEvent | null {
  try {
    const [head = '', body = ''] = (text as string).split('\n')
    const [type, userId, timestamp, wallMs, sending] = JSON.parse(head) as Stored
    return {
      sequence: 0,
      type,
      body,
      bytes: environment.byteLength(body + userId) + REST_BYTES,
      moment: {
        wallMs,
        steadyMs: environment.steadyMs() - Math.max(0, environment.wallMs() - wallMs),
      },
      userId,
      timestamp,
      sent: sending && { trueMs: sending[0], wallMs: sending[1] },
      isUnderWay: false,
      place,
    }
  } catch {
    return null
  }
}
