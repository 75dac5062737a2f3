/** The newest window with events in the tables, found through the pieces that the page asks for first. */
import type { Newest } from './live.ts'
import type { Pieces } from './pieces.ts'
import { DAY_US, MINUTE_US, pieceLengthUs } from './steps.ts'

/** Events may be dated so far ahead of their arrival. */
const AHEAD_US = 5 * MINUTE_US
/** Commits that change what was looked at make it start again. */
const TRIES_MAX = 20

/** As of the last commit at the moment at which `tell` is called: null where there is none. */
export async function findNewestWindow(
  pieces: Pieces,
  windowUs: number,
  nowUs: number,
  tell: (newest: Newest | null) => void,
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { commits } = pieces
    const newest = await lookBackwards(pieces, windowUs, nowUs)
    if (pieces.commits !== commits) continue
    tell(newest)
    return
  }
}

async function lookBackwards(
  pieces: Pieces,
  windowUs: number,
  nowUs: number,
): Promise<Newest | null> {
  const lastDay = Math.max(...pieces.metricsDays.keys())
  if (!Number.isFinite(lastDay)) return null
  const lengthUs = pieceLengthUs(windowUs)
  for (const fromUs of startsBackwards(lastDay * DAY_US, lengthUs, nowUs + AHEAD_US)) {
    const span = { fromUs, toUs: fromUs + lengthUs, stepUs: windowUs }
    const found = await pieces.use(
      { filter: null, span },
      nowUs,
      ([piece]) => piece?.last() ?? null,
    )
    if (found !== null) return found
  }
  return null
}

/** The pieces of a day from the last backwards; those that lie ahead of the clock come at the end. */
function startsBackwards(dayUs: number, lengthUs: number, aheadUs: number): readonly number[] {
  const starts = Array.from({ length: DAY_US / lengthUs }, (_, index) => dayUs + index * lengthUs)
  const past = starts.filter((us) => us <= aheadUs).reverse()
  return [...past, ...starts.slice(past.length).reverse()]
}
