/**
 * Options that npm kept for itself: `npm start --demo` runs `start` without `--demo`, because npm
 * takes what stands before `--` for its own. It leaves a trace in the environment, by which the
 * user is told instead of being given something else.
 *
 *     npm start --demo=500        npm_config_demo=500
 *     npm start --demo 500        npm_config_demo=true, and 500 as an argument
 *     npm start -c x.yaml         npm_config_call=x.yaml: the short form is one of npm's own
 */
import type { Command, Option } from 'commander'
import { CliError } from './cli-error.ts'
import type { Terminal } from './terminal.ts'

/** What npm calls its own options with one letter, where we have the same letter. */
const NPM_LETTERS: Readonly<Record<string, string>> = { '-c': 'call' }

/** Throws CliError `usage` when npm swallowed options of this command. */
export function refuseSwallowedOptions(
  command: Command,
  words: readonly string[],
  environment: Terminal['environment'],
): void {
  const script = environment.npm_lifecycle_event
  if (script === undefined) return
  const swallowed = command.options.flatMap((option) => wordOf(option, environment) ?? [])
  if (swallowed.length === 0) return
  const run = script === 'start' ? 'npm start' : `npm run ${script}`
  const meant = [...swallowed, ...words].join(' ')
  throw new CliError(
    'usage',
    `npm has kept ${swallowed.join(' ')} for itself. Put -- before the options of ` +
      `${command.name()}: ${run} -- ${meant}`,
  )
}

/** As it has to be written; null = npm has not seen it. */
function wordOf({ long, short }: Option, environment: Terminal['environment']): string | null {
  const name = long?.replace(/^--/, '').replaceAll('-', '_')
  const value = environment[`npm_config_${name}`]
  // What was negated, as in --no-demo, is empty.
  if (name !== undefined && value) return value === 'true' ? `${long}` : `${long}=${value}`
  const letter = short === undefined ? undefined : NPM_LETTERS[short]
  const given = letter === undefined ? undefined : environment[`npm_config_${letter}`]
  return given ? `${short} ${given}` : null
}
