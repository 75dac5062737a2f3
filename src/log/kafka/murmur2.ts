/**
 * The partition of a key, as Kafka's Java client chooses it (`BuiltInPartitioner.partitionForKey`): MurmurHash2, 32 bits,
 * its sign bit cleared, modulo the number of partitions. So an id goes where any other default producer puts it.
 */

const SEED = 0x9747b28c | 0
const M = 0x5bd1e995
const R = 24

export function partitionOf(key: Uint8Array, from: number, to: number, partitions: number): number {
  return (murmur2(key, from, to) & 0x7fffffff) % partitions
}

/** Of the bytes `[from, to)`, as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from
  const wholeEnd = from + (length & ~3)
  let h = SEED ^ length
  for (let at = from; at < wholeEnd; at += 4) {
    let k = Math.imul(littleEndian(bytes, at, 4), M)
    k ^= k >>> R
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  if (wholeEnd < to) h = Math.imul(h ^ littleEndian(bytes, wholeEnd, to - wholeEnd), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = 0; i < count; i += 1) value |= (bytes[at + i] ?? 0) << (8 * i)
  return value
}
