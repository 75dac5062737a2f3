/**
 * How far a running command is: a progress bar on a terminal while `send` sends, one line that is
 * written anew while `start` runs.
 */

import { MultiBar } from 'cli-progress'
import type { Status } from '../pipeline.ts'
import { bytesText, countText } from './number-text.ts'
import type { Terminal } from './terminal.ts'

export type Progress = Readonly<{
  advance(bytes: number): void
  say(text: string): void
  close(): void
}>

const TERMINAL_INTERVAL_MS = 1000
const LOG_INTERVAL_MS = 60_000
const COLUMNS_DEFAULT = 100
/** What a reader that has stalled may leave unread before lines are left out. */
const UNREAD_BYTES_MAX = 1024 * 1024

/**
 * All on standard error, messages above the bar. `totalBytes` is null when it is not known: then,
 * and where there is no terminal, there is no bar.
 */
export function openProgress({ stderr }: Terminal, totalBytes: number | null): Progress {
  if (stderr.isTTY !== true || totalBytes === null || totalBytes === 0) {
    return {
      advance: () => {},
      say: (text) => stderr.write(`${text}\n`),
      close: () => {},
    }
  }
  // Of its kinds of bars only this one can write lines above itself.
  const bars = new MultiBar({
    stream: stderr as NodeJS.WriteStream,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
    format: '{bar} {percentage}% of {size}, {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
  })
  const bar = bars.create(totalBytes, 0, { size: bytesText(totalBytes) })
  let isClosed = false
  return {
    advance: (bytes) => bar.increment(bytes),
    say: (text) => bars.log(`${text}\n`),
    close: () => {
      if (isClosed) return
      isClosed = true
      // Draws once more, which brings out the lines that `log` still holds.
      bars.update()
      bars.stop()
    },
  }
}

/** On a terminal one line that is rewritten, in a log file a line a minute. */
export type LiveLine = Readonly<{ close(): void }>

export function openLiveLine(terminal: Terminal, status: () => Status): LiveLine {
  const { stdout } = terminal
  const isTerminal = stdout.isTTY === true
  let receivedBefore = status().ledger.received
  let problemsBefore = ''
  const show = (intervalMs: number): void => {
    const current = status()
    const perSecond = ((current.ledger.received - receivedBefore) * 1000) / intervalMs
    receivedBefore = current.ledger.received
    const problems = current.problems.join('; ')
    if (problems !== problemsBefore && problems !== '') {
      terminal.stderr.write(`${isTerminal ? '\r\x1b[K' : ''}campaign-metrics: ${problems}\n`)
    }
    problemsBefore = problems
    if (stdout.writableLength > UNREAD_BYTES_MAX) return
    const text = lineText(current, perSecond)
    if (isTerminal)
      stdout.write(`\r\x1b[K${text.slice(0, (stdout.columns ?? COLUMNS_DEFAULT) - 1)}`)
    else stdout.write(`${new Date(terminal.nowMs()).toISOString()} ${text}\n`)
  }
  const intervalMs = isTerminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS
  const timer = setInterval(() => show(intervalMs), intervalMs)
  return {
    close: () => {
      clearInterval(timer)
      if (isTerminal) stdout.write('\r\x1b[K')
    },
  }
}

function lineText({ ledger, freshness, memory, state }: Status, perSecond: number): string {
  const parts = [
    `${countText(ledger.received)} received`,
    `${countText(ledger.stored)} stored`,
    `${countText(ledger.duplicates)} repeats`,
    `${countText(ledger.rejected)} rejected`,
    `${countText(ledger.waiting)} waiting`,
    `${countText(Math.round(perSecond))}/s`,
    `${freshness.secondsBehind.toFixed(1)} s behind`,
    bytesText(memory.rssBytes),
  ]
  return (state === 'running' ? parts : [state, ...parts]).join(' · ')
}
