/** What can go wrong between this program and Flink: a closed list of codes, each with what to do about it. */

export type FlinkErrorCode =
  /** Nothing answers at the address, or not in time. */
  | 'unreachable'
  /** The gateway refused a statement. */
  | 'statement'
  /** Flink answered a request with an error. */
  | 'refused'
  /** An answer that is not what Flink's REST interface writes. */
  | 'answer'
  /** Tables hold rows, and no checkpoint says up to where. */
  | 'no-checkpoint'
  /** The state of the running job does not fit the job that is wanted. */
  | 'state'
  /** The job ended, or never ran, in the time allowed. */
  | 'job'
  /** Files of rejected events that are not what the job writes. */
  | 'rejected-file'

const CAN_RETRY: ReadonlySet<FlinkErrorCode> = new Set(['unreachable', 'refused', 'job'])

export class FlinkError extends Error {
  override readonly name = 'FlinkError'
  readonly code: FlinkErrorCode
  readonly canRetry: boolean
  /** The facts: addresses, states, the statement's heading. Never a secret. */
  readonly facts: Readonly<Record<string, string | number>>

  constructor(
    code: FlinkErrorCode,
    message: string,
    facts: Readonly<Record<string, string | number>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.canRetry = CAN_RETRY.has(code)
    this.facts = facts
  }
}

/**
 * The line that says what is wrong in a Flink stack trace: the innermost cause. Frames, wrapping exceptions and package names
 * are left out, since the reader wants the sentence.
 */
export function rootCause(trace: string): string {
  const lines = trace.split('\n').map((line) => line.trim())
  const causes = lines.filter((line) => line.startsWith('Caused by: '))
  const exception = lines.find((line) => /^(?:[a-z]\w*\.)+[A-Z]\w*(?::|$)/.test(line))
  const line =
    causes.at(-1)?.slice('Caused by: '.length) ?? exception ?? lines.find((l) => l !== '')
  return (line ?? 'no reason was given').replace(/^(?:[a-z]\w*\.)+/, '')
}
