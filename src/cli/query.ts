/** `campaign-metrics query`: one SELECT over the two tables, as a table, CSV or JSON. */

import type { Command } from 'commander'
import { CliError, EXIT_CODE } from './error.ts'
import { openLakeSession } from './lake-session.ts'
import { action, addConfigOption, type ConfigOption, configOf, type Finish } from './options.ts'
import { type Terminal, write } from './terminal.ts'

type QueryOptions = ConfigOption & Readonly<{ csv?: boolean; json?: boolean; exact?: boolean }>

const EXAMPLES = `
The views are campaign_events and campaign_metrics; the SQL is DuckDB's.
  campaign-metrics query "select * from campaign_metrics order by window_start desc limit 10"
  campaign-metrics query --csv \\
    "select campaign_id, sum(revenue) from campaign_metrics group by 1" > revenue.csv`

export function addQuery(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('query')
    .description('run one SELECT over the two tables')
    .argument('<sql>', 'the statement')
    .option('--csv', 'print CSV')
    .option('--json', 'print a JSON array, an object a line')
    .option(
      '--exact',
      'with --csv: leave texts as they are; else one that a spreadsheet would run as a ' +
        "formula gets a '",
    )
    .addHelpText('after', EXAMPLES)
  addConfigOption(command).action(
    action(finish, (sql: string, options: QueryOptions) => query(sql, options, terminal)),
  )
}

async function query(sql: string, options: QueryOptions, terminal: Terminal): Promise<number> {
  if (options.csv === true && options.json === true) {
    throw new CliError('usage', 'choose one of --csv and --json')
  }
  const session = await openLakeSession(configOf(options, terminal))
  try {
    const { formatCsv, formatJson, formatTable } = await import('../query.ts')
    const result = await session.runSql(sql)
    // Senders choose their ids: a `campaign_id` may be a formula, and CSV files are opened in
    // spreadsheets.
    const isForSpreadsheet = options.exact !== true
    const text = options.json
      ? formatJson(result)
      : options.csv
        ? formatCsv(result, { isForSpreadsheet })
        : formatTable(result)
    for await (const part of text) await write(terminal.stdout, part)
  } finally {
    await session.close()
  }
  return EXIT_CODE.ok
}
