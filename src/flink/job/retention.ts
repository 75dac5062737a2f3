/**
 * How old an event may be for Flink. The collector has judged what passed it; the job judges what
 * others write to the topic, with one day to spare: a record may reach the topic on the day after
 * the collector let it in.
 *
 * A changed setting holds for later arrivals only, since what was accepted under another is stored.
 * So the tables note since when the setting has held, and which days had gone by then; both become
 * literals of the job.
 */
import { type Lake, newestValue, SUMMARY_KEYS, wholeFromUs } from '../../table.ts'

export type Retention = Readonly<{
  /** 0 keeps all. */
  days: number
  /** What arrived earlier is accepted at any age. Microseconds since the epoch. */
  sinceUs: number
  /** Earlier days had been dropped when the setting was made, and take no event. */
  keptFromUs: number
}>

/** No event is older. */
export const FIRST_US: number = Date.UTC(2000, 0, 1) * 1000

/** A retention that has held since ever. */
export function retentionOf(days: number): Retention {
  return { days, sinceUs: FIRST_US, keptFromUs: FIRST_US }
}

/**
 * The retention as the tables note it. One that has changed is noted first. `days`: 0 keeps all.
 */
export async function noteRetention(lake: Lake, days: number, nowUs: number): Promise<Retention> {
  await lake.refresh()
  const { metrics } = lake
  const note = newestValue(metrics, SUMMARY_KEYS.retention)
  const noted = note === undefined ? null : readNote(note)
  if (noted?.days === days) return noted
  const keptFromUs = wholeFromUs(metrics) ?? FIRST_US
  const retention = { days, sinceUs: nowUs, keptFromUs }
  if (days === 0 && noted === null && keptFromUs === FIRST_US) return retentionOf(0)
  const summary = { [SUMMARY_KEYS.retention]: `${days} ${nowUs} ${keptFromUs}` }
  const commitId = `retention-${nowUs}`
  await lake.commit({ metrics: { add: [], remove: [] }, summary, commitId })
  return retention
}

function readNote(note: string): Retention | null {
  const [days, sinceUs, keptFromUs] = note.split(' ').map(Number)
  if (days === undefined || sinceUs === undefined || keptFromUs === undefined) return null
  return { days, sinceUs, keptFromUs }
}
