/** Who waits for the queue: calls of `flush` for the events before them, of `ready` for room. */
import type { Queue } from './queue.ts'

export type Waiters = Readonly<{
  flushed(until: number): Promise<void>
  ready(): Promise<void>
  /** The queue has become shorter, or sending has ended for now. */
  settle(hasEnded: boolean): void
}>

/** The share of the bound up to which there is room. */
const READY_FILL = 0.5

export function createWaiters(
  queue: Queue,
  bound: Readonly<{ events: number; bytes: number }>,
): Waiters {
  let flushes: readonly Readonly<{ until: number; done: () => void }>[] = []
  let waitingForRoom: (() => void)[] = []

  function isWaiting(until: number): boolean {
    for (const { sequence } of queue.all()) if (sequence <= until) return true
    return false
  }

  function hasRoom(): boolean {
    return queue.size() <= READY_FILL * bound.events && queue.bytes() <= READY_FILL * bound.bytes
  }

  return {
    flushed(until) {
      if (!isWaiting(until)) return Promise.resolve()
      return new Promise((done) => {
        flushes = [...flushes, { until, done }]
      })
    },
    ready() {
      if (hasRoom()) return Promise.resolve()
      return new Promise((resolve) => waitingForRoom.push(resolve))
    },
    settle(hasEnded) {
      flushes = flushes.filter(({ until, done }) => {
        if (!hasEnded && isWaiting(until)) return true
        done()
        return false
      })
      if (!hasRoom()) return
      for (const resolve of waitingForRoom) resolve()
      waitingForRoom = []
    },
  }
}
