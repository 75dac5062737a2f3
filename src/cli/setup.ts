/**
 * `campaign-metrics setup`: makes what the configuration names at services, and reports for each
 * part whether it was there.
 */

import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import type { SetupOutcome, SetupPart } from '../setup.ts'
import { EXIT_CODE } from './error.ts'
import { action, addConfigOption, type ConfigOption, configOf, type Finish } from './options.ts'
import { type Terminal, write } from './terminal.ts'

type SetupOptions = ConfigOption & Readonly<{ dryRun?: boolean }>

const US_PER_MS = 1000
const OUTCOMES: Readonly<Record<SetupOutcome, string>> = {
  found: 'found',
  made: 'made',
  changed: 'changed',
  missing: 'would be made',
  differs: 'would be changed',
  left: 'left as it is',
  unfit: 'unfit',
}
const PART_WIDTH = 10
const NAME_WIDTH = 44
const INDENT = ' '.repeat(PART_WIDTH)

export function addSetup(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('setup')
    .description(
      'make what the configuration names at services: topic, tables, job, dashboard; ' +
        'can be run again',
    )
    .option('--dry-run', 'print what would be made or changed, and change nothing')
  addConfigOption(command).action(
    action(finish, (options: SetupOptions) => setup(options, terminal)),
  )
}

async function setup(options: SetupOptions, terminal: Terminal): Promise<number> {
  const config = configOf(options, terminal)
  const { setUp } = await import('../setup.ts')
  const counts = new Map<SetupOutcome, number>()
  const parts = setUp(config, {
    mode: options.dryRun === true ? 'look' : 'make',
    nowUs: () => terminal.nowMs() * US_PER_MS,
    newSecret: (bytes) => randomBytes(bytes).toString('base64url'),
  })
  for await (const part of parts) {
    counts.set(part.outcome, (counts.get(part.outcome) ?? 0) + 1)
    await write(terminal.stdout, partText(part))
  }
  if (counts.size === 0) {
    await write(
      terminal.stdout,
      'Nothing to set up: `campaign-metrics start` makes its folders itself.\n',
    )
  }
  return counts.has('unfit') ? EXIT_CODE.negative : EXIT_CODE.ok
}

function partText({ part, name, outcome, remarks }: SetupPart): string {
  const head = `${part.padEnd(PART_WIDTH)}${name.padEnd(NAME_WIDTH)} ${OUTCOMES[outcome]}`
  return [head, ...remarks.map((remark) => `${INDENT}${remark}`), ''].join('\n')
}
