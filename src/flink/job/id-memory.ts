/**
 * Whether the event ids in the job's state still suffice. Flink remembers an id for a time by the wall clock, also while the job does not
 * run; what waits in the topic meanwhile came earlier than it is read. A record that has waited for longer than the memory outlasts the
 * horizon may repeat an id that is forgotten, and would be counted again.
 */

/** For how many horizons Flink remembers an id: a record may wait as long as those beyond the first. */
export const REMEMBERED_HORIZONS = 2

const MS_PER_MINUTE = 60_000

export type IdMemory = Readonly<{
  horizonMs: number
  /** When Flink has committed last; null where it never has. */
  committedMs: number | null
  nowMs: number
  /** Records that wait, and reached the topic before this time. */
  countWaiting: (beforeMs: number) => Promise<number>
}>

/** Why the job must not go on unasked; null when it may. */
export async function whyForgotten(memory: IdMemory): Promise<string | null> {
  const { horizonMs, committedMs, nowMs, countWaiting } = memory
  const waitMaxMs = (REMEMBERED_HORIZONS - 1) * horizonMs
  // Of a backlog that it was reading until now the ids are as young as the reading.
  if (committedMs === null || nowMs - committedMs <= waitMaxMs) return null
  const waiting = await countWaiting(nowMs - waitMaxMs)
  if (waiting === 0) return null
  const spare = elapsedText(waitMaxMs)
  return (
    `Flink has committed nothing for ${elapsedText(nowMs - committedMs)}, by this machine's clock, and ${waiting} records have waited for ` +
    `more than ${spare}. It remembers event ids for ${spare} longer than dedupe.horizon, so repeats among these records could be counted ` +
    'twice. If their senders have sent nothing twice, or for good: campaign-metrics start --accept-repeats'
  )
}

function elapsedText(ms: number): string {
  return ms < MS_PER_MINUTE
    ? `${Math.round(ms / 1000)} s`
    : `${Math.round(ms / MS_PER_MINUTE)} minutes`
}
