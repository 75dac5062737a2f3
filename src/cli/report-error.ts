/**
 * Errors as a user should see them: one line, no stack trace (unless DEBUG is set), and the exit
 * code they stand for.
 */

import { ConfigError } from '../config.ts'
import { CliError } from './cli-error.ts'
import { EXIT_CODE, type ExitCode } from './exit-code.ts'

/** What the operating system says in codes, in words and with the way on. */
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
  if (error instanceof CliError) return error.exitCode
  if (error instanceof ConfigError) return EXIT_CODE.usage
  return isExpected(error) ? EXIT_CODE.failed : EXIT_CODE.internal
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `internal error: ${String(error)}`
  const code = codeOf(error)
  if (code === undefined) {
    return (
      `internal error: ${error.message || error.name}. This is a fault of campaign-metrics; ` +
      'run it again with DEBUG=1 for the details of a report'
    )
  }
  const hint = SYSTEM_HINTS[code]
  return 'syscall' in error && hint !== undefined ? `${error.message}: ${hint}` : error.message
}

/** Errors of the rooms and of the system carry a code; one without is a mistake in the program. */
function isExpected(error: unknown): boolean {
  return error instanceof Error && codeOf(error) !== undefined
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown }
  const isOurMistake =
    typeof code === 'string' && code.startsWith('ERR_') && code !== 'ERR_SQLITE_ERROR'
  return typeof code === 'string' && !isOurMistake ? code : undefined
}

function stackOf(error: Error): string {
  const stack = error.stack ?? String(error)
  return error.cause instanceof Error ? `${stack}\ncaused by: ${stackOf(error.cause)}` : stack
}
