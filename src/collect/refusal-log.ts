/**
 * Tells the operator which senders are refused for their origin, their key or the type of their
 * body, and which setting cures it: the developer of a page sees a failed request in the browser,
 * and nothing of the answer's text. Each kind is logged at most once a minute, since everybody who
 * reaches the port can bring it about.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { limitWarnings, type Warn } from './limits.ts'
import { type RefusalCode, refusal } from './refusal.ts'
import type { UploadFailure } from './upload.ts'

export type RefusalLog = Readonly<{
  /** Codes that are about something else are not logged. */
  note(code: UploadFailure, request: IncomingMessage): void
  /** A pixel or a click link was asked for, and there are none without a page key. */
  notePageKeyMissing(): void
}>

const PAUSE_MS = 60_000
const SHOWN_CHARACTERS_MAX = 100

/** The header that was not right, if it may be shown: a key may not. */
const LOGGED: ReadonlyMap<UploadFailure, keyof IncomingHttpHeaders | null> = new Map<
  RefusalCode,
  keyof IncomingHttpHeaders | null
>([
  ['origin-not-allowed', 'origin'],
  ['origin-missing', null],
  ['host-not-allowed', 'host'],
  ['key-missing', null],
  ['key-wrong', null],
  ['key-not-for-writing', null],
  ['key-not-for-pages', null],
  ['content-type', 'content-type'],
  ['content-encoding', 'content-encoding'],
])

export function createRefusalLog(warn: Warn, nowMs: () => number): RefusalLog {
  const limited = limitWarnings(warn, nowMs, PAUSE_MS)
  return {
    note(code, { headers }) {
      const header = LOGGED.get(code)
      if (code === 'aborted' || header === undefined) return
      const shown = header === null ? '' : `${header} ${visible(headers[header])}. `
      limited(`Events are refused (${code})`, shown + refusal(code).message)
    },
    notePageKeyMissing() {
      limited(
        'Events are refused (not-found)',
        'pixels and click links answer 404 until the configuration has a key in keys.page',
      )
    },
  }
}

/** What somebody else chose must not command the terminal. */
function visible(value: string | string[] | undefined): string {
  const text = String(value ?? 'missing').slice(0, SHOWN_CHARACTERS_MAX)
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}
