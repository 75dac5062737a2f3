/**
 * Column bounds in manifests (spec: "Binary single-value serialization"). For the types used here these bytes are the
 * same as Parquet's PLAIN encoding without the length prefix: long and timestamp 8 bytes little-endian, double IEEE 754
 * little-endian, string UTF-8. Bounds are never cut short: the longest column holds 256 bytes, and a cut upper bound
 * that is not raised again loses rows without a word.
 */
import type { FieldType } from './schema.ts'

export type Bounds = Readonly<{ lower: Uint8Array; upper: Uint8Array }>

/**
 * The bounds of a column from its smallest and largest value; null where there is none, or where a NaN makes them
 * meaningless. A zero is widened to both signs, because readers differ in whether -0 equals 0.
 */
export function boundsOf(
  type: FieldType,
  min: Uint8Array | null,
  max: Uint8Array | null,
): Bounds | null {
  if (min === null || max === null) return null
  if (type !== 'double') return { lower: min, upper: max }
  const lower = doubleOf(min)
  const upper = doubleOf(max)
  if (Number.isNaN(lower) || Number.isNaN(upper)) return null
  return {
    lower: doubleBytes(lower === 0 ? -0 : lower),
    upper: doubleBytes(upper === 0 ? 0 : upper),
  }
}

export function longBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, value, true)
  return bytes
}

export function longOf(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true)
}

export function doubleBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value, true)
  return bytes
}

/** A partition value: `date` is 4 bytes little-endian. */
export function dayBytes(day: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, day, true)
  return bytes
}

function doubleOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true)
}
