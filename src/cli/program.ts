/** The command line: which commands there are, and how any of them ends. */

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { EXIT_CODE } from './exit-code.ts'
import { refuseSwallowedOptions } from './npm-options.ts'
import { addQuery } from './query.ts'
import { type ReaderNeed, readerNeed, watchReaders } from './readers.ts'
import { addRejected } from './rejected.ts'
import { addRelocate } from './relocate.ts'
import { errorText, exitCodeOf } from './report-error.ts'
import { addSend } from './send.ts'
import { addSetup } from './setup.ts'
import { addStart } from './start.ts'
import { addStatus } from './status.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { addVerify } from './verify.ts'

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
    run.need = readerNeed(command.name())
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

/** All commands. `finish` is told the exit code of the one that ran. */
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
