/**
 * Another clock for a product under test: a module that is preloaded into its process and all of
 * its threads. So hours pass, and the clock is set, without waiting and without touching the
 * machine's clock.
 *
 *   wall     `Date`: the steady clock from a common origin, and how far it was set ahead
 *   steady   `performance.now()`: cannot be set; runs `speed` times as fast as the machine's
 *
 * Setting the wall clock alone is what a person, NTP or a suspended machine does. Timers stay those
 * of the machine.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export type TestClock = Readonly<{
  /** For every run of the product that is to see this clock. */
  environment: Readonly<Record<string, string>>
  /** What the wall clock shows. */
  nowMs(): number
  /** What it would show if it had not been set. */
  trueMs(): number
  /**
   * Sets it, now and while the product runs: by so much it is ahead of the true one; negative is
   * behind.
   */
  setAhead(offsetMs: number): void
  close(): void
}>

type ClockSettings = Readonly<{
  offsetMs: number
  speed: number
  /**
   * The true time at which the clock began, and the machine's monotonic clock then, which all
   * processes share.
   */
  originMs: number
  originNs: string
  /** Holds what is added to `offsetMs`, one DOUBLE; null where the clock is never set. */
  file: string | null
}>

const VARIABLE = 'CAMPAIGN_METRICS_TEST_CLOCK'
const NS_PER_MS = 1e6

/** A clock that keeps one distance from the true one. */
export function clockEnvironment({
  offsetMs,
}: Readonly<{ offsetMs: number }>): Readonly<Record<string, string>> {
  return environmentOf({ ...originNow(), offsetMs, speed: 1, file: null })
}

/** `folder`: where it keeps its file. */
export function openTestClock(
  folder: string,
  { speed = 1, startMs }: Readonly<{ speed?: number; startMs?: number }> = {},
): TestClock {
  const path = join(folder, 'clock')
  const file = openSync(path, 'w')
  const origin = originNow()
  const originMs = startMs ?? origin.originMs
  const settings = { originMs, originNs: origin.originNs, offsetMs: 0, speed, file: path }
  let aheadMs = 0
  const setAhead = (offsetMs: number): void => {
    aheadMs = offsetMs
    writeSync(file, new Float64Array([offsetMs]), 0, 8, 0)
  }
  const trueMs = (): number => originMs + elapsedMs(settings)
  setAhead(0)
  return {
    environment: environmentOf(settings),
    nowMs: () => Math.floor(trueMs() + aheadMs),
    trueMs: () => Math.floor(trueMs()),
    setAhead,
    close: () => closeSync(file),
  }
}

function originNow(): Pick<ClockSettings, 'originMs' | 'originNs'> {
  return { originMs: Date.now(), originNs: String(process.hrtime.bigint()) }
}

function environmentOf(settings: ClockSettings): Readonly<Record<string, string>> {
  return {
    [VARIABLE]: JSON.stringify(settings),
    NODE_OPTIONS: `--import ${pathToFileURL(import.meta.filename)}`,
  }
}

function elapsedMs({ originNs, speed }: Pick<ClockSettings, 'originNs' | 'speed'>): number {
  return (Number(process.hrtime.bigint() - BigInt(originNs)) / NS_PER_MS) * speed
}

const settings = process.env[VARIABLE]
if (settings !== undefined) moveClocks(JSON.parse(settings) as ClockSettings)

function moveClocks(settings: ClockSettings): void {
  const aheadMs = settings.file === null ? () => 0 : followFile(settings.file)
  const offsetMs = settings.originMs + settings.offsetMs
  const now = (): number => Math.floor(offsetMs + elapsedMs(settings) + aheadMs())
  const TrueDate = Date
  globalThis.Date = new Proxy(TrueDate, {
    construct: (target, words, newTarget) =>
      Reflect.construct(target, words.length === 0 ? [now()] : words, newTarget),
    apply: () => new TrueDate(now()).toString(),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  })
  Object.defineProperty(performance, 'now', { value: () => elapsedMs(settings) })
}

/** Reads it each time, so that all threads see a step at the same moment. */
function followFile(path: string): () => number {
  const file = openSync(path, 'r')
  const offset = new Float64Array(1)
  return () => {
    readSync(file, offset, 0, 8, 0)
    return offset[0] ?? 0
  }
}
