/** What can go wrong with `rejected/`. Each message says what failed, where, and what to do. */
import { type ErrorKinds, type Facts, RoomError } from '../runtime.ts'

export type RejectedErrorCode =
  /** A write or a check failed; the next one may succeed. */
  | 'io'
  /** An `fdatasync` failed: nothing more is kept until a restart. */
  | 'failed'
  /** Too many bytes wait for the disk. */
  | 'busy'
  /** `close` was called. */
  | 'closed'
  /** A file under `rejected/` is not what this program writes. */
  | 'damaged'

const notKept = ({ path, reason }: Facts): string =>
  `Rejected events cannot be kept in ${path}: ${reason}.`

const KINDS: ErrorKinds<RejectedErrorCode> = {
  io: { canRetry: true, message: notKept },
  failed: { canRetry: false, message: notKept },
  busy: { canRetry: true, message: notKept },
  closed: { canRetry: false, message: notKept },
  damaged: {
    canRetry: false,
    message: ({ path, fault, todo }) => `${path} is damaged: ${fault}. ${todo}`,
  },
}

export class RejectedError extends RoomError<RejectedErrorCode> {
  override readonly name = 'RejectedError'

  constructor(code: RejectedErrorCode, facts: Facts, cause?: unknown) {
    super(KINDS, code, facts, cause)
  }
}
