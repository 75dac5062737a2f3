/**
 * How a room defines its errors: a closed set of codes, and for each the message and whether a
 * later try can succeed. A map over codes is a `Record<Code, …>`, so that the compiler finds the
 * one that is missing.
 */

/** What the message says, for programs. Never a secret. */
export type Facts = Readonly<Record<string, string | number | null>>

export type ErrorKind = Readonly<{
  /** Whether the same call may succeed later, with nothing done by the user. */
  canRetry: boolean
  /** What failed, where, and what to do. */
  message: (facts: Facts) => string
}>

export type ErrorKinds<Code extends string> = Readonly<Record<Code, ErrorKind>>

/**
 * A failing world, as one room saw it. Each room has one subclass, which names itself and its
 * kinds.
 */
export abstract class RoomError<Code extends string> extends Error {
  readonly code: Code
  readonly facts: Facts
  readonly canRetry: boolean

  constructor(kinds: ErrorKinds<Code>, code: Code, facts: Facts, cause?: unknown) {
    const kind = kinds[code]
    super(kind.message(facts), cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
    this.canRetry = kind.canRetry
  }
}

/** The code of an error of the operating system ('ENOSPC'); null for anything else. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null
}

/** Why `fetch` failed: its own error only says that it did. */
export function networkReason(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return systemCode(cause) ?? reasonOf(cause)
}

/** The words of any thrown value, for the `reason` of another error. */
export function reasonOf(error: unknown): string {
  // Node reports the several addresses of one host that all refused as an error without a message.
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
