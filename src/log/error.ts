/** What can fail in the log: one closed list of codes, each with whether the same call may succeed later. */

/** `true`: try again later, nothing is wrong with the call or the log. */
const CAN_RETRY = {
  /** Another process holds the folder. */
  locked: false,
  /** Bytes on disk are not what was written, or a segment is missing. Nothing is skipped. */
  damaged: false,
  /** The disk budget or the disk reserve is used up: 503. Ends by itself after `trim` or when the disk has room. */
  full: true,
  /** Too many bytes wait for the disk: 429. */
  busy: true,
  /** Bytes of one append that no frame can hold. */
  'too-large': false,
  /** The folder, its lock or the segment being written is not where it was: 503. Ends when it is back. */
  misplaced: true,
  /** A write or sync failed: the log accepts nothing more until the process is started again. */
  io: false,
  /** `close` was called. */
  closed: false,
  /** The offset asked for is below the first one held. */
  trimmed: false,
  /** The offset asked for is above the end: the log was created anew, or lost its tail. */
  'beyond-end': false,
  /** Kafka: the broker is away or asks to be asked again: 503. Nothing is known about an append that fails so. */
  unavailable: true,
  /** Kafka: wrong credentials or TLS, or no right to the topic. */
  denied: false,
  /** Kafka: there is no such topic. */
  'topic-missing': false,
  /** Kafka: the topic is not made as this program needs it. */
  'topic-unfit': false,
  /** Kafka: the topic is not the one it was when the log was opened. */
  'topic-replaced': false,
  /** Kafka: the broker is too old, or the topic holds a format of old. */
  unsupported: false,
} as const

export type LogErrorCode = keyof typeof CAN_RETRY

export type LogErrorFacts = Readonly<Record<string, string | number | null>>

/** A failing world, as the log saw it. `facts` holds what the message says, for programs. */
export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode
  readonly canRetry: boolean
  readonly facts: LogErrorFacts

  constructor(code: LogErrorCode, message: string, facts: LogErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
    this.canRetry = CAN_RETRY[code]
    this.facts = facts
  }
}

export function damaged(what: string, facts: LogErrorFacts, cause?: unknown): LogError {
  const at = [
    facts.file === undefined ? '' : `, file ${facts.file}`,
    facts.position === undefined ? '' : `, byte ${facts.position}`,
    facts.offset === undefined ? '' : `, offset ${facts.offset}`,
  ].join('')
  return new LogError(
    'damaged',
    `log damaged: ${what}${at}. Nothing was skipped or changed. Restore the log folder from a copy; or, to go on without ` +
      'the events that are only in it, move the folder away: a new log is then created.',
    facts,
    cause,
  )
}

export function misplaced(fault: string): LogError {
  return new LogError(
    'misplaced',
    `log: ${fault}. Nothing is accepted meanwhile, since nobody would find it again: put it back, and the log goes on; or stop ` +
      'this process, restore what is missing, and start it again.',
    { fault },
  )
}

/** An error of the operating system as a LogError that says what failed; anything else as it is. */
export function explained(what: string, error: unknown): unknown {
  const code = systemCode(error)
  if (error instanceof LogError || !(error instanceof Error) || code === null) return error
  return new LogError('io', `log: ${what}: ${error.message}`, { cause: code }, error)
}

export function ioFailure(what: string, facts: LogErrorFacts, cause: unknown): LogError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new LogError(
    'io',
    `log failed: ${what}: ${reason}. Events not yet answered are not accepted, and nothing more is until the process is ` +
      'started again. Check the disk first.',
    facts,
    cause,
  )
}

/** The code of an operating system error ('ENOSPC'), or null for anything else. */
export function systemCode(cause: unknown): string | null {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : null
}

/** The process, or the machine, has as many files open as it may: that passes by itself, and nothing has been done. */
export function isOutOfFiles(cause: unknown): boolean {
  const code = systemCode(cause)
  return code === 'EMFILE' || code === 'ENFILE'
}
