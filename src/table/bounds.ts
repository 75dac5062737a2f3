/**
 * Column bounds in manifests (spec: "Binary single-value serialization"). For the types used here
 * these bytes are the same as Parquet's PLAIN encoding without the length prefix: long and
 * timestamp 8 bytes little-endian, double IEEE 754 little-endian, string UTF-8.
 *
 * A wrong bound loses rows silently. So where a string's bound is cut to a number of characters,
 * the upper bound is raised again: its last character becomes the next one.
 */
import type { Field } from './schema.ts'

/** Without one of them, a file is never skipped on that side. */
export type Bounds = Readonly<{ lower: Uint8Array | null; upper: Uint8Array | null }>

const NO_BOUNDS: Bounds = { lower: null, upper: null }

/**
 * The bounds of a column from its smallest and largest value; none where a NaN makes them
 * meaningless. A bound of zero covers both signs, because readers differ in whether -0 equals 0.
 */
export function boundsOf(field: Field, min: Uint8Array | null, max: Uint8Array | null): Bounds {
  if (min === null || max === null) return NO_BOUNDS
  switch (field.type) {
    case 'string':
      if (field.boundsLength === undefined) return { lower: min, upper: max }
      return { lower: cut(min, field.boundsLength), upper: cutAndRaised(max, field.boundsLength) }
    case 'double':
      return doubleBounds(doubleOf(min), doubleOf(max))
    case 'long':
    case 'timestamp':
      return { lower: min, upper: max }
  }
}

function doubleBounds(min: number, max: number): Bounds {
  if (Number.isNaN(min) || Number.isNaN(max)) return NO_BOUNDS
  return { lower: doubleBytes(min === 0 ? -0 : min), upper: doubleBytes(max === 0 ? 0 : max) }
}

/** The first `characters` of a text: not above it in any order of code points. */
function cut(utf8: Uint8Array, characters: number): Uint8Array {
  let end = 0
  for (let count = 0; end < utf8.length; end++) {
    const beginsCharacter = (utf8[end]! & 0xc0) !== 0x80
    if (beginsCharacter && ++count > characters) break
  }
  return utf8.subarray(0, end)
}

/**
 * The least text of so many characters that is not below the given one; null where there is none.
 */
function cutAndRaised(utf8: Uint8Array, characters: number): Uint8Array | null {
  const kept = cut(utf8, characters)
  if (kept.length === utf8.length) return utf8
  const points = Array.from(Buffer.from(kept).toString(), (character) => character.codePointAt(0)!)
  while (points.length > 0) {
    const next = nextCodePoint(points.pop()!)
    if (next !== null) return Buffer.from(String.fromCodePoint(...points, next))
  }
  return null
}

const LAST_CODE_POINT = 0x10ffff
const FIRST_SURROGATE = 0xd800
const AFTER_SURROGATES = 0xe000

function nextCodePoint(point: number): number | null {
  if (point === LAST_CODE_POINT) return null
  return point + 1 === FIRST_SURROGATE ? AFTER_SURROGATES : point + 1
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

export function doubleOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true)
}
