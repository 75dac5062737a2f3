/**
 * `campaign-metrics adopt`: takes the tables as other programs have left them, and recomputes the
 * windows that differ.
 */

import type { Command } from 'commander'
import type { Adoption } from '../pipeline.ts'
import { CliError, EXIT_CODE } from './error.ts'
import { requireTables } from './lake-session.ts'
import { countOf, countText } from './number-text.ts'
import { action, addConfigOption, type ConfigOption, configOf, type Finish } from './options.ts'
import { type Terminal, write } from './terminal.ts'

type AdoptOptions = ConfigOption & Readonly<{ dryRun?: boolean }>

const US_PER_MS = 1000

export function addAdopt(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('adopt')
    .description(
      'take the raw table as other programs have left it, and recompute the windows that differ ' +
        '(not while it runs)',
    )
    .option('--dry-run', 'only show what it would do; also while it runs')
  addConfigOption(command).action(
    action(finish, (options: AdoptOptions) => adopt(options, terminal)),
  )
}

async function adopt(options: AdoptOptions, terminal: Terminal): Promise<number> {
  const config = configOf(options, terminal)
  if (config.engine !== 'embedded') {
    throw new CliError(
      'usage',
      'adopt: tables that Flink fills are amended by the running process; nothing is to be adopted',
    )
  }
  requireTables(config)
  const { adoptTables } = await import('../pipeline.ts')
  const isDryRun = options.dryRun ?? false
  const found = await adoptTables({
    config,
    isDryRun,
    nowUs: () => terminal.nowMs() * US_PER_MS,
    killAt: terminal.environment.CAMPAIGN_METRICS_KILL_AT,
  })
  await write(terminal.stdout, adoptionText(found, isDryRun))
  return EXIT_CODE.ok
}

function adoptionText(found: Adoption | null, isDryRun: boolean): string {
  if (found === null) return 'Nothing to adopt: campaign_metrics equals the raw table.\n'
  const { changes, windows, emptied, missingEvents, nextOffset } = found
  const gone = emptied === 0 ? '' : `, of which ${countText(emptied)} have no events any more`
  const lines = [
    ...changes,
    `${countOf(windows, 'window')} of campaign_metrics ` +
      `${isDryRun ? 'would be recomputed' : 'recomputed'}${gone}`,
    ...(missingEvents === 0
      ? []
      : [
          `${countOf(missingEvents, 'row')} taken from campaign_events by other programs ` +
            'stay out: their events are not read again from the log',
        ]),
    ...(nextOffset === null ? [] : [`the log is read from offset ${countText(nextOffset)}`]),
    isDryRun
      ? 'Nothing was changed: this was a dry run.'
      : 'The tables are adopted as they are. `campaign-metrics start` goes on from there.',
  ]
  return `${lines.join('\n')}\n`
}
