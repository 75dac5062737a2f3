/**
 * Thrift's compact protocol, the part that Parquet's headers and footers need (writing only).
 *
 *   field header  one byte: id difference << 4 | type, then the value; the struct ends with 0
 *   integers      zigzag varints
 *   binary        varint length, bytes
 *   list          size << 4 | type (size 15: a varint follows), elements
 */
import { strict as assert } from 'node:assert'

export type ThriftValue =
  | Readonly<{ type: 'bool'; value: boolean }>
  | Readonly<{ type: 'i32' | 'i64'; value: number }>
  | Readonly<{ type: 'binary'; value: Uint8Array }>
  | Readonly<{ type: 'list'; value: readonly ThriftValue[] }>
  | ThriftStruct
/** Fields by id, ascending; undefined ones are left out. */
export type ThriftStruct = Readonly<{
  type: 'struct'
  value: readonly (readonly [id: number, value: ThriftValue | undefined])[]
}>

const TYPE = { true: 1, false: 2, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const

export const bool = (value: boolean): ThriftValue => ({ type: 'bool', value })
export const i32 = (value: number): ThriftValue => ({ type: 'i32', value })
export const i64 = (value: number): ThriftValue => ({ type: 'i64', value })
export const text = (value: string): ThriftValue => ({ type: 'binary', value: Buffer.from(value) })
export const binary = (value: Uint8Array): ThriftValue => ({ type: 'binary', value })
export const list = (value: readonly ThriftValue[]): ThriftValue => ({ type: 'list', value })
export const struct = (...value: ThriftStruct['value']): ThriftStruct => ({ type: 'struct', value })

export function encodeThrift(value: ThriftStruct): Uint8Array {
  const bytes: number[] = []
  putStruct(bytes, value)
  return Uint8Array.from(bytes)
}

function putStruct(bytes: number[], { value: fields }: ThriftStruct): void {
  let previous = 0
  for (const [id, value] of fields) {
    if (value === undefined) continue
    // A longer step takes another form, which no struct of Parquet needs.
    assert(id > previous && id - previous <= 15, `field ${id} after ${previous}`)
    bytes.push(((id - previous) << 4) | fieldType(value))
    previous = id
    if (value.type !== 'bool') putValue(bytes, value)
  }
  bytes.push(0)
}

function putValue(bytes: number[], value: ThriftValue): void {
  switch (value.type) {
    case 'bool':
      bytes.push(fieldType(value))
      return
    case 'i32':
      putVarint(bytes, BigInt.asUintN(32, BigInt((value.value << 1) ^ (value.value >> 31))))
      return
    case 'i64':
      putVarint(bytes, zigzag(BigInt(value.value)))
      return
    case 'binary':
      putVarint(bytes, BigInt(value.value.length))
      for (const byte of value.value) bytes.push(byte)
      return
    case 'list':
      putList(bytes, value.value)
      return
    case 'struct':
      putStruct(bytes, value)
      return
  }
}

function putList(bytes: number[], elements: readonly ThriftValue[]): void {
  const first = elements[0]
  const type = first === undefined ? TYPE.struct : fieldType(first)
  if (elements.length < 15) bytes.push((elements.length << 4) | type)
  else {
    bytes.push(0xf0 | type)
    putVarint(bytes, BigInt(elements.length))
  }
  for (const element of elements) putValue(bytes, element)
}

function fieldType(value: ThriftValue): number {
  if (value.type === 'bool') return value.value ? TYPE.true : TYPE.false
  return TYPE[value.type]
}

function zigzag(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
}

function putVarint(bytes: number[], value: bigint): void {
  let rest = value
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
}
