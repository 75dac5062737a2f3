/**
 * How many offsets of the topic stand for no event, in memory that all threads share: markers of transactions, records that
 * were taken back or compacted away, and what was gone before the job began. The job's reader counts them as it passes, so
 * that the writer's thread can tell events from offsets: events ever = sum of the partitions' ends - passed over.
 */

export type PassedOver = Readonly<{ get(): number; set(value: number): void }>

export function newPassedOverMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)
}

export function openPassedOver(memory: SharedArrayBuffer): PassedOver {
  const slots = new BigInt64Array(memory)
  return {
    get: () => Number(Atomics.load(slots, 0)),
    set(value) {
      Atomics.store(slots, 0, BigInt(value))
    },
  }
}
