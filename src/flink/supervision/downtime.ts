/**
 * How long the job has been down, and why. A short downtime ends by itself, and is not reported.
 */
export type Downtime = {
  note(why: string): void
  clear(): void
  /** Null while it is short. */
  problem(): string | null
}

const SHORT_MS = 45_000

export function openDowntime(nowMs: () => number): Downtime {
  let noted: Readonly<{ sinceMs: number; why: string }> | null = null
  return {
    note(why) {
      noted = { sinceMs: noted?.sinceMs ?? nowMs(), why }
    },
    clear() {
      noted = null
    },
    problem() {
      if (noted === null || nowMs() - noted.sinceMs < SHORT_MS) return null
      const seconds = Math.round((nowMs() - noted.sinceMs) / 1000)
      return `the Flink job has not been seen running for ${seconds} s: ${noted.why}`
    },
  }
}
