/**
 * What a command fails with, as a user should see it: one line, and the exit code it stands for.
 */

import { ConfigError } from '../config.ts'
import { type ErrorKind, type ErrorKinds, RoomError, systemCode } from '../runtime.ts'

/** Of every command. */
export const EXIT_CODE = {
  ok: 0,
  negative: 1,
  usage: 2,
  unreachable: 3,
  failed: 4,
  lockLost: 5,
  internal: 70,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE]

/** For docs/cli.md. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODE, string>> = {
  ok:
    'done; for `start`: stopped cleanly by a signal; for `query`: also where its reader has ' +
    'had enough (`… | head`)',
  negative:
    'it ran, and the answer is no: `verify` found a difference, `send` or `rejected --replay` ' +
    'had events rejected, `status` found something wrong',
  usage: 'wrong usage, configuration, input or key; nothing was changed by what was refused',
  unreachable: 'the collector does not answer, or said "later" for longer than we try again',
  failed:
    'something outside fails: a disk, a lock, a port, damaged files, a query that cannot be run',
  lockLost:
    'the lock file of the log folder or the catalog was removed or replaced while it ran: ' +
    'another process may be using it. Start it again if none is',
  internal: 'a fault of campaign-metrics itself',
  interrupted: 'ended by ctrl-C before it was done (128 + the signal)',
}

export type CliErrorCode = 'usage' | 'unreachable' | 'refused' | 'input' | 'interrupted'

const EXIT_CODES: Readonly<Record<CliErrorCode, ExitCode>> = {
  usage: EXIT_CODE.usage,
  input: EXIT_CODE.usage,
  refused: EXIT_CODE.usage,
  unreachable: EXIT_CODE.unreachable,
  interrupted: EXIT_CODE.interrupted,
}
/** The command that throws writes the message: one line with what failed, where, and what to do. */
const FINAL: ErrorKind = { canRetry: false, message: (f) => `${f.message}` }
const PASSING: ErrorKind = { ...FINAL, canRetry: true }
const KINDS: ErrorKinds<CliErrorCode> = {
  usage: FINAL,
  input: FINAL,
  refused: FINAL,
  unreachable: PASSING,
  interrupted: PASSING,
}

/** A command cannot go on. */
export class CliError extends RoomError<CliErrorCode> {
  override readonly name = 'CliError'

  constructor(code: CliErrorCode, message: string, cause?: unknown) {
    super(KINDS, code, { message }, cause)
  }
}

/** The codes of the operating system in words, and what to do. */
const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another program listens there; stop it, or set `listen` to another port (is ' +
    'campaign-metrics running already?)',
  EADDRNOTAVAIL: 'this machine has no such address; correct `listen`',
  EACCES: 'not allowed; correct the permissions, or use another path or a port above 1023',
  EPERM: 'not allowed; correct the permissions or use another path',
  ENOSPC: 'the disk is full; free some space',
  EROFS: 'the disk is read-only; use another path',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
  ENOENT: 'it does not exist; check the path',
  ENOTDIR: 'a part of the path is a file; check the path',
  EISDIR: 'it is a folder; name a file',
}

/** The lines for standard error. */
export function errorText(error: unknown, isDebug: boolean): string {
  const detail = isDebug && error instanceof Error ? `\n${stackOf(error)}` : ''
  return `campaign-metrics: ${messageOf(error)}${detail}\n`
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return EXIT_CODES[error.code]
  if (error instanceof ConfigError) return EXIT_CODE.usage
  if (systemCode(error) === 'lock-lost') return EXIT_CODE.lockLost
  return codeOf(error) === null ? EXIT_CODE.internal : EXIT_CODE.failed
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `internal error: ${String(error)}`
  const code = codeOf(error)
  if (code === null) {
    return (
      `internal error: ${error.message || error.name}. This is a fault of campaign-metrics; ` +
      'run it again with DEBUG=1 for the details of a report'
    )
  }
  const hint = SYSTEM_HINTS[code]
  return 'syscall' in error && hint !== undefined ? `${error.message}: ${hint}` : error.message
}

/** Errors of the rooms and of the system carry a code. Null = a mistake in the program. */
function codeOf(error: unknown): string | null {
  const code = systemCode(error)
  const isNodes = code?.startsWith('ERR_') && code !== 'ERR_SQLITE_ERROR'
  return isNodes ? null : code
}

function stackOf(error: Error): string {
  const stack = error.stack ?? String(error)
  return error.cause instanceof Error ? `${stack}\ncaused by: ${stackOf(error.cause)}` : stack
}
