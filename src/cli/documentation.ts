/** The page docs/cli.md, written from the commands themselves. */

import { EXIT_CODE, EXIT_CODE_MEANINGS } from './error.ts'
import { buildProgram } from './program.ts'
import { processTerminal } from './terminal.ts'

const COLUMNS = 96

export function commandsPage(): string {
  const program = buildProgram(processTerminal(), () => {})
  const sections = program.commands.map((command) => {
    const help = command.configureHelp({ helpWidth: COLUMNS }).helpInformation()
    return `### ${command.name()}\n\n\`\`\`text\n${help.trim()}\n\`\`\``
  })
  return `${[
    '<!-- Written by `npm run docs` from the commands in src/cli/; do not edit. -->',
    '# Commands',
    'In a checkout: `npm start -- [options]` for `start`, `npx campaign-metrics COMMAND` for ' +
      'the others. All commands but `relocate` and `adopt` work beside a running `start`. What is ' +
      'asked for goes to standard output, everything else to standard error.',
    ...sections,
    '## Keys',
    'Where the collector asks for a key, commands take it from the environment variable ' +
      '`CAMPAIGN_METRICS_KEY`, or else from `keys` of the configuration. A key of the ' +
      'configuration is sent to the address of `listen` only, never to one given with `--url`.',
    '## Interrupting',
    'The first ctrl-C (or SIGTERM, SIGHUP) ends a command cleanly: `start` takes no more ' +
      'events, commits what it has and stops; what does not fit into ten seconds waits in the ' +
      'log for the next start. A second one ends it at once; nothing acknowledged is lost either ' +
      'way. `send` may be run again with the same files within `dedupe.horizon`: each `event_id` ' +
      'counts once. `start` does not depend on who reads its output: it goes on when they leave.',
    '## Exit codes',
    exitCodeTable(),
    'An error is one line on standard error: what failed, where, and what to do. `DEBUG=1` ' +
      'adds the stack trace.',
  ].join('\n\n')}\n`
}

function exitCodeTable(): string {
  const rows = Object.entries(EXIT_CODE).map(([name, code]) => {
    const meaning = EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODE]
    return `| ${code} | ${meaning} |`
  })
  return ['| code | meaning |', '| --- | --- |', ...rows].join('\n')
}
