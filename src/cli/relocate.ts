/**
 * `campaign-metrics relocate`: after the data folder was moved or copied, writes the new place into
 * the tables.
 */

import type { Command } from 'commander'
import { EXIT_CODE } from './error.ts'
import { action, addConfigOption, type ConfigOption, configOf, type Finish } from './options.ts'
import type { Terminal } from './terminal.ts'

export function addRelocate(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('relocate')
    .description(
      'write the new place into the tables after their folder was moved (not while it runs)',
    )
  addConfigOption(command).action(
    action(finish, (options: ConfigOption) => relocate(options, terminal)),
  )
}

async function relocate(options: ConfigOption, terminal: Terminal): Promise<number> {
  const { warehouse, catalog } = configOf(options, terminal)
  const { relocateLake } = await import('../table.ts')
  const moved = await relocateLake({ warehouse, catalog })
  const text = moved
    ? `The tables now lie in ${warehouse.kind === 'folder' ? warehouse.path : warehouse.location}.`
    : 'The tables are where they should be; nothing to do.'
  terminal.stdout.write(`${text}\n`)
  return EXIT_CODE.ok
}
