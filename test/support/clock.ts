/**
 * Another clock for a product under test: a module that is preloaded into its process and all of
 * its threads and moves `Date`, from a given moment on if one is given. So hours pass, and the
 * clock steps back, without waiting and without touching the machine's clock.
 */
import { pathToFileURL } from 'node:url'

export type ClockChange = Readonly<{
  offsetMs: number
  /** From this moment on (of the true clock) this offset holds instead. */
  later?: Readonly<{ atMs: number; offsetMs: number }>
}>

const VARIABLE = 'CAMPAIGN_METRICS_TEST_CLOCK'

export function clockEnvironment(change: ClockChange): Readonly<Record<string, string>> {
  return {
    [VARIABLE]: JSON.stringify(change),
    NODE_OPTIONS: `--import ${pathToFileURL(import.meta.filename)}`,
  }
}

const change = process.env[VARIABLE]
if (change !== undefined) moveClock(JSON.parse(change) as ClockChange)

function moveClock({ offsetMs, later }: ClockChange): void {
  const TrueDate = Date
  const trueNow = Date.now
  const now = (): number => {
    const trueMs = trueNow.call(TrueDate)
    return trueMs + (later !== undefined && trueMs >= later.atMs ? later.offsetMs : offsetMs)
  }
  globalThis.Date = new Proxy(TrueDate, {
    construct: (target, words, newTarget) =>
      Reflect.construct(target, words.length === 0 ? [now()] : words, newTarget),
    apply: () => new TrueDate(now()).toString(),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  })
}
