/**
 * How the process ends before any command listens for signals, and when the launcher that started
 * it is gone. Loaded first, so it imports nothing but Node.
 */

import { constants } from 'node:os'
import process from 'node:process'

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
