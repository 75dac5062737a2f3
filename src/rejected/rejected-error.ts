/** What can go wrong with `rejected/`: a closed list, with what the operator or the caller can do. */

export type RejectedErrorCode = 'io' | 'failed' | 'busy' | 'closed' | 'damaged'

/** `canRetry`: the same call can succeed later, without a restart. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError'
  readonly code: RejectedErrorCode
  readonly canRetry: boolean
  readonly path: string

  constructor(code: RejectedErrorCode, path: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.canRetry = code === 'io' || code === 'busy'
    this.path = path
  }
}
