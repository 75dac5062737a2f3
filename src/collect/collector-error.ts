/** Why a collector does not start. Bad requests are answers (`refusal.ts`), never errors. */

export type CollectorErrorCode = 'keys-required' | 'bad-origin' | 'listen-failed'

export class CollectorError extends Error {
  override readonly name = 'CollectorError'
  readonly code: CollectorErrorCode
  readonly host: string
  readonly port: number

  constructor(
    code: CollectorErrorCode,
    at: Readonly<{ host: string; port: number }>,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.host = at.host
    this.port = at.port
  }
}
