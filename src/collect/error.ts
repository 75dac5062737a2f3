/** Why a collector does not start. Bad requests are answers (`refusal.ts`), never errors. */
import { type ErrorKinds, type Facts, RoomError } from '../runtime.ts'

export type CollectorErrorCode = 'keys-required' | 'bad-origin' | 'bad-redirect' | 'listen-failed'

const KINDS: ErrorKinds<CollectorErrorCode> = {
  'keys-required': {
    canRetry: false,
    message: (f) =>
      `Listening on ${f.host}:${f.port} would let everyone who reaches it write and read: set ` +
      'keys.write and keys.read (at least one key each), or listen on 127.0.0.1.',
  },
  'bad-origin': {
    canRetry: false,
    message: (f) =>
      `cors: ${JSON.stringify(f.origin)} is no origin. Write scheme, host and port as a browser ` +
      'does, without a path or a slash at the end: https://shop.example, or * for every origin.',
  },
  'bad-redirect': {
    canRetry: false,
    message: (f) =>
      `redirects: ${JSON.stringify(f.origin)} is no origin that a click link may lead to. Write ` +
      'scheme, host and port without a path or a slash at the end: https://shop.example.',
  },
  'listen-failed': {
    canRetry: false,
    message: (f) => `Cannot listen on ${f.host}:${f.port}: ${f.advice}`,
  },
}

export class CollectorError extends RoomError<CollectorErrorCode> {
  override readonly name = 'CollectorError'

  constructor(code: CollectorErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}
