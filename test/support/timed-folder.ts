/** A folder whose runs of the product all see one clock, which the test sets. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openTestClock, type TestClock } from './clock.ts'
import { eventLine } from './events.ts'
import { type Folder, openFolder } from './folder.ts'
import { type Product, type Run, runCommand } from './product.ts'
import { whileRunning } from './settled.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS: number = 60 * MINUTE_MS
export const DAY_MS: number = 24 * HOUR_MS
/**
 * A day in the past: files carry the time of the machine, and no file may look older than it is.
 */
export const DAY_START_MS: number = Math.floor(Date.now() / DAY_MS) * DAY_MS - 30 * DAY_MS
export const NOON_MS: number = DAY_START_MS + 12 * HOUR_MS

export type End = 'stop' | 'kill'

export type TimedFolder = Folder &
  Readonly<{
    clock: TestClock
    running<T>(act: (product: Product) => Promise<T>, end?: End): Promise<T>
    command(...words: readonly string[]): Promise<Run>
    /** Waits until the clock would show this, if it had not been set. */
    passUntil(atMs: number): Promise<void>
    /** Sets the clock to this. */
    setTo(atMs: number): void
  }>

export async function openTimedFolder(
  fields: Readonly<Record<string, unknown>>,
  options: Parameters<typeof openTestClock>[1],
): Promise<TimedFolder> {
  const folder = await openFolder(fields)
  const clock = openTestClock(folder.path, options)
  const { environment } = clock
  return {
    ...folder,
    clock,
    running: (act, end = 'stop') => whileRunning(folder, act, { environment, end }),
    command: (...words) => runCommand(folder, words),
    passUntil: async (atMs) => {
      while (clock.trueMs() < atMs) await sleep(20)
    },
    setTo: (atMs) => clock.setAhead(atMs - clock.trueMs()),
    close: async () => {
      clock.close()
      await folder.close()
    },
  }
}

/** An event with this date. */
export function datedLine(
  id: string,
  atMs: number,
  more: Readonly<{ campaign_id?: string }> = {},
): string {
  return eventLine({ event_id: id, timestamp: new Date(atMs).toISOString(), ...more })
}
