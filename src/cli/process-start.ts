/**
 * What a process does first: it lets itself be ended before any command listens for signals, and
 * when the launcher that started it is gone, and it holds itself to the Node it is written for.
 * Loaded before anything else, so it imports nothing but Node.
 */

import { constants } from 'node:os'
import process from 'node:process'

const NODE_MAJOR = 24
const EXIT_SETUP = 2
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
/** Set by bin/campaign-metrics.js beside the channel that it opens. */
const LAUNCHED = 'CAMPAIGN_METRICS_LAUNCHED'

/**
 * As process 1 of a container the kernel drops signals that nobody listens to. A command that
 * listens itself decides for itself. Where the launcher runs in this process, it listens already.
 */
export function endOnSignals(): void {
  for (const name of SIGNALS) {
    if (process.listenerCount(name) > 0) continue
    process.on(name, () => {
      if (process.listenerCount(name) === 1) process.exit(128 + constants.signals[name])
    })
  }
}

/** A launcher that was killed passes no signal on; its channel breaks, which counts as SIGTERM. */
export function endWithLauncher(): void {
  const isLaunched = process.env[LAUNCHED] !== undefined && process.connected !== undefined
  // Not for whatever this process may start.
  delete process.env[LAUNCHED]
  if (!isLaunched) return
  const end = (): void => {
    process.kill(process.pid, 'SIGTERM')
  }
  process.once('disconnect', end)
  // Listening alone must not keep a command running that is done.
  process.channel?.unref()
  if (!process.connected) end()
}

export function isRightRuntime(version: string): boolean {
  return Number(version.split('.')[0]) === NODE_MAJOR
}

export function runtimeMessage(): string {
  return (
    `this is Node ${process.versions.node} (${process.execPath}), campaign-metrics needs Node ` +
    `${NODE_MAJOR}; start it with \`npm start\`, \`npx campaign-metrics\` or ` +
    'bin/campaign-metrics.js, which bring it along'
  )
}

/**
 * Ends the process with a message when it runs on another Node. bin/campaign-metrics.js finds the
 * right one, so this is for those who went past it.
 */
export function requireRuntime(): void {
  if (isRightRuntime(process.versions.node)) return
  console.error(`campaign-metrics: ${runtimeMessage()}`)
  process.exit(EXIT_SETUP)
}
