/** A command cannot go on; the message is one line that says what, where and what to do. */

import { EXIT_CODE, type ExitCode } from './exit-code.ts'

export type CliErrorCode = 'usage' | 'unreachable' | 'refused' | 'input' | 'interrupted'

const EXIT_CODES: Readonly<Record<CliErrorCode, ExitCode>> = {
  usage: EXIT_CODE.usage,
  input: EXIT_CODE.usage,
  refused: EXIT_CODE.usage,
  unreachable: EXIT_CODE.unreachable,
  interrupted: EXIT_CODE.interrupted,
}

export class CliError extends Error {
  readonly code: CliErrorCode
  readonly exitCode: ExitCode

  constructor(code: CliErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CliError'
    this.code = code
    this.exitCode = EXIT_CODES[code]
  }
}
