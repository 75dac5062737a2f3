/**
 * The topic beneath the job: what of it Flink can still read, and which of its offsets hold events.
 *
 * Flink's own offsets are compared with the beginnings of the partitions before each submission and
 * while the job runs. What retention has removed before Flink had read it is lost to the tables,
 * and the job must not go past it unasked:
 *
 *   offset   0             500                     1000           1500
 *            │ read        │ gone, never read      │ still there  │ end
 *                          └─ committed by Flink   └─ start
 *
 * Markers and aborted records that are gone are no loss, though Flink's offset stays before them.
 */
import {
  beginAt,
  type EventCount,
  type EventCounter,
  type KafkaPlace,
  openEventCounter,
  readConsumerLag,
} from '../../log.ts'
import { type CountedNote, takenOffsets } from './counted-offsets.ts'

export type Gap = Readonly<{
  partition: number
  /** The first offset that Flink has not read. */
  from: number
  /** The first one that is still there. */
  to: number
}>

export type TopicStanding = Readonly<{
  /** What was removed unread. */
  gaps: readonly Gap[]
  /** Some offset at which Flink goes on is no longer there, whether that lost an event or not. */
  isBehind: boolean
}>

export type TopicWatch = Readonly<{
  /** Counts what holds no event, too. Throws LogError. */
  look(): Promise<TopicStanding>
  /** From now on the gaps count as offsets without events. Throws LogError. */
  passGaps(): Promise<void>
  /**
   * Before a job that has no checkpoint: it begins at these offsets, or, for the first time, at what
   * the topic has. Throws LogError.
   */
  begin(from: readonly number[] | null): Promise<void>
  close(): Promise<void>
}>

export type TopicWatchOptions = Readonly<{
  topic: KafkaPlace
  /** Of the two sources: `events` is the one whose offsets the ledger goes by. */
  groups: Readonly<{ events: string; lines: string }>
  note: CountedNote
  steadyMs: () => number
}>

/** A moved position alone is noted so often; it is found again by reading. */
const NOTE_MS = 30_000

export function openTopicWatch({ topic, groups, note, steadyMs }: TopicWatchOptions): TopicWatch {
  let counter: EventCounter | null = null
  let counts: readonly EventCount[] | null = null
  let notedMs = Number.NEGATIVE_INFINITY

  async function keep(next: readonly EventCount[]): Promise<void> {
    const before = counts ?? []
    const isNew =
      next.length !== before.length ||
      next.some(({ withoutEvent }, at) => withoutEvent !== before[at]?.withoutEvent)
    counts = next
    if (!isNew && steadyMs() - notedMs < NOTE_MS) return
    await note.write(next)
    notedMs = steadyMs()
  }

  async function readLags() {
    const events = await readConsumerLag(topic, groups.events)
    return { events, lines: await readConsumerLag(topic, groups.lines) }
  }

  return {
    async look() {
      counter ??= await openEventCounter(topic, steadyMs)
      counts ??= await note.read()
      const { events, lines } = await readLags()
      const taken = events.partitions.map(({ committed }) => committed)
      await keep(await counter.advance(counts, taken))
      return standingOf(events, lines, counts)
    },
    async passGaps() {
      counts ??= await note.read()
      const { events } = await readLags()
      const taken = takenOffsets(events, counts)
      await keep(
        events.partitions.map(({ start }, partition) => {
          const { until, withoutEvent } = counts?.[partition] ?? { until: 0, withoutEvent: 0 }
          const lost = Math.max(0, start - (taken[partition] ?? 0))
          return { until: Math.max(until, lost > 0 ? start : 0), withoutEvent: withoutEvent + lost }
        }),
      )
    },
    async begin(from) {
      await beginAt(topic, groups.lines, from ?? [])
      const starts = await beginAt(topic, groups.events, from ?? [])
      if (from !== null) return
      await keep(starts.map((start) => ({ until: start, withoutEvent: start })))
    },
    async close() {
      await counter?.close()
    },
  }
}

type Lag = Awaited<ReturnType<typeof readConsumerLag>>

/**
 * Both sources read the same records, and what was counted holds for one that is as far. `lines` may
 * be a checkpoint behind: that is a gap of its own only where `events` has none.
 */
export function standingOf(events: Lag, lines: Lag, counts: readonly EventCount[]): TopicStanding {
  const gaps: Gap[] = []
  let isBehind = false
  for (const [partition, { start, committed }] of events.partitions.entries()) {
    const others = lines.partitions[partition]?.committed ?? committed
    if (committed === null || others === null) continue
    isBehind ||= Math.min(committed, others) < start
    const until = counts[partition]?.until ?? 0
    const taken = Math.max(committed, until)
    const from = taken >= start && others < committed ? others : taken
    if (from < start) gaps.push({ partition, from, to: start })
  }
  return { gaps, isBehind }
}

export function gapsText(topic: string, gaps: readonly Gap[]): string {
  const places = gaps.map(
    ({ partition, from, to }) =>
      `${to - from} records of partition ${partition} (offsets ${from} to ${to - 1})`,
  )
  return (
    `The topic ${topic} no longer holds ${places.join(', ')}: its retention removed them before ` +
    'Flink had read them, and the job does not go past the gap. Restore the topic; or, to go on ' +
    'without what was lost: campaign-metrics start --new-log'
  )
}
