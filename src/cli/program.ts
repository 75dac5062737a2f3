/** The command line: which commands there are, and how any of them ends. */

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addAdopt } from './adopt.ts'
import { EXIT_CODE, errorText, exitCodeOf } from './error.ts'
import { refuseSwallowedOptions } from './options.ts'
import { addQuery } from './query.ts'
import { addRejected } from './rejected.ts'
import { addRelocate } from './relocate.ts'
import { addSend } from './send.ts'
import { addSetup } from './setup.ts'
import { addStart } from './start.ts'
import { addStatus } from './status.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { addVerify } from './verify.ts'

/**
 * What a command does when the reader of its output leaves (`… | head`, a closed terminal). A
 * `daemon` goes on, and its output is lost. A `worker` goes on to its end, because its exit code is
 * an answer that must not depend on the reader. A `printer` ends without an error.
 */
type ReaderNeed = 'daemon' | 'worker' | 'printer'

const NEEDS: Readonly<Record<string, ReaderNeed>> = { start: 'daemon', query: 'printer' }

/** Runs one command line to its end and returns the exit code. */
export async function runCli(
  words: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const run = { exitCode: EXIT_CODE.ok as number, need: 'printer' as ReaderNeed }
  watchReaders(terminal, () => run.need)
  const program = buildProgram(terminal, (exitCode) => {
    run.exitCode = exitCode
  })
  program.hook('preAction', (_, command) => {
    run.need = NEEDS[command.name()] ?? 'worker'
  })
  try {
    const [name, ...more] = words
    const command = program.commands.find((each) => each.name() === name)
    if (command !== undefined) refuseSwallowedOptions(command, more, terminal.environment)
    await program.parseAsync(words, { from: 'user' })
    return run.exitCode
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage
    terminal.stderr.write(errorText(error, Boolean(terminal.environment.DEBUG)))
    return exitCodeOf(error)
  }
}

/** All commands. `finish` is called with the exit code of the one that ran. */
export function buildProgram(terminal: Terminal, finish: (exitCode: number) => void): Command {
  const program = new Command('campaign-metrics')
    .description('Ad events in, campaign metrics out, in real time, in open Apache Iceberg tables.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(--help lists what there is)')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      outputError: (text, put) => put(`campaign-metrics: ${text.replace(/^error: /, '')}`),
    })
  for (const add of [
    addSetup,
    addStart,
    addSend,
    addQuery,
    addVerify,
    addStatus,
    addRejected,
    addRelocate,
    addAdopt,
  ]) {
    add(program, terminal, finish)
  }
  return program
}

/** package.json lies one folder above src/ and dist/ alike. */
function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return String(manifest.version)
}

/**
 * No command depends on the reader of standard error. Where standard output cannot be written for
 * another reason (a full disk), only a daemon goes on.
 */
function watchReaders({ stdout, stderr }: Terminal, need: () => ReaderNeed): void {
  stderr.on('error', () => {})
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE'
    if (need() === 'daemon' || (isClosed && need() === 'worker')) return
    if (isClosed) process.exit(EXIT_CODE.ok)
    stderr.write(errorText(error, false))
    process.exit(EXIT_CODE.failed)
  })
}
