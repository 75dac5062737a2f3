/**
 * How it goes, while `start` runs: one line that is rewritten on a terminal, a line a minute in a
 * log file.
 */

import type { Status } from '../pipeline.ts'
import { bytesText, countText } from './number-text.ts'
import type { Terminal } from './terminal.ts'

const TERMINAL_INTERVAL_MS = 1000
const LOG_INTERVAL_MS = 60_000
const COLUMNS_DEFAULT = 100
/** What a reader that has stalled may leave unread before lines are left out. */
const UNREAD_BYTES_MAX = 1024 * 1024

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
