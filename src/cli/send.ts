/**
 * `campaign-metrics send`: events from files or standard input to the collector, in batches, tried
 * again until answered; or with `--dry-run` to the engine alone.
 */

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { CliError, EXIT_CODE } from './error.ts'
import { openDryRun } from './event-files/dry-run.ts'
import {
  checkFirstRecord,
  eventBatches,
  FILE_KINDS,
  type FileKind,
  nameOf,
  type Reading,
} from './event-files/event-batches.ts'
import { TIME_FORMATS } from './event-files/event-time.ts'
import { type MappingOptions, mappingOf } from './event-files/mapping.ts'
import { STDIN } from './event-input.ts'
import type { LineBatch } from './ndjson-batches.ts'
import { bytesText, countOf, countText, elapsedText } from './number-text.ts'
import {
  action,
  addConfigOption,
  addUrlOption,
  type ConfigOption,
  collectorOf,
  configOf,
  type Finish,
  type UrlOption,
} from './options.ts'
import { PATIENCE_MS, type PostAnswer, type PostOptions, postEvents } from './post-events.ts'
import { openProgress, type Progress } from './progress.ts'
import { readHorizonMs, sendingAgainText } from './sending-again.ts'
import { openStopSignal } from './stop-signal.ts'
import type { Terminal } from './terminal.ts'

type SendOptions = ConfigOption &
  UrlOption &
  MappingOptions &
  Readonly<{ format?: string; dryRun?: boolean; gzip?: boolean; patience?: string }>

const BATCH = { bytesMax: 1024 * 1024, linesMax: 50_000 }
/** The rest is counted; the collector keeps them all in `rejected/`. */
const REJECTED_LINES_SHOWN = 100
const PATIENCE_SECONDS_MAX = 86_400
/** How the collector rejects half an event. */
const NOT_WHOLE = /^event: not valid/
const NOT_A_TIME = /^timestamp: expected/

/** What was sent so far. */
type Tally = {
  sent: number
  accepted: number
  rejected: number
  unsent: number
  /** Times were rejected for how they are written. */
  hasOddTimes: boolean
  bytes: number
  /** The first line of the file under way that has no answer. */
  nextLine: number
}

export function addSend(program: Command, terminal: Terminal, finish: Finish): void {
  const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]
  const command = program
    .command('send')
    .description('send events from files, or from standard input (-), to the collector')
    .argument('<files...>', 'files to send, in this order; - is standard input')
    .option(
      '--format <kind>',
      `what the files are: ${FILE_KINDS.join(', ')} (default: by the name, else ndjson)`,
    )
    .option('--map <field=column>', 'the column that holds a field; may be repeated', collect)
    .option('--set <field=value>', 'one value for a field of all events; may be repeated', collect)
    .option('--time-format <format>', `how times are written: ${TIME_FORMATS.join(', ')}`)
    .option(
      '--id-from <columns>',
      'make event_id from these columns, which together tell one event from all others',
      collect,
    )
    .option('--dry-run', 'send nothing: say what would be accepted, and why not')
    .option('--gzip', 'compress what is sent, for slow lines')
    .option(
      '--patience <seconds>',
      'how long to try again while nobody answers (default: 5 before the first answer, then 60)',
    )
    .addHelpText('after', HELP)
  addUrlOption(addConfigOption(command)).action(
    action(finish, (files: string[], options: SendOptions) => send(files, options, terminal)),
  )
}

const HELP = `
Kinds by name: .json (an array, or objects), .csv, .tsv, .parquet; all others are NDJSON. All but
Parquet also as .gz and .zst, and from standard input. The first line of CSV and TSV names the
columns; CSV may use , ; | or tabs. An empty cell is an absent field.

  send orders.csv --map event_id=order_no --map timestamp=paid_at --time-format epoch-ms \\
                  --map user_id=customer --map campaign_id=utm_campaign --set event_type=conversion

Times: iso is RFC 3339, also with a space for the T, and UTC where no zone is named; date is a day,
taken as its first moment in UTC. A made event_id depends on --id-from and on event_type alone, so
the same row always gives the same id, and rows that agree in both count as one event.

Sending the same files again is safe within dedupe.horizon: each event_id counts once. At its end
\`send\` says until when that is.`

