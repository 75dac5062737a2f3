/** The newest windows with events in the tables, found through the pieces that the page asks for first. */
import type { WindowSums } from './latest-windows.ts'
import type { Pieces } from './pieces.ts'
import { DAY_US, MINUTE_US, pieceLengthUs } from './steps.ts'

/** Events may be dated so far ahead of their arrival. */
const AHEAD_US = 5 * MINUTE_US
/** Just before midnight the last day may hold nothing but what is dated ahead. */
const DAYS_MAX = 2
/** Commits that change what was looked at make it start again. */
const TRIES_MAX = 20

/** As of the last commit at the moment at which `tell` is called; none where there are no events. */
export async function findLatestWindows(
  pieces: Pieces,
  windowUs: number,
  nowUs: number,
  tell: (windows: readonly WindowSums[]) => void,
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { commits } = pieces
    const windows = await lookBackwards(pieces, windowUs, nowUs)
    if (pieces.commits !== commits) continue
    tell(windows)
    return
  }
}

async function lookBackwards(
  pieces: Pieces,
  windowUs: number,
  nowUs: number,
): Promise<readonly WindowSums[]> {
  const found: WindowSums[] = []
  const lengthUs = pieceLengthUs(windowUs)
  const lastDays = [...pieces.metricsDays.keys()].sort((a, b) => b - a).slice(0, DAYS_MAX)
  for (const day of lastDays) {
    for (const fromUs of startsBackwards(day * DAY_US, lengthUs, nowUs + AHEAD_US)) {
      const span = { fromUs, toUs: fromUs + lengthUs, stepUs: windowUs }
      const wanted = { filter: null, span }
      const last = await pieces.use(wanted, nowUs, ([piece]) => piece?.last(nowUs) ?? [])
      found.push(...(last ?? []))
      if (found.some(({ startUs }) => startUs <= nowUs)) return found
    }
  }
  return found
}

/** The pieces of a day from the last backwards; those that lie ahead of the clock come at the end. */
function startsBackwards(dayUs: number, lengthUs: number, aheadUs: number): readonly number[] {
  const starts = Array.from({ length: DAY_US / lengthUs }, (_, index) => dayUs + index * lengthUs)
  const past = starts.filter((us) => us <= aheadUs).reverse()
  return [...past, ...starts.slice(past.length).reverse()]
}
