/**
 * ctrl-C, and what service managers send instead: the first asks for a clean end, a second ends at
 * once. What was acknowledged is on disk either way.
 */

import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** One ctrl-C may arrive twice, from the terminal and through a parent such as npm. */
const SAME_SIGNAL_MS = 300

export type StopSignal = Readonly<{
  /** Aborted by the first signal. */
  signal: AbortSignal
  close(): void
}>

export function openStopSignal(onFirst: () => void = () => {}): StopSignal {
  const controller = new AbortController()
  let firstMs = Number.NaN
  const receive = (name: (typeof SIGNALS)[number]): void => {
    if (!controller.signal.aborted) {
      firstMs = performance.now()
      onFirst()
      controller.abort()
    } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
      process.exit(128 + constants.signals[name])
    }
  }
  for (const name of SIGNALS) process.on(name, receive)
  return {
    signal: controller.signal,
    close: () => {
      for (const name of SIGNALS) process.off(name, receive)
    },
  }
}