async function send(
  files: readonly string[],
  options: SendOptions,
  terminal: Terminal,
): Promise<number> {
  const config = configOf(options, terminal)
  const patienceMs = options.patience === undefined ? PATIENCE_MS : patienceOf(options.patience)
  const [kind, mapping] = [kindOf(options.format), mappingOf(options)]
  const isDry = options.dryRun === true
  const totalBytes = sizeOf(files)
  const tally: Tally = {
    ...{ sent: 0, accepted: 0, rejected: 0, unsent: 0, hasOddTimes: false, bytes: 0, nextLine: 1 },
  }
  const collector = isDry ? null : collectorOf(options, config, 'write', terminal)
  const stop = openStopSignal()
  const reading = { kind, mapping, limits: BATCH, terminal, signal: stop.signal, onRead: () => {} }
  let progress: Progress | undefined
  let startedMs = terminal.nowMs()
  let done = 0
  try {
    for (const file of files) if (canBeReadTwice(file)) await checkFirstRecord(file, reading)
    progress = openProgress(terminal, totalBytes)
    const { advance, say } = progress
    const post = (patience: number): PostOptions => ({
      gzip: options.gzip ?? false,
      patienceMs: patience,
      signal: stop.signal,
      onWait: (reason, waitMs) =>
        say(`${collector?.url}: ${reason}; next try in ${elapsedText(waitMs)}`),
    })
    const deliver: Deliver =
      collector === null
        ? await openDryRun(config.retention, terminal.nowMs)
        : (lines) =>
            postEvents(
              collector,
              lines,
              post(tally.sent === 0 ? patienceMs.first : patienceMs.later),
            )
    startedMs = terminal.nowMs()
    for (const file of files) {
      tally.nextLine = 1
      await sendFile(file, { ...reading, onRead: advance }, { tally, progress, deliver })
      if (stop.signal.aborted) break
      done += 1
    }
  } finally {
    stop.close()
    if (progress !== undefined) {
      progress.close()
      const text = summary(tally, terminal.nowMs() - startedMs, isDry)
      terminal.stderr.write(text + leftOver(files.slice(done), tally))
      if (collector !== null && tally.sent > 0) {
        const horizonMs = await readHorizonMs(collector)
        terminal.stderr.write(sendingAgainText(horizonMs, startedMs, terminal.nowMs()))
      }
    }
  }
  if (stop.signal.aborted) {
    throw new CliError(
      'interrupted',
      'interrupted; sending the same files again is safe within dedupe.horizon',
    )
  }
  return tally.rejected + tally.unsent > 0 ? EXIT_CODE.negative : EXIT_CODE.ok
}

type Deliver = (lines: Uint8Array) => PostAnswer | Promise<PostAnswer>

type Sending = Readonly<{ tally: Tally; progress: Progress; deliver: Deliver }>

async function sendFile(
  file: string,
  reading: Reading,
  { tally, progress, deliver }: Sending,
): Promise<void> {
  const name = nameOf(file)
  for await (const part of eventBatches(file, reading)) {
    if (reading.signal.aborted) return
    if (part.kind === 'unsent') {
      tally.unsent += 1
      tally.nextLine = part.line + 1
      reportRejected(tally, progress, `${name}:${part.line}: ${part.reason}; not sent`)
      continue
    }
    const answer = await deliver(part.bytes)
    tally.sent += answer.accepted + answer.rejectedCount
    tally.accepted += answer.accepted
    tally.bytes += part.bytes.length
    tally.nextLine = part.endLine
    reportBatch(name, part, answer.rejected, tally, progress)
    tally.rejected += answer.rejectedCount - answer.rejected.length
  }
}

