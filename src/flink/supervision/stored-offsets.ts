/**
 * Up to which offset of each partition the tables hold what the topic has, told by event ids: the
 * offsets of Flink's groups run ahead of the tables.
 *
 * A commit of Flink holds all records of a partition before one offset, and none after it. So that
 * offset lies behind the last stored event before the first event that is not stored:
 *
 *   records    s  s  x  s  s  x  n  s  n  n      s  id is in the table       n  a sound event, id is not
 *                             ▲                  x  rejected, or of a sender's time
 *                             └─ found           the s behind n repeats an event from before
 *
 * Nothing is lost if a record between the last s and the first n counts as not stored: Flink
 * rejects it again, and what is in `rejected/` is not kept twice.
 */
import { parseEvent } from '../../event.ts'
import { type Frame, type FrameRecord, recordsOf } from '../../log.ts'
import { DAY_US } from '../../table.ts'
import type { Retention } from '../job/retention.ts'
import type { IdSet } from './id-set.ts'

export type StoredOffsets = Readonly<{
  /** Frames from one reader, in order. */
  take(frame: Frame): void
  /** In every partition an event that is not stored was met. */
  isDone(): boolean
  /** By partition. */
  offsets(): readonly number[]
}>

/** `from`: by partition, where the frames begin. `retention`: that by which the job has judged. */
export function openStoredOffsets(
  stored: Pick<IdSet, 'has'>,
  from: readonly number[],
  retention: Retention,
): StoredOffsets {
  const offsets = [...from]
  const isOver = from.map(() => false)

  function takeRecord({ bytes, partition, offset }: FrameRecord, arrivalUs: number): void {
    if (partition === undefined || isOver[partition] !== false) return
    if (idsOf(bytes).some((id) => stored.has(id))) offsets[partition] = offset + 1
    else isOver[partition] = isSound(bytes, arrivalUs, retention)
  }

  return {
    take(frame) {
      if (frame.hasSenderTime === true) return
      for (const record of recordsOf(frame)) takeRecord(record, frame.arrivalUs)
    },
    isDone: () => isOver.every((over) => over),
    offsets: () => offsets,
  }
}

/** Whether the job must have stored it, had it read it. What is in doubt is not. */
function isSound(bytes: Uint8Array, arrivalUs: number, retention: Retention): boolean {
  const event = parseEvent(bytes, arrivalUs, retention.keptFromUs)
  if (!('timestampUs' in event)) return false
  // Before the setting was changed, another held: of a day at least.
  const days = arrivalUs < retention.sinceUs ? 1 : retention.days
  return days === 0 || arrivalUs - event.timestampUs < days * DAY_US
}

/** The ids under which Flink's JSON format stores a record, which takes more than the rules allow. */
function idsOf(bytes: Uint8Array): readonly string[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString())
    return (Array.isArray(value) ? value : [value]).flatMap((event: unknown) => {
      const { event_id: id }: Readonly<{ event_id?: unknown }> = Object(event)
      return ['string', 'number', 'boolean'].includes(typeof id) ? [String(id)] : []
    })
  } catch {
    return []
  }
}
