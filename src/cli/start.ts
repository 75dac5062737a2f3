/**
 * `campaign-metrics start`: the pipeline in this process, until ctrl-C or until it cannot go on.
 */

import type { Command } from 'commander'
import { type Config, missingKeys } from '../config.ts'
import type { Pipeline } from '../pipeline.ts'
import { aborted } from '../runtime.ts'
import { type Demo, demoHistoryMs, startDemo } from './demo.ts'
import { CliError, EXIT_CODE } from './error.ts'
import { countOf, elapsedText } from './number-text.ts'
import { action, addConfigOption, type ConfigOption, configOf, type Finish } from './options.ts'
import { openLiveLine } from './progress.ts'
import { openStopSignal } from './stop-signal.ts'
import type { Terminal } from './terminal.ts'

type StartOptions = ConfigOption &
  Readonly<{
    demo?: true | string
    newLog?: boolean
    acceptRepeats?: boolean
    rebuildState?: boolean
  }>

const DEMO_RATE = 200
const DEMO_RATE_MAX = 1_000_000
const US_PER_MS = 1000
/** How long a stop waits for rooms that are being opened. */
const OPENING_END_MS = 2_000

export function addStart(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('start')
    .description('take events over HTTP and keep both tables current, until ctrl-C')
    .option(
      '--demo [rate]',
      `make demo traffic: ${DEMO_RATE} events a second, or [rate]; empty tables get some history ` +
        'first',
    )
    .option(
      '--new-log',
      'go on with filled tables after their log was lost or removed; with Flink: past what the ' +
        "topic's retention has removed",
    )
    .option(
      '--accept-repeats',
      'with Flink: go on after an outage so long that repeats may be counted twice',
    )
    .option(
      '--rebuild-state',
      "with Flink: where the job's state is lost or does not fit, read it again from the topic",
    )
  addConfigOption(command).action(
    action(finish, (options: StartOptions) => start(options, terminal, program.version() ?? '')),
  )
}

async function start(options: StartOptions, terminal: Terminal, version: string): Promise<number> {
  const demoRate = demoRateOf(options.demo)
  const config = configOf(options, terminal)
  checkStart(options, config)
  const stop = openStopSignal(() =>
    terminal.stderr.write('\nStopping: finishing what was accepted. Again to stop at once.\n'),
  )
  const warn = (text: string): void => {
    terminal.stderr.write(`campaign-metrics: ${text}\n`)
  }
  const { startPipeline } = await import('../pipeline.ts')
  const opened = endWhileOpening(stop.signal)
  const pipeline = await startPipeline(config, {
    nowUs: () => terminal.nowMs() * US_PER_MS,
    version,
    acceptNewLog: options.newLog ?? false,
    acceptRepeats: options.acceptRepeats ?? false,
    rebuildState: options.rebuildState ?? false,
    killAt: terminal.environment.CAMPAIGN_METRICS_KILL_AT,
    onWarning: warn,
  }).finally(opened)
  let demo: Demo | null = null
  const live = openLiveLine(terminal, () => pipeline.status())
  try {
    terminal.stdout.write(banner(config, pipeline.address, demoRate))
    if (demoRate !== null && !stop.signal.aborted) {
      const collector = { url: pipeline.address, key: config.keys.write[0] }
      const isEmpty = pipeline.status().ledger.received === 0
      demo = startDemo({
        collector,
        eventsPerSecond: demoRate,
        historyMs: isEmpty ? demoHistoryMs(demoRate) : 0,
        nowMs: terminal.nowMs,
        warn,
      })
    }
    await Promise.race([aborted(stop.signal), pipeline.failed])
  } catch (error) {
    live.close()
    await demo?.close()
    // The first failure is what the user must know; closing may fail after it.
    await pipeline.close().catch(() => {})
    throw error
  }
  live.close()
  await demo?.close()
  await stopPipeline(pipeline, terminal)
  stop.close()
  return EXIT_CODE.ok
}

function checkStart(
  { acceptRepeats, rebuildState }: StartOptions,
  { engine, keys, listen }: Config,
): void {
  if (acceptRepeats === true && engine !== 'flink') {
    throw new CliError('usage', '--accept-repeats: only Flink forgets event ids in an outage')
  }
  if (rebuildState === true && engine !== 'flink') {
    throw new CliError('usage', '--rebuild-state: only Flink keeps state outside of the tables')
  }
  const missing = missingKeys(keys)
  if (missing !== null) {
    throw new CliError('input', `listening on ${listen.host} needs keys, and ${missing}`)
  }
}

function demoRateOf(demo: StartOptions['demo']): number | null {
  if (demo === undefined) return null
  const rate = demo === true ? DEMO_RATE : Number(demo)
  if (Number.isFinite(rate) && rate >= 1 && rate <= DEMO_RATE_MAX) return rate
  throw new CliError(
    'usage',
    `--demo: ${JSON.stringify(demo)} is not a rate; accepted: 1 to ${DEMO_RATE_MAX} ` +
      'events a second',
  )
}

/**
 * Opening may wait for services. Nothing has been accepted yet, so a stop waits for it only
 * briefly. Returns what is to be called when all is open.
 */
function endWhileOpening(signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined
  const end = (): void => {
    timer = setTimeout(() => process.exit(EXIT_CODE.ok), OPENING_END_MS)
  }
  signal.addEventListener('abort', end, { once: true })
  return () => {
    signal.removeEventListener('abort', end)
    clearTimeout(timer)
  }
}

async function stopPipeline(pipeline: Pipeline, terminal: Terminal): Promise<void> {
  const startedMs = terminal.nowMs()
  await pipeline.close()
  const { ledger } = pipeline.status()
  const waiting =
    ledger.waiting === 0
      ? 'all accepted events are in the tables'
      : `${countOf(ledger.waiting, 'event')} wait in the log for the next start`
  terminal.stderr.write(`Stopped in ${elapsedText(terminal.nowMs() - startedMs)}; ${waiting}.\n`)
}

/**
 * What a first user needs to know, and nothing else. The address comes first: tests and scripts
 * read it.
 */
function banner(config: Config, address: string, demoRate: number | null): string {
  const key = config.keys.write.length > 0 ? " -H 'Authorization: Bearer KEY'" : ''
  const { warehouse, catalog } = config
  const option = config.file === null ? '' : ` --config ${quoted(config.file)}`
  const event =
    '{"event_id":"e1","user_id":"u1","campaign_id":"c1","event_type":"click",' +
    `"timestamp":"'$(date -u +%FT%TZ)'"}`
  const catalogName =
    catalog.kind === 'sqlite' ? catalog.path : `${catalog.database} at ${catalog.host}`
  const lines = [
    `Campaign Performance: ${address}/`,
    '',
    `campaign-metrics listens on ${address}`,
    '',
    ...(demoRate === null
      ? []
      : [`  demo    ${demoRate} events a second, from this process over HTTP`]),
    `  tables  ${warehouse.kind === 'folder' ? warehouse.path : warehouse.location}`,
    `  catalog ${catalogName}`,
    '',
    'Send an event:',
    `  curl ${address}/v1/events -H 'Content-Type: application/json'${key} \\`,
    `    -d '${event}'`,
    'Ask the tables, from another terminal:',
    `  npx campaign-metrics query${option} \\`,
    '    "select campaign_id, sum(impressions), sum(clicks) from campaign_metrics group by 1 ' +
      'order by 2 desc"',
    '',
    'ctrl-C stops it; nothing accepted is lost.',
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