function reportBatch(
  name: string,
  batch: LineBatch,
  rejected: readonly Readonly<{ index: number; reason: string }>[],
  tally: Tally,
  progress: Progress,
): void {
  for (const { index, reason } of rejected) {
    tally.rejected += 1
    tally.hasOddTimes ||= NOT_A_TIME.test(reason)
    // Finding a line costs a pass over the batch: only for those that are shown.
    if (tally.rejected + tally.unsent > REJECTED_LINES_SHOWN) continue
    const line = batch.lineOf(index)
    const isCut = batch.isUnfinished && line === batch.endLine - 1 && NOT_WHOLE.test(reason)
    const hint = isCut ? ' (the last line, without a line feed: it may be cut)' : ''
    reportRejected(tally, progress, `${name}:${line}: ${reason}${hint}`)
  }
}

function reportRejected(tally: Tally, progress: Progress, text: string): void {
  if (tally.rejected + tally.unsent <= REJECTED_LINES_SHOWN) progress.say(text)
}

/**
 * The bytes to be read, or null when that is not known; refuses what is not there before anything
 * is sent.
 */
function sizeOf(files: readonly string[]): number | null {
  let total: number | null = 0
  for (const file of files) {
    if (file === STDIN) {
      total = null
      continue
    }
    const stats = statSync(file, { throwIfNoEntry: false })
    if (stats === undefined)
      throw new CliError('input', `${file}: there is no such file; nothing was sent`)
    if (stats.isDirectory()) {
      throw new CliError('input', `${file} is a folder; name its files: ${basename(file)}/*.ndjson`)
    }
    if (total !== null) total = stats.isFile() ? total + stats.size : null
  }
  if (files.filter((file) => file === STDIN).length > 1) {
    throw new CliError('usage', 'standard input (-) can be named once only')
  }
  return total
}

/** A pipe gives its first record once. */
function canBeReadTwice(file: string): boolean {
  return file !== STDIN && statSync(file).isFile()
}

function kindOf(text: string | undefined): FileKind | null {
  if (text === undefined) return null
  const found = FILE_KINDS.find((kind) => kind === text)
  if (found !== undefined) return found
  throw new CliError(
    'usage',
    `--format: ${JSON.stringify(text)}; accepted: ${FILE_KINDS.join(', ')}`,
  )
}

function patienceOf(text: string): typeof PATIENCE_MS {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 0 && seconds <= PATIENCE_SECONDS_MAX)
    return { first: seconds * 1000, later: seconds * 1000 }
  throw new CliError(
    'usage',
    `--patience: ${JSON.stringify(text)}; accepted: 0 to ${PATIENCE_SECONDS_MAX} seconds`,
  )
}

function summary(tally: Tally, elapsedMs: number, isDry: boolean): string {
  const perSecond = Math.round(tally.sent / Math.max(elapsedMs / 1000, 0.001))
  const { rejected, unsent } = tally
  const hidden = rejected + unsent - REJECTED_LINES_SHOWN
  const [accepted, refused] = [countText(tally.accepted), countText(rejected)]
  return [
    isDry
      ? `Nothing was sent. Of ${countOf(tally.sent, 'event')} (${bytesText(tally.bytes)}) ` +
        `${accepted} would be accepted, ${refused} rejected.`
      : `Sent ${countOf(tally.sent, 'event')} (${bytesText(tally.bytes)}) in ` +
        `${elapsedText(elapsedMs)}, ${countText(perSecond)}/s: ${accepted} accepted, ` +
        `${refused} rejected.`,
    ...(unsent > 0 ? [`${countOf(unsent, 'line')} cannot be an event, not sent.`] : []),
    ...(hidden > 0 ? [`${countText(hidden)} more rejected than shown.`] : []),
    ...(tally.hasOddTimes
      ? [`Times in another form: name it with --time-format (${TIME_FORMATS.join(', ')}).`]
      : []),
    ...(rejected > 0 && !isDry
      ? ['Rejected events are kept by the collector: see `campaign-metrics rejected`.']
      : []),
    '',
  ].join('\n')
}

/** What has no answer: from where on in the file under way, and which files were not begun. */
function leftOver(files: readonly string[], { nextLine }: Tally): string {
  const [begun, ...others] = files.map(nameOf)
  if (begun === undefined) return ''
  return (
    'Not sent, or not answered: ' +
    `${[`${begun} from line ${nextLine} on`, ...others].join(', ')}.\n`
  )
}
