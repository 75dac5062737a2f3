/** One warning of a kind in a while: a broken disk fails every request, and must not fill the terminal too. */

export type Warn = (message: string, cause: unknown) => void

const PAUSE_MS = 10_000

/** Messages are few and fixed; the first of each kind passes, then one every PAUSE_MS with how many it stands for. */
export function limitWarnings(warn: Warn, nowMs: () => number): Warn {
  const kinds = new Map<string, { lastMs: number; withheld: number }>()
  return (message, cause) => {
    const now = nowMs()
    const kind = kinds.get(message)
    if (kind === undefined) {
      kinds.set(message, { lastMs: now, withheld: 0 })
      warn(message, cause)
    } else if (now - kind.lastMs < PAUSE_MS) {
      kind.withheld += 1
    } else {
      const times =
        kind.withheld === 0 ? '' : ` (and ${kind.withheld} times since the last warning)`
      kind.lastMs = now
      kind.withheld = 0
      warn(message + times, cause)
    }
  }
}
