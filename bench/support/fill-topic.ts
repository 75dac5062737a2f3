/** Fills a topic through our own writer, as the collector would, without HTTP. */
import { type KafkaPlace, openKafkaLog } from '../../src/log.ts'
import { openBodies } from './bodies.ts'

const BODY_EVENTS = 4_200
const APPENDS_AT_ONCE = 4
/** The topic gets whole rounds. */
export const ROUND_EVENTS: number = APPENDS_AT_ONCE * BODY_EVENTS

/** How long the appends took, in ms. `events` is a multiple of ROUND_EVENTS. */
export async function fillTopic(place: KafkaPlace, events: number, seed: number): Promise<number> {
  const log = await openKafkaLog(place, {
    nowUs: () => Date.now() * 1000,
    steadyMs: () => performance.now(),
  })
  const bodies = openBodies(seed, BODY_EVENTS)
  let appendsMs = 0
  for (let filled = 0; filled < events; filled += ROUND_EVENTS) {
    const round = Array.from({ length: APPENDS_AT_ONCE }, () => bodies.next(Date.now()))
    const startMs = performance.now()
    await Promise.all(round.map((body) => log.append(body, BODY_EVENTS, log.stampUs())))
    appendsMs += performance.now() - startMs
  }
  await log.close()
  return appendsMs
}
