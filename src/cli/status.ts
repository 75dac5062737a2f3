/**
 * `campaign-metrics status`: where everything stands, from the running process or, beside none,
 * from the disk.
 */

import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Status } from '../pipeline.ts'
import { CliError, EXIT_CODE } from './error.ts'
import { requireTables } from './lake-session.ts'
import {
  action,
  addConfigOption,
  addUrlOption,
  type Collector,
  type ConfigOption,
  collectorOf,
  configOf,
  type Finish,
  type UrlOption,
} from './options.ts'
import { authorization, refusalText } from './post-events.ts'
import { statusText } from './status-text.ts'
import { type Terminal, write } from './terminal.ts'

type StatusOptions = ConfigOption & UrlOption & Readonly<{ json?: boolean }>

const ANSWER_TIMEOUT_MS = 5000
const US_PER_MS = 1000

export function addStatus(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('status')
    .description('show the ledger, freshness, files and memory; exit code 1 if something is wrong')
    .option('--json', 'print it as JSON')
  addUrlOption(addConfigOption(command)).action(
    action(finish, (options: StatusOptions) => status(options, terminal)),
  )
}

async function status(options: StatusOptions, terminal: Terminal): Promise<number> {
  const config = configOf(options, terminal)
  const { found, url } = await findStatus(options, config, terminal)
  const isRunning = url !== null
  const text =
    options.json === true
      ? `${JSON.stringify({ running: isRunning, ...found }, null, 2)}\n`
      : statusText(found, { url, isFindable: config.listen.port !== 0, timezone: config.timezone })
  await write(terminal.stdout, text)
  return found.healthy ? EXIT_CODE.ok : EXIT_CODE.negative
}

/** `url` is that of the process that answered; null when the status was read from the disk. */
async function findStatus(
  options: StatusOptions,
  config: Config,
  terminal: Terminal,
): Promise<Readonly<{ found: Status; url: string | null }>> {
  if (options.url !== undefined || config.listen.port !== 0) {
    const collector = collectorOf(options, config, 'read', terminal)
    const found = await askStatus(collector)
    if (found !== null) return { found, url: collector.url }
    if (options.url !== undefined) {
      throw new CliError(
        'unreachable',
        `${collector.url}: nothing answers there; check --url, or leave it out to read the disk`,
      )
    }
  }
  requireTables(config)
  const { readStatus } = await import('../pipeline.ts')
  return { found: await readStatus(config, terminal.nowMs() * US_PER_MS), url: null }
}

/** The running process's own status, or null when nothing answers. */
async function askStatus(collector: Collector): Promise<Status | null> {
  const response = await fetch(`${collector.url}/v1/status`, {
    headers: authorization(collector),
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  }).catch(() => null)
  if (response === null) return null
  const text = await response.text()
  if (response.status !== 200) {
    throw new CliError(
      'refused',
      `${collector.url} answered ${response.status}: ${refusalText(text)}`,
    )
  }
  try {
    const found = JSON.parse(text) as Status
    if (typeof found.ledger?.received === 'number') return found
  } catch {
    // The error below says so.
  }
  throw new CliError(
    'refused',
    `${collector.url} answered, but not as campaign-metrics; check the address`,
  )
}
