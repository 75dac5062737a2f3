/**
 * Encodes a column of JavaScript values into Parquet pages, for campaign_metrics (the engine
 * encodes campaign_events).
 *
 *   data page body   definition levels: u32 length, RLE runs of 0 (null) and 1
 *                    then values: PLAIN, or for repeated strings a bit width and indexes
 *                    into the dictionary
 *
 * Numbers are PLAIN: zstd compresses sorted 8-byte values as well as a cleverer encoding would.
 */

import type { EncodedColumn, EncodedPage } from '../../event.ts'
import { doubleBytes, longBytes } from '../bounds.ts'

/** A page without what is known of its values. */
type Page = Omit<EncodedPage, 'nullCount' | 'min' | 'max'>

type Encoded = Readonly<{
  min: Uint8Array | null
  max: Uint8Array | null
  pages: readonly Page[]
}>

/**
 * Whole numbers and timestamps. They would not be exact beyond 2^53, which none here comes near.
 */
export function encodeLongs(name: string, values: readonly number[]): EncodedColumn {
  const bytes = Buffer.allocUnsafe(values.length * 8)
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let offset = 0
  for (const value of values) {
    // Two halves are several times quicker than a bigint each.
    const high = Math.floor(value / 2 ** 32)
    bytes.writeInt32LE(
      value - high * 2 ** 32 - (value - high * 2 ** 32 >= 2 ** 31 ? 2 ** 32 : 0),
      offset,
    )
    bytes.writeInt32LE(high, offset + 4)
    offset += 8
    if (value < min) min = value
    if (value > max) max = value
  }
  const any = values.length > 0
  return column(name, values, {
    min: any ? longBytes(BigInt(min)) : null,
    max: any ? longBytes(BigInt(max)) : null,
    pages: [plainPage(values, bytes)],
  })
}

export function encodeDoubles(name: string, values: readonly (number | null)[]): EncodedColumn {
  const present = values.filter((value) => value !== null)
  const bytes = Buffer.allocUnsafe(present.length * 8)
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let offset = 0
  for (const value of present) {
    offset = bytes.writeDoubleLE(value, offset)
    if (value < min) min = value
    if (value > max) max = value
  }
  const any = present.length > 0
  return column(name, values, {
    min: any ? doubleBytes(min) : null,
    max: any ? doubleBytes(max) : null,
    pages: [plainPage(values, bytes)],
  })
}

/** A dictionary where values repeat, plain otherwise. */
export function encodeStrings(name: string, values: readonly string[]): EncodedColumn {
  const indexOf = new Map<string, number>()
  for (const value of values) if (!indexOf.has(value)) indexOf.set(value, indexOf.size)
  const distinct = Array.from(indexOf.keys(), (value) => Buffer.from(value))
  const ordered = distinct.toSorted(Buffer.compare)
  const repeats = indexOf.size <= values.length / 2
  const pages = repeats
    ? dictionaryPages(
        distinct,
        values.map((value) => indexOf.get(value)!),
      )
    : [plainPage(values, plainStrings(values.map((value) => distinct[indexOf.get(value)!]!)))]
  return column(name, values, { min: ordered[0] ?? null, max: ordered.at(-1) ?? null, pages })
}

function column(name: string, values: readonly unknown[], encoded: Encoded): EncodedColumn {
  const nullCount = values.reduce<number>((count, value) => (value === null ? count + 1 : count), 0)
  const { min, max } = encoded
  // All values are in one data page.
  const pages = encoded.pages.map((page) =>
    page.kind === 'data'
      ? { ...page, nullCount, min, max }
      : { ...page, nullCount: 0, min: null, max: null },
  )
  return { name, values: values.length, nullCount, min, max, pages }
}

function plainPage(values: readonly unknown[], body: Uint8Array): Page {
  const bytes = Buffer.concat([definitionLevels(values), body])
  return { kind: 'data', encoding: 'PLAIN', values: values.length, bytes }
}

function plainStrings(values: readonly Buffer[]): Buffer {
  const parts = values.flatMap((value) => {
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(value.length)
    return [length, value]
  })
  return Buffer.concat(parts)
}

function dictionaryPages(distinct: readonly Buffer[], indexes: readonly number[]): Page[] {
  const width = Math.max(1, 32 - Math.clz32(distinct.length - 1))
  const body = Buffer.concat([Buffer.of(width), bitPacked(indexes, width)])
  const bytes = Buffer.concat([definitionLevels(indexes), body])
  return [
    {
      kind: 'dictionary',
      encoding: 'PLAIN',
      values: distinct.length,
      bytes: plainStrings(distinct),
    },
    { kind: 'data', encoding: 'RLE_DICTIONARY', values: indexes.length, bytes },
  ]
}

/**
 * Present or null, value by value, as runs (parquet-format: "Run Length Encoding / Bit-Packing
 * Hybrid").
 */
function definitionLevels(values: readonly unknown[]): Buffer {
  const runs: number[] = []
  for (let start = 0; start < values.length; ) {
    const isNull = values[start] === null
    let end = start + 1
    while (end < values.length && (values[end] === null) === isNull) end++
    putVarint(runs, (end - start) << 1)
    runs.push(isNull ? 0 : 1)
    start = end
  }
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(runs.length)
  return Buffer.concat([length, Buffer.from(runs)])
}

/** One bit-packed run: values in groups of eight, the lowest bits first. */
function bitPacked(indexes: readonly number[], width: number): Buffer {
  const groups = Math.ceil(indexes.length / 8)
  const header: number[] = []
  putVarint(header, (groups << 1) | 1)
  const packed = Buffer.alloc(groups * width)
  let bit = 0
  for (const index of indexes) {
    for (let done = 0; done < width; ) {
      const room = 8 - (bit & 7)
      const taken = Math.min(room, width - done)
      packed[bit >>> 3]! |= ((index >>> done) & ((1 << taken) - 1)) << (bit & 7)
      bit += taken
      done += taken
    }
  }
  return Buffer.concat([Buffer.from(header), packed])
}

function putVarint(bytes: number[], value: number): void {
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
}
