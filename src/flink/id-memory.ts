/**
 * Whether the event ids in the job's state still suffice. Flink remembers an id for a time by the wall clock, also while the job does not
 * run; what waits in the topic meanwhile came earlier than it is read. After an outage longer than the memory outlasts the
 * horizon, a repeat that waits may belong to an id that is forgotten, and would be counted again.
 */
import { type KafkaPlace, readConsumerLag } from '../log.ts'

/** For how many horizons Flink remembers an id: an outage may last as long as those beyond the first. */
export const REMEMBERED_HORIZONS = 2

export type IdMemory = Readonly<{
  topic: KafkaPlace
  group: string
  horizonMs: number
  /** When Flink has committed last; null where it never has. */
  committedMs: number | null
  nowMs: number
}>

/** Why the job must not go on unasked; null when it may. */
export async function whyForgotten(memory: IdMemory): Promise<string | null> {
  const { topic, group, horizonMs, committedMs, nowMs } = memory
  const outageMaxMs = (REMEMBERED_HORIZONS - 1) * horizonMs
  if (committedMs === null || nowMs - committedMs <= outageMaxMs) return null
  const { waiting } = await readConsumerLag(topic, group)
  if (waiting === 0) return null
  const minutes = (ms: number): string => `${Math.round(ms / 60_000)} minutes`
  return (
    `Flink has committed nothing for ${minutes(nowMs - committedMs)}, by this machine's clock, and ${waiting} records wait. It remembers ` +
    `event ids for ${minutes(outageMaxMs)} longer than dedupe.horizon, so repeats among these records could be counted twice. If their ` +
    'senders have sent nothing twice, or for good: campaign-metrics start --accept-repeats'
  )
}
