/**
 * How many offsets of the topic hold no event, in memory that all threads share: transaction
 * markers, records of aborted transactions or compacted away, and what was gone before the job
 * began. The job's reader counts them as it passes, so that the writer's thread can tell events
 * from offsets: all events ever = sum of the partitions' ends - passed over.
 */
type PassedOver = Readonly<{ get(): number; set(value: number): void }>

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
