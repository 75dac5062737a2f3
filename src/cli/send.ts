/** `campaign-metrics send`: events from files or standard input to the collector, in batches, tried again until answered. */

import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import type { Command } from 'commander'
import { CliError } from './cli-error.ts'
import { EXIT_CODE } from './exit-code.ts'
import { markIdle } from './idle.ts'
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
import { type PostOptions, postEvents } from './post-events.ts'
import { openProgress, type Progress } from './progress.ts'
import { openStopSignal } from './stop-signal.ts'
import type { Terminal } from './terminal.ts'

type SendOptions = ConfigOption & UrlOption & Readonly<{ gzip?: boolean; patience?: string }>

const STDIN = '-'
const BATCH = { bytesMax: 1024 * 1024, linesMax: 50_000 }
const READ_BYTES = 1024 * 1024
/** Lines from a pipe that pauses, such as `tail -F`, are sent after this. */
const STDIN_IDLE_MS = 500
/** The rest is counted; the collector keeps them all in `rejected/`. */
const REJECTED_LINES_SHOWN = 100
const PATIENCE_SECONDS_MAX = 86_400
/** A collector that was there will come back; one that never answered is more likely not started. */
const PATIENCE_MS = { first: 5000, later: 60_000 }

/** What was sent so far. */
type Tally = { sent: number; accepted: number; rejected: number; tooLong: number; bytes: number }

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
  const tally: Tally = { sent: 0, accepted: 0, rejected: 0, tooLong: 0, bytes: 0 }
  const startedMs = terminal.nowMs()
  const post = {
    gzip: options.gzip ?? false,
    patienceMs: patienceMs.first,
    signal: stop.signal,
    onWait: (reason: string, waitMs: number) =>
      progress.say(`${collector.url}: ${reason}; next try in ${elapsedText(waitMs)}`),
  }
  try {
    for (const file of files) {
      await sendFile(file, { collector, post, patienceMs, tally, progress, terminal })
      if (stop.signal.aborted) break
    }
  } catch (error) {
    progress.close()
    terminal.stderr.write(summary(tally, terminal.nowMs() - startedMs))
    throw error
  } finally {
    progress.close()
    stop.close()
  }
  terminal.stderr.write(summary(tally, terminal.nowMs() - startedMs))
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
  const name = file === STDIN ? 'stdin' : file
  const input = openInput(file, terminal, post.signal, (bytes) => progress.advance(bytes))
  for await (const part of cutBatches(input, BATCH)) {
    if (post.signal.aborted) return
    if (part.kind === 'long-line') {
      tally.tooLong += 1
      reportRejected(
        tally,
        progress,
        `${name}:${part.line}: ${bytesText(part.bytes)} in one line, an event may have 32 KiB; not sent`,
      )
      continue
    }
    const patience = tally.sent === 0 ? patienceMs.first : patienceMs.later
    const answer = await postEvents(collector, part.bytes, { ...post, patienceMs: patience })
    tally.sent += answer.accepted + answer.rejectedCount
    tally.accepted += answer.accepted
    tally.bytes += part.bytes.length
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
    reportRejected(tally, progress, `${name}:${batch.lineOf(index)}: ${reason}`)
  }
}

function reportRejected(tally: Tally, progress: Progress, text: string): void {
  if (tally.rejected + tally.tooLong <= REJECTED_LINES_SHOWN) progress.say(text)
}

/** A file's bytes, decompressed by its ending; `onRead` hears of bytes as they lie on the disk. */
function openInput(
  file: string,
  terminal: Terminal,
  signal: AbortSignal,
  onRead: (bytes: number) => void,
): AsyncIterable<Uint8Array | null> {
  if (file === STDIN) return markIdle(readUntil(signal, terminal.stdin, onRead), STDIN_IDLE_MS)
  const read = createReadStream(file, { highWaterMark: READ_BYTES })
  read.on('data', (chunk) => onRead(chunk.length))
  read.pause()
  const inflate = file.endsWith('.gz')
    ? createGunzip()
    : file.endsWith('.zst')
      ? createZstdDecompress()
      : null
  if (inflate === null) return read
  read.on('error', (error) => inflate.destroy(error))
  return damagedNamed(file, read.pipe(inflate))
}

/** Ends with the input or with the signal: a pipe may have nothing to give for ever. */
async function* readUntil(
  signal: AbortSignal,
  input: Readable,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const end = (): unknown => input.destroy()
  signal.addEventListener('abort', end)
  try {
    for await (const chunk of input) {
      onRead(chunk.length)
      yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

async function* damagedNamed(file: string, input: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of input) yield chunk
  } catch (cause) {
    const { message } = cause as Error
    throw new CliError(
      'input',
      `${file} cannot be decompressed: ${message}; what stood before was sent`,
      cause,
    )
  }
}

/** The bytes to be read, or null when that is not known; refuses what is not there before anything is sent. */
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
    `Sent ${countOf(tally.sent, 'event')} (${bytesText(tally.bytes)}) in ${elapsedText(elapsedMs)}, ` +
      `${countText(perSecond)}/s: ${countText(tally.accepted)} accepted, ${countText(rejected)} rejected.`,
    ...(tooLong > 0 ? [`${countOf(tooLong, 'line')} too long to be an event, not sent.`] : []),
    ...(hidden > 0 ? [`${countText(hidden)} more rejected than shown.`] : []),
    ...(rejected > 0
      ? ['Rejected events are kept by the collector: see `campaign-metrics rejected`.']
      : []),
    '',
  ].join('\n')
}
