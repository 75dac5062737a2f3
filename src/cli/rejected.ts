/**
 * `campaign-metrics rejected`: lists the events that were not accepted, and sends them again when
 * the cause is gone.
 */

import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { isHopeless, type KeptEvent, listRejected, markReplayed, replayBody } from '../rejected.ts'
import { EXIT_CODE } from './error.ts'
import { countOf, countText, elapsedText, timeText } from './number-text.ts'
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
import { PATIENCE_MS, postEvents } from './post-events.ts'
import { openStopSignal } from './stop-signal.ts'
import { type Terminal, write } from './terminal.ts'

type RejectedOptions = ConfigOption &
  UrlOption &
  Readonly<{ replay?: boolean; json?: boolean; all?: boolean }>

const BATCH_BYTES_MAX = 1024 * 1024
const BATCH_EVENTS_MAX = 10_000
/** How many events are looked at before they are sent: more would keep a large folder waiting. */
const JUDGED_MAX = 20_000
const PREVIEW_CHARACTERS = 120
const US_PER_MS = 1000

export function addRejected(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('rejected')
    .description('list rejected events with their reasons, or send them again')
    .option('--replay', 'send those that have not been sent again yet')
    .option('--all', 'also list those that were sent again')
    .option('--json', 'list as NDJSON')
  addUrlOption(addConfigOption(command)).action(
    action(finish, (options: RejectedOptions) => {
      const config = configOf(options, terminal)
      return options.replay === true
        ? replay(options, config, terminal)
        : list(options, config, terminal)
    }),
  )
}

async function list(options: RejectedOptions, config: Config, terminal: Terminal): Promise<number> {
  const byReason = new Map<string, number>()
  for await (const event of listRejected(config.rejectedDirectory)) {
    if (event.replayed && options.all !== true) continue
    byReason.set(event.reason, (byReason.get(event.reason) ?? 0) + 1)
    await write(
      terminal.stdout,
      options.json === true ? jsonLine(event) : textLine(event, config.timezone),
    )
  }
  const { total, parts } = countsOf(byReason)
  const advice = total === 0 ? '' : '; `campaign-metrics rejected --replay` sends them again'
  terminal.stderr.write(
    `${countOf(total, 'rejected event')}${total === 0 ? '' : `: ${parts}`}${advice}\n`,
  )
  return EXIT_CODE.ok
}

function textLine(event: KeptEvent, timezone: string): string {
  const text = new TextDecoder().decode(event.bytes)
  const preview = text.length > PREVIEW_CHARACTERS ? `${text.slice(0, PREVIEW_CHARACTERS)}…` : text
  const mark = event.replayed ? ' (sent again)' : ''
  const arrived = timeText(Date.parse(event.arrived) * US_PER_MS, timezone)
  return `${arrived}  ${event.explanation}${mark}\n    ${visible(preview)}\n`
}

/** Bytes that somebody else chose must not command the terminal. */
function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

function jsonLine(event: KeptEvent): string {
  const { bytes, file: _file, end: _end, ...facts } = event
  return `${JSON.stringify({ ...facts, ...bytesField(bytes) })}\n`
}

/** Bytes that are no text are given as base64, as they are kept. */
function bytesField(bytes: Uint8Array): { event: string } | { base64: string } {
  try {
    return { event: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}

async function replay(
  options: RejectedOptions,
  config: Config,
  terminal: Terminal,
): Promise<number> {
  const collector = collectorOf(options, config, 'write', terminal)
  const stop = openStopSignal()
  const tally = { sent: 0, rejected: 0 }
  const onWait = (reason: string, waitMs: number): void => {
    terminal.stderr.write(`${collector.url}: ${reason}; next try in ${elapsedText(waitMs)}\n`)
  }
  const post = { gzip: false, signal: stop.signal, onWait }
  try {
    terminal.stderr.write(await forecast(config.rejectedDirectory))
    for await (const batch of replayBatches(config.rejectedDirectory)) {
      if (stop.signal.aborted) break
      const patienceMs = tally.sent === 0 ? PATIENCE_MS.first : PATIENCE_MS.later
      const answer = await postEvents(collector, replayBody(batch), { ...post, patienceMs })
      const last = batch.at(-1)
      if (last !== undefined) await markReplayed(config.rejectedDirectory, last)
      tally.sent += batch.length
      tally.rejected += answer.rejectedCount
    }
  } finally {
    stop.close()
    terminal.stderr.write(
      `Sent ${countOf(tally.sent, 'rejected event')} again: ` +
        `${countText(tally.sent - tally.rejected)} accepted, ` +
        `${countText(tally.rejected)} rejected once more.\n`,
    )
  }
  if (stop.signal.aborted) return EXIT_CODE.interrupted
  return tally.rejected > 0 ? EXIT_CODE.negative : EXIT_CODE.ok
}

/** What is known to fail before anything is sent; '' = nothing. */
async function forecast(directory: string): Promise<string> {
  const byReason = new Map<string, number>()
  let judged = 0
  for await (const event of listRejected(directory)) {
    if (event.replayed) continue
    if (judged === JUDGED_MAX) break
    judged += 1
    if (isHopeless(event)) byReason.set(event.reason, (byReason.get(event.reason) ?? 0) + 1)
  }
  if (byReason.size === 0) return ''
  const { total, parts } = countsOf(byReason)
  const of = judged === JUDGED_MAX ? `the first ${countText(judged)}` : countText(judged)
  return (
    `${countText(total)} of ${of} cannot be accepted with the bytes they have (${parts}) and ` +
    'will be rejected, and kept, ' +
    'once more: correct such events and send them with `campaign-metrics send`.\n'
  )
}

/** The most frequent reason first. */
function countsOf(
  byReason: ReadonlyMap<string, number>,
): Readonly<{ total: number; parts: string }> {
  const reasons = [...byReason].sort(([, a], [, b]) => b - a)
  return {
    total: reasons.reduce((sum, [, count]) => sum + count, 0),
    parts: reasons.map(([reason, count]) => `${countText(count)} ${reason}`).join(', '),
  }
}

/**
 * Events to send again, in batches of one file each, so that a batch can be marked by its last
 * event.
 */
async function* replayBatches(directory: string): AsyncGenerator<readonly KeptEvent[]> {
  let batch: KeptEvent[] = []
  let bytes = 0
  for await (const event of listRejected(directory)) {
    if (event.replayed) continue
    const isFull = bytes + event.bytes.length > BATCH_BYTES_MAX || batch.length >= BATCH_EVENTS_MAX
    if (batch.length > 0 && (isFull || batch.at(-1)?.file !== event.file)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(event)
    bytes += event.bytes.length + 1
  }
  if (batch.length > 0) yield batch
}
