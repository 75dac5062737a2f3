/** The clock and the disk, as `status` shows them beside the tables. */
import { statfs } from 'node:fs/promises'
import type { JobFigures } from '../job.ts'
import { type ClockStep, openClockWatch } from '../runtime.ts'

export type Outlook = Readonly<{
  /** Steps of the wall clock since the start, the last ones. A suspended machine looks like one. */
  clockSteps: readonly ClockStep[]
  /** Of the warehouse; null where it is on S3. */
  disk: Readonly<{
    freeBytes: number
    /** What both tables gained in the last day; null while less than an hour is known. */
    bytesPerDay: number | null
    /** For how many days the disk lasts at that rate, if nothing is dropped. */
    daysLeft: number | null
  }> | null
}>

export type OutlookWatch = {
  /** To be called once a second. */
  tick(): void
  outlook(figures: Pick<JobFigures, 'bytesPerDay'>): Outlook
}

const FREE_INTERVAL_MS = 30_000

/** `folder`: of the warehouse; null on S3. */
export function openOutlookWatch(
  folder: string | null,
  clocks: Readonly<{ nowUs: () => number; steadyMs: () => number }>,
): OutlookWatch {
  const watch = openClockWatch(clocks)
  let freeBytes: number | null = null
  let askedMs = Number.NEGATIVE_INFINITY

  function askFree(): void {
    if (folder === null || clocks.steadyMs() - askedMs < FREE_INTERVAL_MS) return
    askedMs = clocks.steadyMs()
    // What cannot be asked now is asked again; commits fail for the same reason, and report it.
    statfs(folder).then(
      ({ bavail, bsize }) => {
        freeBytes = bavail * bsize
      },
      () => {
        freeBytes = null
      },
    )
  }

  askFree()
  return {
    tick() {
      watch.look()
      askFree()
    },
    outlook({ bytesPerDay = null }) {
      const daysLeft =
        freeBytes === null || bytesPerDay === null || bytesPerDay === 0
          ? null
          : Math.floor(freeBytes / bytesPerDay)
      return {
        clockSteps: watch.steps(),
        disk: freeBytes === null ? null : { freeBytes, bytesPerDay, daysLeft },
      }
    },
  }
}
