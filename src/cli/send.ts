/**
 * `campaign-metrics send`: events from files or standard input to the collector, in batches, tried
 * again until answered.
 */

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { CliError, EXIT_CODE } from './error.ts'
import { readEvents, STDIN } from './event-input.ts'
import { cutBatches, type LineBatch } from './ndjson-batches.ts'
import { bytesText, countOf, countText, elapsedText } from './number-text.ts'
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
import { PATIENCE_MS, type PostOptions, postEvents } from './post-events.ts'
import { openProgress, type Progress } from './progress.ts'
import { openStopSignal } from './stop-signal.ts'
import type { Terminal } from './terminal.ts'

type SendOptions = ConfigOption & UrlOption & Readonly<{ gzip?: boolean; patience?: string }>

const BATCH = { bytesMax: 1024 * 1024, linesMax: 50_000 }
/** The rest is counted; the collector keeps them all in `rejected/`. */
const REJECTED_LINES_SHOWN = 100
const PATIENCE_SECONDS_MAX = 86_400
/** How the collector rejects half an event. */
const NOT_WHOLE = /^event: not valid/

/** What was sent so far. */
type Tally = {
  sent: number
  accepted: number
  rejected: number
  tooLong: number
  bytes: number
  /** The first line of the file under way that has no answer. */
  nextLine: number
}

export function addSend(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('send')
    .description('send events from files of NDJSON (also .gz and .zst), or from standard input (-)')
    .argument('<files...>', 'files to send, in this order; - is standard input')
    .option('--gzip', 'compress what is sent, for slow lines')
    .option(
      '--patience <seconds>',
      'how long to try again while nobody answers (default: 5 before the first answer, then 60)',
    )
    .addHelpText(
      'after',
      '\nSending the same files again is safe within dedupe.horizon: each event_id counts once.',
    )
  addUrlOption(addConfigOption(command)).action(
    action(finish, (files: string[], options: SendOptions) => send(files, options, terminal)),
  )
}

async function send(
  files: readonly string[],
  options: SendOptions,
  terminal: Terminal,
): Promise<number> {
  const collector = collectorOf(options, configOf(options, terminal), 'write', terminal)
  const patienceMs = options.patience === undefined ? PATIENCE_MS : patienceOf(options.patience)
  const totalBytes = sizeOf(files)
  const stop = openStopSignal()
  const progress = openProgress(terminal, totalBytes)
  const tally: Tally = { sent: 0, accepted: 0, rejected: 0, tooLong: 0, bytes: 0, nextLine: 1 }
  const startedMs = terminal.nowMs()
  const post = {
    gzip: options.gzip ?? false,
    patienceMs: patienceMs.first,
    signal: stop.signal,
    onWait: (reason: string, waitMs: number) =>
      progress.say(`${collector.url}: ${reason}; next try in ${elapsedText(waitMs)}`),
  }
  let done = 0
  try {
    for (const file of files) {
      tally.nextLine = 1
      await sendFile(file, { collector, post, patienceMs, tally, progress, terminal })
      if (stop.signal.aborted) break
      done += 1
    }
  } finally {
    progress.close()
    stop.close()
    terminal.stderr.write(
      summary(tally, terminal.nowMs() - startedMs) + leftOver(files.slice(done), tally),
    )
  }
  if (stop.signal.aborted) {
    throw new CliError(
      'interrupted',
      'interrupted; sending the same files again is safe within dedupe.horizon',
    )
  }
  return tally.rejected + tally.tooLong > 0 ? EXIT_CODE.negative : EXIT_CODE.ok
}

type Sending = Readonly<{
  collector: Collector
  post: PostOptions
  patienceMs: typeof PATIENCE_MS
  tally: Tally
  progress: Progress
  terminal: Terminal
}>

async function sendFile(file: string, sending: Sending): Promise<void> {
  const { collector, post, patienceMs, tally, progress, terminal } = sending
  const name = nameOf(file)
  const input = readEvents(file, terminal, post.signal, (bytes) => progress.advance(bytes))
  for await (const part of cutBatches(input, BATCH)) {
    if (post.signal.aborted) return
    if (part.kind === 'long-line') {
      tally.tooLong += 1
      tally.nextLine = part.line + 1
      reportRejected(
        tally,
        progress,
        `${name}:${part.line}: ${bytesText(part.bytes)} in one line, an event may have 32 ` +
          'KiB; not sent',
      )
      continue
    }
    const patience = tally.sent === 0 ? patienceMs.first : patienceMs.later
    const answer = await postEvents(collector, part.bytes, { ...post, patienceMs: patience })
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
    // Finding a line costs a pass over the batch: only for those that are shown.
    if (tally.rejected + tally.tooLong > REJECTED_LINES_SHOWN) continue
    const line = batch.lineOf(index)
    const isCut = batch.isUnfinished && line === batch.endLine - 1 && NOT_WHOLE.test(reason)
    const hint = isCut ? ' (the last line, without a line feed: it may be cut)' : ''
    reportRejected(tally, progress, `${name}:${line}: ${reason}${hint}`)
  }
}

function reportRejected(tally: Tally, progress: Progress, text: string): void {
  if (tally.rejected + tally.tooLong <= REJECTED_LINES_SHOWN) progress.say(text)
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

function patienceOf(text: string): typeof PATIENCE_MS {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 0 && seconds <= PATIENCE_SECONDS_MAX)
    return { first: seconds * 1000, later: seconds * 1000 }
  throw new CliError(
    'usage',
    `--patience: ${JSON.stringify(text)}; accepted: 0 to ${PATIENCE_SECONDS_MAX} seconds`,
  )
}

function summary(tally: Tally, elapsedMs: number): string {
  const perSecond = Math.round(tally.sent / Math.max(elapsedMs / 1000, 0.001))
  const { rejected, tooLong } = tally
  const hidden = rejected + tooLong - REJECTED_LINES_SHOWN
  return [
    `Sent ${countOf(tally.sent, 'event')} (${bytesText(tally.bytes)}) in ` +
      `${elapsedText(elapsedMs)}, ${countText(perSecond)}/s: ${countText(tally.accepted)} ` +
      `accepted, ${countText(rejected)} rejected.`,
    ...(tooLong > 0 ? [`${countOf(tooLong, 'line')} too long to be an event, not sent.`] : []),
    ...(hidden > 0 ? [`${countText(hidden)} more rejected than shown.`] : []),
    ...(rejected > 0
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

function nameOf(file: string): string {
  return file === STDIN ? 'stdin' : file
}
