/**
 * The events that wait, within a bound. Conversions are sent first and dropped last, impressions
 * the other way round; of one type the oldest are sent first and dropped first.
 */
import type { EventType, QueuedEvent } from './event.ts'

export type Queue = Readonly<{
  add(event: QueuedEvent): void
  /** Events of earlier pages, before all others. */
  addOldest(events: readonly QueuedEvent[]): void
  has(event: QueuedEvent): boolean
  remove(event: QueuedEvent): void
  /** At most one batch of what is not under way, in the order of sending. */
  batch(limits: BatchLimits): QueuedEvent[]
  all(): Iterable<QueuedEvent>
  size(): number
  bytes(): number
}>

export type BatchLimits = Readonly<{ events: number; bytes: number }>

const SENT_FIRST: readonly EventType[] = ['conversion', 'click', 'impression']
const DROPPED_FIRST: readonly EventType[] = [...SENT_FIRST].reverse()

/** `onDropped` is called for each event that the bound has pushed out. */
export function createQueue(bound: BatchLimits, onDropped: (event: QueuedEvent) => void): Queue {
  const waiting: Record<EventType, Set<QueuedEvent>> = {
    impression: new Set(),
    click: new Set(),
    conversion: new Set(),
  }
  let size = 0
  let bytes = 0

  function remove(event: QueuedEvent): void {
    if (!waiting[event.type].delete(event)) return
    size--
    bytes -= event.bytes
  }

  /** One event of the least worth that is not just being sent. */
  function dropOne(): boolean {
    for (const type of DROPPED_FIRST) {
      for (const event of waiting[type]) {
        if (event.isUnderWay) continue
        remove(event)
        onDropped(event)
        return true
      }
    }
    return false
  }

  function dropExcess(): void {
    while (size > bound.events || bytes > bound.bytes) if (!dropOne()) return
  }

  return {
    add(event) {
      waiting[event.type].add(event)
      size++
      bytes += event.bytes
      dropExcess()
    },
    addOldest(events) {
      for (const type of SENT_FIRST) {
        const old = events.filter((event) => event.type === type)
        waiting[type] = new Set([...old, ...waiting[type]])
      }
      size += events.length
      for (const event of events) bytes += event.bytes
      dropExcess()
    },
    has: (event) => waiting[event.type].has(event),
    remove,
    batch(limits) {
      const events: QueuedEvent[] = []
      let total = 0
      for (const type of SENT_FIRST) {
        for (const event of waiting[type]) {
          if (event.isUnderWay) continue
          if (events.length >= limits.events) return events
          if (total + event.bytes > limits.bytes && events.length > 0) return events
          events.push(event)
          total += event.bytes
        }
      }
      return events
    },
    *all() {
      for (const type of SENT_FIRST) yield* waiting[type]
    },
    size: () => size,
    bytes: () => bytes,
  }
}
